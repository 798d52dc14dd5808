"""What a user of a running world is handed opens every listener, and says what the world is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from mskaudit import reference
from mskaudit.errors import UsageError
from mskaudit.reference.handout import _escaped, _quoted
from mskaudit.reference.worlds import load, names

WORLDS = [name for name in names() if load(name).brokers is not None]
# Java reads these names from the JAAS line; librdkafka has settings for them.
LOGIN = re.compile(r'(username|password)="((?:[^"\\]|\\.)*)"')


def read(path: Path) -> dict[str, str]:
    """A file of Java properties, without escapes."""
    lines = (line.partition("=") for line in path.read_text("latin-1").splitlines())
    return {key: value for key, _, value in lines}


def for_librdkafka(properties: dict[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {key: properties[key] for key in ("bootstrap.servers", "security.protocol")}
    if "ssl.truststore.location" in properties:
        settings["ssl.ca.location"] = properties["ssl.truststore.location"]
    if "ssl.keystore.location" in properties:
        settings |= {
            "ssl.certificate.location": properties["ssl.keystore.location"],
            "ssl.key.location": properties["ssl.keystore.location"],
        }
    if "sasl.mechanism" in properties:
        settings["sasl.mechanism"] = properties["sasl.mechanism"]
        settings |= {f"sasl.{key}": value for key, value in LOGIN.findall(properties["sasl.jaas.config"])}
    return settings


@pytest.mark.parametrize("name", WORLDS)
def test_everybody_who_is_handed_properties_gets_in(name: str, tmp_path: Path) -> None:
    tried: list[str] = []
    with reference.world(name, directory=tmp_path) as cluster:
        described = json.loads((tmp_path / "cluster.json").read_bytes())
        assert described == json.loads(json.dumps(dict(cluster.described)))
        assert cluster.world.brokers is not None
        controllers = [name for name, one in cluster.world.brokers.listeners.items() if one.controller]
        for listener in described["listeners"]:
            assert listener["bootstrap"] == cluster.bootstrap(listener["name"])
            for user, path in listener["properties"].items():
                assert Path(path) == tmp_path.resolve() / f"{listener['name']}.{user}.properties"
                assert cluster.properties(listener["name"], user) == Path(path)
                properties = read(Path(path))
                unspoken = properties.get("sasl.mechanism") in {"OAUTHBEARER", "AWS_MSK_IAM"}
                if unspoken or listener["name"] in controllers:
                    continue  # librdkafka has no login module for these; Java's clients try them
                with AdminClient(for_librdkafka(properties)) as client:
                    assert client.describe_cluster().result(10).cluster_id == cluster.world.brokers.cluster_id
                tried.append(user)
    assert bool(tried) is (name != "iam-only")


def test_what_a_user_needs_is_not_readable_by_others(tmp_path: Path) -> None:
    with reference.world("hardened", directory=tmp_path):
        written = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}
        assert {"cluster.json", "scram.billing.properties", "analytics.env", "shipping.pem"} <= written.keys()
        assert set(written.values()) == {0}


def test_names_that_meet_get_files_of_their_own(tmp_path: Path) -> None:
    oauth = {"audience": "another"}
    turn = {
        "brokers.certificates.ca": "CN=ca",
        "brokers.listeners.more": {"protocol": "SASL_SSL", "mechanisms": ["OAUTHBEARER"], "oauth": oauth},
        "brokers.listeners.alike": {"protocol": "SASL_SSL", "mechanisms": ["OAUTHBEARER"]},
    }
    with reference.world("self-managed", turn=turn, directory=tmp_path) as cluster:
        store = read(cluster.properties("mtls", "ca"))
        assert store["ssl.truststore.location"] != store["ssl.keystore.location"]
        url = "sasl.oauthbearer.token.endpoint.url"
        tokens, more, alike = (
            read(cluster.properties(name, "alice"))[url].rpartition("/")[2] for name in ("tokens", "more", "alike")
        )
        assert (tokens, more, alike) == ("alice.jwt", "more.alice.jwt", "alice.jwt")


def test_files_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    turn = {"brokers.users": {"a/b": "secret", "a:b": "another"}}
    with (
        pytest.raises(UsageError, match="would have to be two files"),
        reference.world("self-managed", turn=turn, directory=tmp_path),
    ):
        pytest.fail("it runs")


def test_a_user_who_cannot_come_in_is_told_who_can() -> None:
    with reference.world("hardened") as cluster:
        with pytest.raises(UsageError, match="'nobody' cannot come in at scram; try billing, operator"):
            cluster.properties("scram", "nobody")
        with pytest.raises(UsageError, match="no listener 'plaintext'; there are tls, scram, iam"):
            cluster.properties("plaintext", "billing")


def test_the_files_are_gone_with_a_world_that_was_given_no_place() -> None:
    with reference.world("legacy-zookeeper") as cluster:
        place = cluster.directory
        assert (place / "cluster.json").is_file()
    assert not place.exists()


def test_a_turn_reaches_the_cluster(reference_world: Any) -> None:
    cluster = reference_world("hardened", turn={"brokers.count": 1})
    assert cluster.bootstrap("tls").count(",") == 0


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("a\\b", "a\\\\b"),
        (" leading", "\\ leading"),
        ("sésame", "s\\u00e9same"),
        ("two\nlines", "two\\nlines"),
        ("🔑", "\\ud83d\\udd11"),
    ],
)
def test_values_are_escaped_as_java_reads_them(value: str, written: str) -> None:
    assert _escaped(value) == written


def test_a_password_cannot_leave_its_quotes() -> None:
    assert _quoted('a"; x="b\\') == '"a\\"; x=\\"b\\\\"'
