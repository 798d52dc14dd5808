"""Every table in every version: round trips, hostile bytes, bounds."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire import schema
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import (
    APIS,
    OPERATIONS_UNKNOWN,
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    DescribeClusterRequest,
    EndpointType,
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataTopic,
    RequestHeader,
    ResponseHeader,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)
from mskaudit.wire.primitives import Reader
from mskaudit.wire.schema import Bool, Bytes, Int16, Int32, Kind, Message, String, UInt16, Uuid, Wire, decode, encode
from tests.wire.strategies import ZERO, table_values

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = [RequestHeader, ResponseHeader, *(table for api in APIS for table in (api.request, api.response))]
CASES = [
    pytest.param(table, version, id=f"{table.__name__}-v{version}") for table in TABLES for version in table.versions
]
BRIEFLY = settings(max_examples=15, deadline=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A struct inside a message."""

    number: UInt16
    word: Annotated[String | None, Wire(nullable_since=2)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything(Message):
    """A table with the field types Kafka has and these messages do not use."""

    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    blob: Bytes | None = None
    inner: Inner
    maybe: Annotated[Inner | None, Wire(since=1)] = None
    tree: tuple[tuple[Int16, ...], ...] = ()
    words: tuple[String | None, ...] | None = ()
    identity: Uuid = ZERO
    tagged_inner: Annotated[Inner | None, Wire(since=2, tag=7)] = None
    tagged_flag: Annotated[Bool, Wire(since=3, tag=2)] = False


CASES += [pytest.param(Everything, version, id=f"Everything-v{version}") for version in Everything.versions]


@pytest.mark.parametrize(("table", "version"), CASES)
@BRIEFLY
@given(content=st.data())
def test_what_is_encoded_is_decoded(table: type[Message], version: int, content: st.DataObject) -> None:
    message = content.draw(table_values(table, version))
    assert decode(table, encode(message, version=version), version=version) == message


@pytest.mark.parametrize(("table", "version"), CASES)
@BRIEFLY
@given(content=st.data())
def test_every_truncation_is_refused(table: type[Message], version: int, content: st.DataObject) -> None:
    encoded = encode(content.draw(table_values(table, version)), version=version)
    for size in range(len(encoded)):
        with pytest.raises(RemoteWireError):
            decode(table, encoded[:size], version=version)
    with pytest.raises(RemoteWireError, match="after the end"):
        decode(table, encoded + b"\x00", version=version)


@pytest.mark.parametrize(("table", "version"), CASES)
@BRIEFLY
@given(content=st.data())
def test_mutations_raise_nothing_but_remote_errors(table: type[Message], version: int, content: st.DataObject) -> None:
    mutated = bytearray(encode(content.draw(table_values(table, version)), version=version))
    edits = st.lists(st.tuples(st.integers(0, max(len(mutated) - 1, 0)), st.integers(0, 255)), max_size=4)
    for place, octet in content.draw(edits):
        mutated[place : place + 1] = bytes([octet])
    decode_or_refuse(table, bytes(mutated), version)


@pytest.mark.parametrize(("table", "version"), CASES)
@BRIEFLY
@given(garbage=st.binary(max_size=64))
def test_garbage_raises_nothing_but_remote_errors(table: type[Message], version: int, garbage: bytes) -> None:
    decode_or_refuse(table, garbage, version)


def decode_or_refuse(table: type[Message], content: bytes, version: int) -> None:
    """Decode, and if that works check that the value can be sent again."""
    try:
        message = decode(table, content, version=version)
    except RemoteWireError:
        return
    assert decode(table, encode(message, version=version), version=version) == message


HOSTILE = {
    "array-compact": (SaslAuthenticateResponse, 2, "0000 00 ffffffff0f 000000"),
    "array-of-structs-compact": (MetadataResponse, 9, "00000000 ffffffff0f 000000"),
    "array-of-structs": (MetadataResponse, 0, "7fffffff 0000000000000000"),
    "array-of-strings": (SaslHandshakeResponse, 1, "0000 7fffffff 00000000"),
    "array-negative": (SaslHandshakeResponse, 1, "0000 fffffffe"),
    "array-null": (SaslHandshakeResponse, 1, "0000 ffffffff"),
    "string-short": (SaslHandshakeRequest, 1, "7fff 41414141"),
    "string-negative": (SaslHandshakeRequest, 1, "fffe 41414141"),
    "string-not-utf8": (SaslHandshakeRequest, 1, "0002 c328"),
    "string-surrogate": (SaslHandshakeRequest, 1, "0003 eda080"),
    "tags": (ApiVersionsRequest, 3, "0161 0161 ffffffff0f 000000"),
    "tags-null-name": (ApiVersionsRequest, 3, "00 0161 00"),
    "tag-size": (ApiVersionsRequest, 3, "0261 0261 01 09 ffffffff0f 00"),
    "tag-repeated": (ApiVersionsRequest, 3, "0261 0261 02 0900 0900"),
    "tag-descending": (ApiVersionsRequest, 3, "0261 0261 02 0900 0800"),
    "tag-too-long": (ApiVersionsResponse, 3, "0000 01 00000000 01 03 02 0100"),
    "tag-too-short": (ApiVersionsResponse, 3, "0000 01 00000000 01 01 07 00000000000000"),
    "varint-six-bytes": (ApiVersionsRequest, 3, "8080808080 01 0161 00"),
    "varint-33-bits": (ApiVersionsRequest, 3, "ffffffff1f 0161 00"),
    "varint-cut": (ApiVersionsRequest, 3, "80"),
    "absent-struct-marker": (Everything, 1, "ffffffff 0001 0000 07 0000"),
}


@pytest.mark.parametrize(("table", "version", "content"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused_in_little_memory(table: type[Message], version: int, content: str) -> None:
    hostile = bytes.fromhex(content)
    decode_or_refuse(table, b"", version)  # compiles the codec outside the measurement
    tracemalloc.start()
    try:
        with pytest.raises(RemoteWireError):
            decode(table, hostile, version=version)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_384


def test_unknown_tags_are_skipped() -> None:
    content = bytes.fromhex("0261 0262 02 05 03 010203 ffffffff0f 00")
    expected = ApiVersionsRequest(client_software_name="a", client_software_version="b")
    assert decode(ApiVersionsRequest, content, version=4) == expected


def test_tagged_fields_with_defaults_are_not_sent() -> None:
    assert encode(ApiVersionsResponse(), version=3).hex() == "0000010000000000"
    with_epoch = encode(ApiVersionsResponse(finalized_features_epoch=5), version=3)
    assert with_epoch.hex() == "000001000000000101080000000000000005"


def test_client_id_is_never_compact() -> None:
    header = RequestHeader(api_key=18, api_version=4, correlation_id=7, client_id="ab")
    assert encode(header, version=2).hex() == "00120004000000070002616200"


@pytest.mark.parametrize(
    ("topics", "version", "expected"),
    [
        pytest.param((), 0, "00000000", id="all-v0"),
        pytest.param(None, 1, "ffffffff", id="all-v1"),
        pytest.param((), 1, "00000000", id="none-v1"),
        pytest.param(None, 12, "00 01 00 00", id="all-v12"),
    ],
)
def test_all_topics_and_no_topics(topics: tuple[()] | None, version: int, expected: str) -> None:
    assert encode(MetadataRequest(topics=topics), version=version) == bytes.fromhex(expected)


REFUSED: dict[str, tuple[Callable[[], Message], int]] = {
    "null-before-nullable": (lambda: MetadataRequest(topics=None), 0),
    "null-name-before-nullable": (lambda: MetadataRequest(topics=(MetadataRequestTopic(name=None),)), 9),
    "creation-cannot-be-forbidden": (lambda: MetadataRequest(topics=(), allow_auto_topic_creation=False), 3),
    "field-gone": (lambda: MetadataResponse(cluster_authorized_operations=1), 11),
    "field-not-yet": (lambda: DescribeClusterRequest(endpoint_type=EndpointType.CONTROLLERS), 0),
    "nested-field-not-yet": (
        lambda: MetadataResponse(topics=(MetadataTopic(name="t", topic_authorized_operations=1),)),
        7,
    ),
    "number-too-big": (lambda: SaslHandshakeResponse(error_code=2**15), 1),
    "number-too-small": (lambda: MetadataResponse(controller_id=-(2**31) - 1), 1),
    "string-too-long": (lambda: SaslHandshakeRequest(mechanism="x" * 2**15), 1),
    "string-surrogate": (lambda: SaslHandshakeRequest(mechanism="\ud800"), 1),
    "version-too-high": (lambda: SaslHandshakeRequest(mechanism="PLAIN"), 2),
    "version-negative": (lambda: SaslHandshakeRequest(mechanism="PLAIN"), -1),
}


@pytest.mark.parametrize(("build", "version"), REFUSED.values(), ids=REFUSED)
def test_what_a_version_cannot_carry_is_a_local_error(build: Callable[[], Message], version: int) -> None:
    with pytest.raises(LocalWireError):
        encode(build(), version=version)


def test_ignorable_values_are_dropped() -> None:
    named = ApiVersionsRequest(client_software_name="mskaudit", client_software_version="0.1.0")
    assert encode(named, version=0) == b""
    assert decode(ApiVersionsRequest, b"", version=0) == ApiVersionsRequest()


def test_absent_fields_decode_to_their_defaults() -> None:
    response = decode(MetadataResponse, bytes.fromhex("00000000 00000000"), version=0)
    assert response.cluster_authorized_operations == OPERATIONS_UNKNOWN
    assert response.controller_id == -1


def test_a_field_that_can_be_absent_needs_a_default() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Careless(Message):
        """A table with a mistake."""

        versions: ClassVar[range] = range(1)
        flexible_since: ClassVar[int] = 9
        number: Annotated[int, Kind.INT32, Wire(since=1)]

    with pytest.raises(TypeError, match="needs a default"):
        schema._columns(Careless)


def test_a_type_without_wire_form_is_a_mistake_in_the_table() -> None:
    with pytest.raises(TypeError, match="no wire type"):
        schema._value(float, Wire(), schema._Layout(version=0, flexible=False))


def test_elements_without_size_are_still_bounded() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Later:
        """A struct that is empty in version 0."""

        number: Annotated[Int32, Wire(since=1)] = 0

    codec = schema._value(tuple[Later, ...], Wire(), schema._Layout(version=0, flexible=False))
    with pytest.raises(RemoteWireError, match="announced"):
        codec.read(Reader(bytes.fromhex("7fffffff 00")))


@pytest.mark.parametrize(
    ("code", "label"),
    [(0, "NONE"), (-1, "UNKNOWN_SERVER_ERROR"), (58, "SASL_AUTHENTICATION_FAILED"), (31000, "ERROR_31000")],
)
def test_error_codes_have_names(code: int, label: str) -> None:
    assert ErrorCode.label(code) == label


def test_api_version_is_six_bytes() -> None:
    response = ApiVersionsResponse(error_code=35, api_keys=(ApiVersion(api_key=18, min_version=0, max_version=4),))
    assert encode(response, version=0).hex() == "002300000001001200000004"
