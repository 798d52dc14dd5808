"""The reference worlds of all proofs, started once for the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mskaudit.engine.corpus import Corpus, load
from mskaudit.prove import State, look, states

if TYPE_CHECKING:
    from mskaudit.model.dossier import Dossier


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return load()


@pytest.fixture(scope="session")
def seen(corpus: Corpus) -> dict[State, Dossier]:
    return look(states(corpus))
