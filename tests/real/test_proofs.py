"""The proofs of the rules end on Apache Kafka as the page says."""

from __future__ import annotations

from mskaudit.engine.corpus import load
from tests.real.proofs import PAGE, page


def test_the_page_of_proofs_is_as_apache_kafka_shows_it() -> None:
    assert PAGE.read_text() == page(load())
