from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.gather.aws.saved import read, recognize
from mskaudit.gather.aws.shapes import PROMISES
from mskaudit.model.dossier import Dossier, load, store
from mskaudit.model.evidence import Gap, Reason

FIXTURES = Path(__file__).parents[3] / "fixtures" / "aws"
AT = "2026-11-23T08:00:00Z"


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize(
    ("name", "clusters"),
    [
        ("provisioned-zookeeper", ["orders"]),
        ("provisioned-minimal", ["bare"]),
        ("express-kraft", ["express"]),
        ("serverless", ["events"]),
        ("creating", ["coming"]),
        ("deleting", ["going"]),
        ("list-clusters-v2", ["orders", "events", "express"]),
        ("v1-describe-cluster", ["orders"]),
        ("v1-list-clusters", ["orders", "bare"]),
    ],
)
def test_saved_answer_gives_its_clusters(name: str, clusters: list[str]) -> None:
    content = document(name)
    assert recognize(content)
    inventory = read(content, f"{name}.json", AT)
    assert [cluster.sightings[0].known["declared.name"] for cluster in inventory.clusters] == clusters
    assert inventory.gaps == ()
    for cluster in inventory.clusters:
        (sighting,) = cluster.sightings
        assert (sighting.origin, sighting.at, sighting.gaps) == (f"{name}.json", AT, {})
        assert set(sighting.known) == set(PROMISES)


def test_every_fixture_survives_as_a_dossier() -> None:
    clusters = read(document("list-clusters-v2"), "f.json", AT).clusters
    dossier = Dossier(gathered_at=AT, targets=(), subjects=clusters)
    assert store(load(store(dossier), "d.json")) == store(dossier)


def test_page_with_a_next_token_is_not_the_inventory() -> None:
    inventory = read(document("list-clusters-v2-first-page"), "page.json", AT)
    assert [cluster.sightings[0].known["declared.name"] for cluster in inventory.clusters] == ["bare"]
    (gap,) = inventory.gaps
    assert (gap.path, gap.reason, gap.origin) == ("clusters", Reason.UNRESOLVED, "page.json")
    assert "fetch all pages" in gap.detail


@pytest.mark.parametrize("foreign", [None, [], "x", {}, {"schema_version": 1, "subjects": []}, {"Reservations": []}])
def test_foreign_document_is_not_recognized(foreign: object) -> None:
    assert not recognize(foreign)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param({"ClusterInfoList": {}}, "`ClusterInfoList`", id="not a list"),
        pytest.param({"ClusterInfoList": None}, "`ClusterInfoList`", id="null"),
        pytest.param({"ClusterInfoList": [7]}, "`ClusterInfoList[0]`", id="number"),
        pytest.param({"ClusterInfoList": [{"ClusterName": "x"}]}, "`ClusterInfoList[0]`", id="no ARN"),
        pytest.param({"ClusterInfo": []}, "`ClusterInfo`", id="one that is a list"),
    ],
)
def test_unusable_entry_is_a_gap_of_the_inventory(content: dict[str, Any], place: str) -> None:
    inventory = read(content, "f.json", AT)
    assert inventory.clusters == ()
    (gap,) = inventory.gaps
    assert (gap.path, gap.reason, gap.origin) == ("clusters", Reason.MALFORMED, "f.json")
    assert place in gap.detail


def test_unusable_entry_keeps_its_neighbours() -> None:
    content = document("list-clusters-v2")
    del content["ClusterInfoList"][1]["ClusterArn"]
    inventory = read(content, "f.json", AT)
    assert len(inventory.clusters) == 2
    assert inventory.gaps == (
        Gap(
            path="clusters",
            reason=Reason.MALFORMED,
            origin="f.json",
            detail="`ClusterInfoList[1]`: `ClusterArn` is missing",
        ),
    )


def test_cluster_listed_twice_is_one_cluster() -> None:
    one = document("serverless")["ClusterInfo"]
    inventory = read({"ClusterInfoList": [one, one]}, "f.json", AT)
    assert inventory == read({"ClusterInfoList": [one]}, "f.json", AT)


def test_cluster_listed_twice_differently_is_open_where_it_differs() -> None:
    one = document("serverless")["ClusterInfo"]
    (cluster,) = read({"ClusterInfoList": [one, {**one, "State": "DELETING"}]}, "f.json", AT).clusters
    (sighting,) = cluster.sightings
    assert {path: note.reason for path, note in sighting.gaps.items()} == {"declared.state": Reason.UNRESOLVED}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["ClusterArn", "ClusterType", "Provisioned", "EncryptionInfo"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["ClusterInfo", "ClusterInfoList", "NextToken"]), JSON, min_size=1))
def test_no_document_makes_it_raise_or_look_complete(content: dict[str, Any]) -> None:
    inventory = read(content, "f.json", AT)
    if recognize(content) and content.get("ClusterInfoList") != []:
        assert inventory.clusters or inventory.gaps


def test_reading_a_file_needs_no_boto() -> None:
    program = (
        "import sys, json; from mskaudit.gather.aws import saved, session, clusters;"
        f"saved.read(json.load(open({str(FIXTURES / 'list-clusters-v2.json')!r})), 'f', 'now');"
        "sys.exit(any(name.partition('.')[0] in ('boto3', 'botocore') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=FIXTURES.parents[1], check=False).returncode == 0  # noqa: S603  our own text
