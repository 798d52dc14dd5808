"""What can be asked for on the command line, and what is refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import UsageError
from mskaudit.gather.target import Address, Arn, Brokers, ReferenceWorld, Region, SavedFile, Target, parse

ID = "0f0f0f0f-1a2b-3c4d-5e6f-0123456789ab"
LONGEST = "a" * 64


def arn(
    *,
    partition: str = "aws",
    service: str = "kafka",
    region: str = "eu-west-1",
    account: str = "123456789012",
    rest: str = f"cluster/orders/{ID}-7",
) -> str:
    return f"arn:{partition}:{service}:{region}:{account}:{rest}"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("aws", Region()),
        (arn(), Arn(arn(), "eu-west-1")),
        (arn(partition="aws-cn", region="cn-north-1"), Arn(arn(partition="aws-cn", region="cn-north-1"), "cn-north-1")),
        (
            arn(partition="aws-us-gov", region="us-gov-west-1"),
            Arn(arn(partition="aws-us-gov", region="us-gov-west-1"), "us-gov-west-1"),
        ),
        (arn(partition="aws-iso-b"), Arn(arn(partition="aws-iso-b"), "eu-west-1")),
        (arn(rest=f"cluster/events/{ID}-s1"), Arn(arn(rest=f"cluster/events/{ID}-s1"), "eu-west-1")),
        (arn(rest=f"cluster/{LONGEST}/{ID}-1"), Arn(arn(rest=f"cluster/{LONGEST}/{ID}-1"), "eu-west-1")),
        ("kafka://b:9092", Brokers("kafka://b:9092", (Address("b", 9092),))),
        ("kafka://b:9092/", Brokers("kafka://b:9092", (Address("b", 9092),))),
        ("kafka://b:09092", Brokers("kafka://b:9092", (Address("b", 9092),))),
        ("kafka://b:1", Brokers("kafka://b:1", (Address("b", 1),))),
        ("kafka://b:65535", Brokers("kafka://b:65535", (Address("b", 65535),))),
        (
            "kafka://b-1.x_y.example.:9098",
            Brokers("kafka://b-1.x_y.example.:9098", (Address("b-1.x_y.example.", 9098),)),
        ),
        ("kafka://127.0.0.1:9092", Brokers("kafka://127.0.0.1:9092", (Address("127.0.0.1", 9092),))),
        ("kafka://[::1]:9092", Brokers("kafka://[::1]:9092", (Address("::1", 9092),))),
        ("kafka://[2001:db8::1]:9092", Brokers("kafka://[2001:db8::1]:9092", (Address("2001:db8::1", 9092),))),
        ("kafka://[::ffff:127.0.0.1]:1", Brokers("kafka://[::ffff:127.0.0.1]:1", (Address("::ffff:127.0.0.1", 1),))),
        ("kafka://b:1,a:1", Brokers("kafka://b:1,a:1", (Address("b", 1), Address("a", 1)))),
        ("kafka://b:1,a:1,b:1,b:01", Brokers("kafka://b:1,a:1", (Address("b", 1), Address("a", 1)))),
        ("reference:hardened", ReferenceWorld("reference:hardened", "hardened")),
        ("reference:", ReferenceWorld("reference:", "")),
        ("-", SavedFile("-")),
        ("", SavedFile("")),
        ("dossier.json", SavedFile("dossier.json")),
        ("b:9092", SavedFile("b:9092")),
        ("AWS", SavedFile("AWS")),
        ("./arn:aws", SavedFile("./arn:aws")),
        ("Ordner/böse \x1b.json", SavedFile("Ordner/böse \x1b.json")),
    ],
)
def test_a_target_is_what_it_looks_like(text: str, target: Target) -> None:
    assert parse(text) == target
    assert parse(target.text) == target


@pytest.mark.parametrize(
    "text",
    [
        "arn:",
        "arn:aws",
        arn(service="kafkaconnect", rest=f"connector/sink/{ID}-3"),
        arn(service="kafka-cluster"),
        arn(service="rds", rest="db:orders"),
        arn(rest=f"configuration/defaults/{ID}-1"),
        arn(rest=f"topic/orders/{ID}-1/clicks"),
        arn(rest=f"vpc-connection/123456789012/orders/{ID}-1"),
        arn(rest="cluster/orders"),
        arn(rest="cluster/orders/"),
        arn(rest=f"cluster//{ID}"),
        arn(rest=f"cluster/{LONGEST}a/{ID}"),
        arn(rest=f"cluster/orders/{ID}/more"),
        arn(rest=f"cluster/or ders/{ID}"),
        arn(rest=f"cluster/bestellungen-ü/{ID}"),
        arn(rest="cluster/*/*"),
        arn(partition=""),
        arn(partition="AWS"),
        arn(region=""),
        arn(region="EU-WEST-1"),
        arn(account="12345678901"),
        arn(account="1234567890123"),
        arn(account="١٢٣٤٥٦٧٨٩٠١٢"),
        arn(account=""),
        arn() + "\n",
        arn() + "\x1b[2J",
        arn() + " ",
    ],
)
def test_an_arn_of_anything_else_is_refused(text: str) -> None:
    refused(text, "is not the ARN of an MSK cluster")


@pytest.mark.parametrize(
    "addresses",
    [
        "",
        "/",
        ",",
        "b",
        "b:",
        "b:0",
        "b:00000",
        "b:65536",
        "b:99999",
        "b:123456",
        "b:-1",
        "b:+1",
        "b: 1",
        "b:1 ",
        " b:1",
        "b:9_092",
        "b:٩٠٩٢",
        "b:9092x",
        "b:0x10",
        "b:1,",
        ",b:1",
        "b:1,,b:2",
        "b:1;b:2",
        "b:1/topic",
        "b:1?x=1",
        "user:secret@b:1",
        "b b:1",
        "bücher.example:1",
        "b\x00:1",
        "b\x1b[31m:1",
        "b:1\n",
        "\u202eb:1",
        "a" * 256 + ":1",
        "::1:9092",
        "[::1]",
        "[::1]:",
        "[::1:9092",
        "::1]:9092",
        "[]:9092",
        "[b]:9092",
        "[dead]:9092",
        "[127.0.0.1]:9092",
        "[:::1]:9092",
        "[1:2:3:4:5:6:7:8:9]:9092",
        "[12345::]:9092",
        "[fe80::1%eth0]:9092",
        "[::1]x:9092",
        "*:9092",
        "kafka://b:1",
    ],
)
def test_an_address_that_is_none_is_refused(addresses: str) -> None:
    refused(f"kafka://{addresses}", "is no address; write host:port, or [address]:port for IPv6")


def refused(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert why in str(caught.value)
    assert str(caught.value).isprintable()
    assert type(caught.value) is UsageError


@given(st.text(max_size=30))
def test_no_text_makes_it_raise_anything_but_a_usage_error(text: str) -> None:
    for prefix in ("", "arn:", "kafka://", "kafka://[", "reference:"):
        try:
            target = parse(prefix + text)
        except UsageError:
            continue
        assert parse(target.text) == target


@given(
    host=st.sampled_from(["b", "b-1.example", "10.0.0.1", "::1", "2001:db8::8:800:200c:417a"]),
    port=st.integers(min_value=1, max_value=65535),
)
def test_an_address_survives_its_text(host: str, port: int) -> None:
    assert Address.parse(str(Address(host, port))) == Address(host, port)


def test_addresses_sort_by_host_and_port() -> None:
    assert sorted([Address("b", 1), Address("a", 9096), Address("a", 9092)]) == [
        Address("a", 9092),
        Address("a", 9096),
        Address("b", 1),
    ]
