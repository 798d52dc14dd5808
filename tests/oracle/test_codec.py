"""The codec against two independent ones: kio and kafka-python, for every version that either has."""

from __future__ import annotations

import io
import re
import uuid
import warnings
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode as KioErrorCode
from kio.serial import entity_reader, entity_writer

from mskaudit.wire import apis
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader
from mskaudit.wire.schema import Message, decode, encode
from tests.wire.strategies import table_values

ZERO = uuid.UUID(int=0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
BRIEFLY = settings(
    max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)

Case = tuple[type[Message], int]
TABLES = [table for api in apis.every() for table in (api.request, api.response)]
CASES: dict[str, Case] = {
    f"{table.__name__}-v{version}": (table, version) for table in TABLES for version in table.versions
}

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its resources in an old way
    KAFKA_PYTHON_CLASSES: dict[str, Any] = {
        key: value
        for module in ("metadata", "sasl", "admin", "consumer", "producer")
        for key, value in vars(import_module(f"kafka.protocol.{module}")).items()
        if key.endswith(("Request", "Response"))
    }


UNWITNESSED = {
    *(f"ApiVersions{part}-v5" for part in ("Request", "Response")),
    *(f"DeleteGroups{part}-v3" for part in ("Request", "Response")),
    *(f"DescribeDelegationToken{part}-v0" for part in ("Request", "Response")),
}
"""What neither codec has."""


def kio_class(table: type[Message], version: int) -> Any:
    """Return kio's class of a message in a version, None if it has none."""
    name = table.__name__
    part = "header" if table in (RequestHeader, ResponseHeader) else re.findall("[A-Z][a-z]+", name)[-1].lower()
    words = name if part == "header" else name.removesuffix(part.capitalize())
    folder = re.sub("(?<=[a-z])(?=[A-Z])", "_", words).lower()
    try:
        module = import_module(f"kio.schema.{folder}.v{version}.{part}")
    except ModuleNotFoundError:
        return None
    return getattr(module, name)


HEADERS: dict[str, Case] = {
    f"{table.__name__}-v{version}": (table, version)
    for table in (RequestHeader, ResponseHeader)
    for version in table.versions
}
KIO = {
    key: (table, version, theirs)
    for key, (table, version) in (CASES | HEADERS).items()
    if (theirs := kio_class(table, version)) is not None
}
KAFKA_PYTHON = {
    key: (table, version, theirs)
    for key, (table, version) in CASES.items()
    if (theirs := KAFKA_PYTHON_CLASSES.get(table.__name__)) and version <= theirs.max_version
}


def tame(field: str) -> st.SearchStrategy[int] | None:
    """Return the values kio takes for a field it has a type of its own for."""
    if field.endswith("error_code"):
        return st.sampled_from([code.value for code in ErrorCode])
    if field.endswith(("_ms", "timestamp")):
        return st.integers(0, 2**31 - 1)
    return None


def plain(value: Any) -> Any:
    """Return a value of either codec as tuples and numbers, by field name, with kio's own types undone."""
    if is_dataclass(value):
        return {name(field.name): plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, datetime):
        return (value - EPOCH) // MILLISECOND
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


@pytest.mark.parametrize(("table", "version", "theirs"), KIO.values(), ids=KIO)
@BRIEFLY
@given(content=st.data())
def test_kio_and_we_read_what_the_other_writes(
    table: type[Message], version: int, theirs: Any, content: st.DataObject
) -> None:
    ours = content.draw(table_values(table, version, tame))
    encoded = encode(ours, version=version)
    other, size = entity_reader(theirs)(encoded, 0)
    assert size == len(encoded)
    assert agree(plain(ours), plain(other))
    buffer = io.BytesIO()
    entity_writer(theirs)(buffer, other)
    assert buffer.getvalue() == encoded
    assert decode(table, encoded, version=version) == ours


@pytest.mark.parametrize(("table", "version", "theirs"), KAFKA_PYTHON.values(), ids=KAFKA_PYTHON)
@BRIEFLY
@given(content=st.data())
def test_kafka_python_and_we_read_what_the_other_writes(
    table: type[Message], version: int, theirs: Any, content: st.DataObject
) -> None:
    value = content.draw(table_values(table, version))
    if isinstance(value, ApiVersionsResponse):
        value = replace(value, error_code=0)  # kafka-python reads any error as version 0
    encoded = encode(value, version=version)
    other = theirs.decode(encoded, version=version)
    other._header = None  # kafka-python forgets to set it when decoding
    written = bytes(other.encode(version=version))
    assert written == encoded
    assert decode(table, written, version=version) == value


def test_only_few_versions_are_known_to_neither() -> None:
    assert CASES.keys() - KIO.keys() - KAFKA_PYTHON.keys() == UNWITNESSED


@pytest.mark.parametrize("version", range(5), ids=lambda version: f"v{version}")
def test_whole_frames_are_those_of_kafka_python(version: int) -> None:
    request = ApiVersionsRequest(client_software_name="n", client_software_version="1")
    ours = ClientConnection(client_id="me").send(request, version=version)
    theirs = KAFKA_PYTHON_CLASSES["ApiVersionsRequest"](
        version=version, client_software_name="n", client_software_version="1"
    )
    theirs.with_header(correlation_id=1, client_id="me")
    assert theirs.encode(header=True, framed=True) == ours


def test_error_codes_are_those_of_kio() -> None:
    assert {code.name.lower(): code.value for code in ErrorCode} == {code.name: int(code) for code in KioErrorCode}
