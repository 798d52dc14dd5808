"""The package stays free of I/O and of everything that is not the standard library."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, pkgutil, sys
before = set(sys.modules)
import mskaudit.wire
for module in pkgutil.walk_packages(mskaudit.wire.__path__, "mskaudit.wire."):
    __import__(module.name)
print(json.dumps([sorted(sys.modules), sorted(set(sys.modules) - before)]))
"""


def test_importing_all_of_wire_imports_no_io() -> None:
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  our own program
    everything, added = json.loads(answer.stdout)
    roots = {name.partition(".")[0] for name in added}
    assert not {"socket", "_socket", "ssl", "_ssl", "asyncio", "select", "selectors"} & set(everything)
    assert roots <= set(sys.stdlib_module_names) | {"mskaudit"}
    assert {"mskaudit.wire.tls", "mskaudit.wire.apis.logs"} <= set(added)
