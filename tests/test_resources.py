"""In a checkout the folders beside the package are used, never a copy inside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mskaudit.resources import folder

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", ["rules", "reports", "fixtures/worlds"])
def test_checkout_wins_over_what_an_install_left_behind(name: str) -> None:
    assert folder(name) == CHECKOUT / name
    assert folder(name).is_dir()


def test_what_the_checkout_lacks_is_looked_for_in_the_package() -> None:
    assert folder("nothing") == CHECKOUT / "mskaudit" / "_data" / "nothing"
