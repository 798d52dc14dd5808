"""What importing a renderer brings along."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["mskaudit.render", "mskaudit.render.text", "mskaudit.render.json"])
def test_light_formats_load_no_heavy_library(module: str) -> None:
    program = f"import sys, {module}; print({{'jinja2', 'rich', 'boto3', 'yaml', 'asyncio'}} & set(sys.modules) or '')"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert shown.stdout.strip() == ""
