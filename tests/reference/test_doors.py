from __future__ import annotations

import asyncio
import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import UsageError
from mskaudit.reference.doors import USUAL_PORTS, Door, DoorKind, serve_doors
from mskaudit.reference.pki import ClientCertificate, client_context, pki, server_context

PATIENT = 20
WEB = tuple(kind for kind in DoorKind if kind is not DoorKind.JMX_RMI)
TELLING = {
    DoorKind.JMX_EXPORTER: "/metrics",
    DoorKind.NODE_EXPORTER: "/metrics",
    DoorKind.CONNECT: "/",
    DoorKind.SCHEMA_REGISTRY: "/v1/metadata/version",
    DoorKind.ADMIN_SERVER: "/commands/environment",
    DoorKind.JOLOKIA: "/jolokia/version",
}
"""Where a product names its version."""


def fetching(url: str, path: str, method: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    address = urlsplit(url)
    assert address.hostname == "127.0.0.1"
    calling = http.client.HTTPConnection(address.netloc, timeout=PATIENT)
    if address.scheme == "https":
        calling = http.client.HTTPSConnection(address.netloc, timeout=PATIENT, context=client_context(pki().client))
    try:
        calling.request(method, path, headers={"Connection": "close", **headers})
        answer = calling.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]  # kept for the assertions
    finally:
        calling.close()
    return answer


async def fetch(url: str, path: str, *, method: str = "GET", login: str = "") -> Any:
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
    return await asyncio.to_thread(fetching, url, path, method, headers)


@pytest.mark.parametrize(
    ("kind", "path", "told"),
    [
        (DoorKind.CONNECT, "/connectors", ["orders-archive"]),
        (DoorKind.SCHEMA_REGISTRY, "/subjects", ["orders-value", "payments-value"]),
        (DoorKind.SCHEMA_REGISTRY, "/config", {"compatibilityLevel": "BACKWARD"}),
        (DoorKind.SCHEMA_REGISTRY, "/mode", {"mode": "READWRITE"}),
        (DoorKind.REST_PROXY, "/topics", ["orders", "payments"]),
        (DoorKind.ADMIN_SERVER, "/commands/ruok", {"command": "ruok", "error": None}),
        (DoorKind.ADMIN_SERVER, "/commands/dance", {"command": "dance", "error": "Unknown command: dance"}),
    ],
)
async def test_door_tells_what_the_product_tells(kind: DoorKind, path: str, told: Any) -> None:
    async with serve_doors({"door": Door(kind=kind)}) as where:
        answer = await fetch(where["door"], path)
    assert answer.status == 200
    assert json.loads(answer.text) == told


@pytest.mark.parametrize(
    ("kind", "path", "members"),
    [
        (DoorKind.CONNECT, "/", {"version", "commit", "kafka_cluster_id"}),
        (DoorKind.CONNECT, "/connectors/orders-archive", {"name", "config", "tasks", "type"}),
        (DoorKind.CONNECT, "/connectors/orders-archive/status", {"name", "connector", "tasks", "type"}),
        (DoorKind.SCHEMA_REGISTRY, "/subjects/orders-value/versions/latest", {"subject", "version", "id", "schema"}),
        (DoorKind.REST_PROXY, "/v3/clusters", {"kind", "metadata", "data"}),
        (DoorKind.JOLOKIA, "/jolokia/version", {"request", "value", "timestamp", "status"}),
    ],
)
async def test_answer_has_the_members_of_the_product(kind: DoorKind, path: str, members: set[str]) -> None:
    async with serve_doors({"door": Door(kind=kind)}) as where:
        answer = await fetch(where["door"], path)
    assert json.loads(answer.text).keys() == members


@pytest.mark.parametrize(
    ("kind", "sample"),
    [
        (DoorKind.JMX_EXPORTER, 'kafka_server_BrokerTopicMetrics_Count{name="BytesInPerSec",topic="payments"} '),
        (DoorKind.NODE_EXPORTER, "node_uname_info{"),
    ],
)
async def test_exporters_speak_the_text_format(kind: DoorKind, sample: str) -> None:
    async with serve_doors({"door": Door(kind=kind)}) as where:
        answer = await fetch(where["door"], "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert f"\n{sample}" in answer.text
    families = [line for line in answer.text.splitlines() if line.startswith("#")]
    assert len(set(families)) == len(families)
    assert answer.text.endswith("\n")


@pytest.mark.parametrize(("kind", "path"), TELLING.items())
@pytest.mark.parametrize("release", ["", "9.8.7"])
async def test_version_can_be_turned(kind: DoorKind, path: str, release: str) -> None:
    async with serve_doors({"door": Door(kind=kind, release=release)}) as where:
        answer = await fetch(where["door"], path)
    assert ("9.8.7" in answer.text) == bool(release)


@pytest.mark.parametrize("path", ["/connectors/orders-archive/config", "/connectors/orders-archive"])
async def test_connect_tells_a_secret_only_in_a_world_of_secrets(path: str) -> None:
    doors = {"loose": Door(kind=DoorKind.CONNECT, secrets=True), "tight": Door(kind=DoorKind.CONNECT)}
    async with serve_doors(doors) as where:
        told = {name: json.loads((await fetch(where[name], path)).text) for name in doors}
    passwords = {
        name: (page["config"] if "config" in page else page)["database.password"] for name, page in told.items()
    }
    assert passwords["tight"].startswith("${")
    assert "$" not in passwords["loose"]
    assert passwords["loose"]


@pytest.mark.parametrize("kind", WEB)
async def test_protected_door_lets_in_its_user_only(kind: DoorKind) -> None:
    door = Door(kind=kind, protected=True, user="auditor", password="pass:wörd")
    path = TELLING[kind] if kind in TELLING else "/topics"
    async with serve_doors({"door": door}) as where:
        logins = ("", "auditor:", "auditor:wrong", "somebody:pass:wörd", "auditor:pass:wörd")
        answers = [await fetch(where["door"], path, login=login) for login in logins]
        missing = await fetch(where["door"], "/nowhere")
    assert [answer.status for answer in answers] == [401, 401, 401, 401, 200]
    assert missing.status == 401
    assert answers[0].headers["www-authenticate"].startswith('Basic realm="')
    assert answers[0].text == ""


@pytest.mark.parametrize(
    ("kind", "path", "status"),
    [
        (DoorKind.CONNECT, "/nowhere", 404),
        (DoorKind.CONNECT, "/connectors/nobody/config", 404),
        (DoorKind.SCHEMA_REGISTRY, "/nowhere", 404),
        (DoorKind.REST_PROXY, "/nowhere", 404),
        (DoorKind.ADMIN_SERVER, "/", 404),
        (DoorKind.NODE_EXPORTER, "/nowhere", 404),
        (DoorKind.JOLOKIA, "/", 404),
        (DoorKind.JOLOKIA, "/jolokia/dance", 200),
        (DoorKind.JMX_EXPORTER, "/nowhere", 200),
    ],
)
async def test_what_is_not_there_is_told_as_the_product_tells_it(kind: DoorKind, path: str, status: int) -> None:
    async with serve_doors({"door": Door(kind=kind)}) as where:
        answer = await fetch(where["door"], path)
    assert answer.status == status
    assert "orders" not in answer.text


@pytest.mark.parametrize(
    "kind", [DoorKind.CONNECT, DoorKind.SCHEMA_REGISTRY, DoorKind.REST_PROXY, DoorKind.ADMIN_SERVER]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_changed(kind: DoorKind, method: str) -> None:
    async with serve_doors({"door": Door(kind=kind)}) as where:
        assert (await fetch(where["door"], "/connectors", method=method)).status == 405


@pytest.mark.parametrize("kind", WEB)
async def test_door_may_stand_behind_tls(kind: DoorKind) -> None:
    doors = {"tls": Door(kind=kind, tls=True), "clear": Door(kind=kind)}
    async with serve_doors(doors, tls_context=server_context(ClientCertificate.NONE)) as where:
        assert {urlsplit(url).scheme for url in where.values()} == {"http", "https"}
        answers = [await fetch(where[name], "/metrics") for name in doors]
    assert answers[0].text == answers[1].text
    assert answers[0].status == answers[1].status


async def test_every_kind_at_once_each_at_a_port_of_its_own() -> None:
    doors = {kind.value: Door(kind=kind) for kind in DoorKind}
    async with serve_doors(doors) as where:
        assert where.keys() == doors.keys()
        assert len(set(where.values())) == len(doors)
    assert USUAL_PORTS.keys() == set(DoorKind)


async def test_a_port_can_be_chosen() -> None:
    async with serve_doors({"first": Door(kind=DoorKind.CONNECT)}) as where:
        port = urlsplit(where["first"]).port
        assert port is not None
        with pytest.raises(UsageError, match="free it, or let any"):
            async with serve_doors({"second": Door(kind=DoorKind.CONNECT, port=port)}):
                raise AssertionError("it listens twice")
    async with serve_doors({"second": Door(kind=DoorKind.CONNECT, port=port)}) as again:
        assert again == {"second": where["first"]}


async def test_tls_out_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="the side door connect wants TLS"):
        async with serve_doors({"connect": Door(kind=DoorKind.CONNECT, tls=True)}):
            raise AssertionError("it listens without TLS")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"kind": "cellar"}, "Invalid enum value"),
        ({"kind": "connect", "open": True}, "unknown field"),
        ({"kind": "jolokia", "secrets": True}, "tells no secrets"),
        ({"kind": "jmx-rmi", "protected": True}, "cannot be protected"),
        ({"kind": "rest-proxy", "release": "1"}, "names no version"),
        ({"kind": "connect", "user": "a:b"}, "no colon"),
        ({"kind": "connect", "port": 65536}, "<= 65535"),
    ],
)
def test_door_that_cannot_be_is_refused(document: dict[str, Any], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert(document, Door)


def test_every_field_is_described() -> None:
    fields = msgspec.json.schema(Door)["$defs"]["Door"]["properties"]
    assert fields.keys() == set(Door.__struct_fields__)
    assert [name for name, field in fields.items() if "description" not in field] == []


async def greet(address: str, *parts: bytes) -> tuple[bytes, bool]:
    """What JMX RMI answers at first, and whether it then closes by itself."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENT):
            first = await reader.read(64)
        return first, reader.at_eof()
    finally:
        writer.transport.abort()


HELLO = bytes.fromhex("4a524d4900024b")
ACKNOWLEDGED = bytes.fromhex("4e0009") + b"127.0.0.1" + bytes(4)


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        pytest.param([HELLO], ACKNOWLEDGED, id="stream"),
        pytest.param([HELLO[:3], HELLO[3:]], ACKNOWLEDGED, id="in two"),
        pytest.param([HELLO + b"\0\1x\0\0\0\0"], ACKNOWLEDGED, id="with what follows"),
        pytest.param([HELLO[:-1] + b"M"], b"O", id="multiplexed"),
        pytest.param([HELLO[:5] + b"\1K"], b"", id="another version"),
        pytest.param([b"GET / HTTP/1.1\r\n\r\n"], b"", id="another protocol"),
        pytest.param([b"\x16"], b"", id="a byte of TLS"),
    ],
)
async def test_jmx_answers_the_handshake_of_rmi(parts: list[bytes], answer: bytes) -> None:
    async with serve_doors({"jmx": Door(kind=DoorKind.JMX_RMI)}) as where:
        first, closed = await greet(where["jmx"], *parts)
    assert first == answer
    assert closed or answer.startswith((b"N", b"O"))


@settings(max_examples=60)
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=9).map(lambda rest: HELLO[:6] + rest)))
def test_jmx_survives_anything(content: bytes) -> None:
    async def attack() -> bytes:
        async with serve_doors({"jmx": Door(kind=DoorKind.JMX_RMI)}) as where:
            host, _, port = where["jmx"].partition(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(content)
            writer.write_eof()
            first, _ = await greet(where["jmx"], HELLO)
            writer.transport.abort()
            return first

    assert asyncio.run(attack()) == ACKNOWLEDGED
