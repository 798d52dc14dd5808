"""The codec against two independent ones: kio and kafka-python."""

from __future__ import annotations

import io
import uuid
import warnings
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode as KioErrorCode
from kio.serial import entity_reader, entity_writer

from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import APIS, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader
from mskaudit.wire.schema import Message, decode, encode

ZERO = uuid.UUID(int=0)
MILLISECOND = timedelta(milliseconds=1)
FOLDERS = ("metadata", "sasl_handshake", "api_versions", "sasl_authenticate", "describe_cluster")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its resources in an old way
    KAFKA_PYTHON: dict[str, Any] = {
        key: value
        for module in ("metadata", "sasl", "admin.cluster")
        for key, value in vars(import_module(f"kafka.protocol.{module}")).items()
        if key.endswith(("Request", "Response"))
    }


def kio_classes() -> dict[str, tuple[type[Message], int, Any]]:
    """Return every message and version with the class kio has for it."""
    found: dict[str, tuple[type[Message], int, Any]] = {}
    for folder, api in zip(FOLDERS, APIS, strict=True):
        for table, part in ((api.request, "request"), (api.response, "response")):
            for version in table.versions:
                module = import_module(f"kio.schema.{folder}.v{version}.{part}")
                found[f"{table.__name__}-v{version}"] = (table, version, getattr(module, table.__name__))
    for header, folder in ((RequestHeader, "request_header"), (ResponseHeader, "response_header")):
        for version in header.versions:
            module = import_module(f"kio.schema.{folder}.v{version}.header")
            found[f"{header.__name__}-v{version}"] = (header, version, getattr(module, header.__name__))
    return found


CASES = kio_classes()
LONGEST = timedelta(days=100_000_000)
EVERY = pytest.mark.parametrize(("table", "version", "theirs"), CASES.values(), ids=CASES)
CALMLY = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def values(theirs: Any) -> st.SearchStrategy[Any]:
    """Values of a class of kio, but for lifetimes so long that kio itself cannot read them back."""
    return st.from_type(theirs).filter(
        lambda value: all(
            abs(there) <= LONGEST
            for there in (getattr(value, field.name) for field in fields(value))
            if isinstance(there, timedelta)
        )
    )


def plain(value: Any) -> Any:
    """Return a value of either codec as tuples and numbers, by field name, with kio's own types undone."""
    if is_dataclass(value):
        return {name(field.name): plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, timedelta):
        return value // MILLISECOND
    return int(value) if isinstance(value, KioErrorCode) else value


def name(field: str) -> str:
    """Return a field's name without what kio leaves out or calls otherwise."""
    return field.removesuffix("_ms").removeprefix("request_")


def agree(ours: Any, theirs: Any) -> bool:
    """Tell whether kio's value has the same content as ours; fields a version lacks are only in ours."""
    if isinstance(theirs, dict):
        return all(agree(ours[key], value) for key, value in theirs.items())
    if isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    if theirs is None and isinstance(ours, uuid.UUID):
        return ours == ZERO
    return bool(ours == theirs)


def written(value: Any) -> bytes:
    """Return what kio writes."""
    buffer = io.BytesIO()
    entity_writer(type(value))(buffer, value)
    return buffer.getvalue()


@EVERY
@CALMLY
@given(content=st.data())
def test_what_kio_writes_we_read_and_write_alike(
    table: type[Message], version: int, theirs: Any, content: st.DataObject
) -> None:
    value = content.draw(values(theirs))
    encoded = written(value)
    ours = decode(table, encoded, version=version)
    assert agree(plain(ours), plain(value))
    assert encode(ours, version=version) == encoded


@EVERY
@CALMLY
@given(content=st.data())
def test_what_we_write_kio_reads(table: type[Message], version: int, theirs: Any, content: st.DataObject) -> None:
    ours = decode(table, written(content.draw(values(theirs))), version=version)
    encoded = encode(ours, version=version)
    value, size = entity_reader(theirs)(encoded, 0)
    assert size == len(encoded)
    assert agree(plain(ours), plain(value))


BODIES = {key: case for key, case in CASES.items() if "Header" not in key}


@pytest.mark.parametrize(("table", "version", "theirs"), BODIES.values(), ids=BODIES)
@CALMLY
@given(content=st.data())
def test_what_we_write_kafka_python_reads_and_writes_alike(
    table: type[Message], version: int, theirs: Any, content: st.DataObject
) -> None:
    value = content.draw(values(theirs))
    if table is ApiVersionsResponse:
        value = replace(value, error_code=KioErrorCode.none)  # kafka-python reads any error as version 0
    encoded = encode(decode(table, written(value), version=version), version=version)
    other = KAFKA_PYTHON[table.__name__].decode(encoded, version=version)
    other._header = None  # kafka-python forgets to set it when decoding
    assert other.encode(version=version) == encoded


@pytest.mark.parametrize("version", ApiVersionsRequest.versions, ids=lambda version: f"v{version}")
def test_whole_frames_are_those_of_kafka_python(version: int) -> None:
    request = ApiVersionsRequest(client_software_name="n", client_software_version="1")
    ours = ClientConnection(client_id="me").send(request, version=version)
    theirs = KAFKA_PYTHON["ApiVersionsRequest"](version=version, client_software_name="n", client_software_version="1")
    theirs.with_header(correlation_id=1, client_id="me")
    assert theirs.encode(header=True, framed=True) == ours


def test_error_codes_are_those_of_kio() -> None:
    assert {code.name.lower(): code.value for code in ErrorCode} == {code.name: int(code) for code in KioErrorCode}
