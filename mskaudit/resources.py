"""Where rules, templates, tables and worlds are, in a checkout and in an installed wheel.

The folders stand beside the package in a checkout and inside it (`_data`) in a wheel. A checkout wins, since an
editable install may have left an old copy behind.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@cache
def folder(name: str) -> Path:
    """The folder `rules`, `reports` or `fixtures/worlds` of this installation."""
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    return _PACKAGE / "_data" / name
