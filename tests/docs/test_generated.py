"""What is generated is what the generator makes now; `make docs` mends a drift."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mskaudit.gather.aws.clusters import PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated(generator: ModuleType) -> dict[Path, bytes]:
    files: Iterator[tuple[Path, bytes]] = generator.generate()
    return dict(files)


def test_every_generated_file_is_current(generated: dict[Path, bytes]) -> None:
    stale = [str(path.relative_to(ROOT)) for path, content in generated.items() if path.read_bytes() != content]
    assert stale == []


def test_no_page_is_left_of_a_rule_that_is_gone(generated: dict[Path, bytes]) -> None:
    pages = set((ROOT / "docs" / "rules").glob("*.md"))
    assert pages <= set(generated)


def test_the_readme_names_every_permission() -> None:
    text = (ROOT / "README.md").read_text()
    assert [action for action in PERMISSIONS if f"`{action}`" not in text] == []


def test_the_readme_names_only_commands_and_files_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for link in {part.split(")")[0] for part in text.split("](")[1:]}:
        assert link.startswith("https://") or (ROOT / link).exists(), link
    makefile = (ROOT / "Makefile").read_text()
    for target in {line.split()[1] for line in text.splitlines() if line.startswith("make ")}:
        assert f"\n{target}:" in makefile
