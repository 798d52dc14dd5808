"""Names and rules against what Java 17 and Kafka 4.3 answered."""

from __future__ import annotations

import pytest

from mskaudit.errors import UsageError
from mskaudit.policy.principals import MAX_NAME, MAX_RULES, PrincipalMapping, distinguished_name, host_text

DN = "CN=a,O=b"
MAPPED = [
    ("RULE:^CN=(.*?),.*$/$1x$2/", DN, "ax$2"),
    ("RULE:.*/x/", "CN=a", "xx"),
    (r"RULE:^CN=(.*?),.*$/\$1/", DN, "$1"),
    (r"RULE:^CN=(.*?),.*$/a\/b/", DN, "a/b"),
    ("RULE:^CN=(.*?),.*$/$12/", DN, "a2"),
    ("RULE:^CN=(.*?),.*$/$0/", DN, DN),
    ("RULE:^CN=(.*?),.*$/$01/", DN, "a"),
    ("RULE:^CN=(?<n>.*?),.*$/${n}/U", DN, "A"),
    ("", DN, None),
    ("  ,  ,DEFAULT , ", DN, DN),
    ("RULE:^CN=x$/y/, DEFAULT", DN, DN),
    ("RULE:^CN=x$/y/", DN, None),
    ("RULE:^(.*)$//", "CN=a", ""),
    ("RULE:^CN=(.*?),O=b$/ $1 / , DEFAULT", DN, " a "),
    (r"RULE:^CN=(.*?)$/$1\\/U", "CN=a", "A\\"),
    ("RULE:a|ab/x/", "ab", "xb"),
    ("RULE:(a)|b/[$1]/", "b", "[]"),
    ("RULE:(a*?)(b|$)/<$1$2>/", "aab", "<aab><>"),
    ("RULE:^(CN=.*)$/$1/L,RULE:^(.*)$/$1/U", "CN=\u0130\u00df\u03a3", "cn=i\u0307\u00df\u03c2"),
    ("RULE:^(CN=.*)$/$1/U", "CN=\u0130\u00df\u01c6", "CN=\u0130SS\u01c4"),
    ("RULE:" + "(.)" * 11 + "/$11-$10-$12-$2/", "abcdefghijk", "k-j-a2-b"),
    ("RULE:^CN=(.*?),OU=(.*?),O=(.*?)$/$1@$2/", "CN=x,OU=y,O=z,OU=w,O=v", "x@y"),
]
REFUSED = [
    ("RULE:^CN=(.*?),.*$/$3,$4/", "group"),
    ("RULE:^CN=.*$/$1/", "group"),
    ("RULE:^CN=(.*?),.*$/$/", "group"),
    ("RULE:^CN=(.*?),.*$/$1/LX", "from 'X'"),
    ("RULE:^CN=(.*?),.*$/$1", "not understood"),
    ("DEFAULTX", "from 'X'"),
    ("default", "not understood"),
    ("RULE:(CN)=(a),(O)=(b)/$5$6$1/", "group"),
    ("RULE://x/", "from 'x/'"),
    ("RULE:(/x/", "without its"),
    ("RULE:^CN=(.*?),.*$/$1/U DEFAULT", "from ' DEFAULT'"),
    ("DEFAULT DEFAULT", "from ' DEFAULT'"),
    ("RULE:(.*)/$99999999999/", "too long a number"),
    ("RULE:(.*)/${x}/", "lacks"),
    ("RULE:(?=a).*/x/", "kind"),
    ("," * (MAX_RULES + 1), "keep it to"),
]
NAMES = [
    ("order", [("C", "GB"), ("O", "x"), ("CN", "client")], "CN=client,O=x,C=GB"),
    ("escaped", [("CN", 'a,b=c+d<e>f#g;h"i\\j')], 'CN=a\\,b\\=c\\+d\\<e\\>f\\#g\\;h\\"i\\\\j'),
    ("blanks", [("CN", " lead and trail ")], "CN=\\ lead and trail\\ "),
    ("hash", [("CN", "#hash")], "CN=\\#hash"),
    ("unicode", [("CN", "ab\u00e9\u4e2d\U0001f600")], "CN=ab\u00e9\u4e2d\U0001f600"),
    ("controls", [("CN", "a\x00b\nc\td\re/*")], "CN=a\\00b\nc\td\re/*"),
    ("email", [("emailAddress", "a@b"), ("CN", "x")], "CN=x,1.2.840.113549.1.9.1=#1603614062"),
    ("dc", [("DC", "com"), ("DC", "example"), ("UID", "u"), ("CN", "x")], "CN=x,UID=u,DC=example,DC=com"),
    ("places", [("STREET", "s"), ("S", "st"), ("L", "l"), ("OU", "ou")], "OU=ou,L=l,ST=st,STREET=s"),
    ("serial", [("serialNumber", "12"), ("T", "t")], "2.5.4.12=#0c0174,2.5.4.5=#13023132"),
    ("oid", [("1.2.3.4", "v\u00e9"), ("2.5.4.3", "n")], "CN=n,1.2.3.4=#0c0376c3a9"),
    ("only blanks", [("CN", "   ")], "CN=\\ \\ \\ "),
    ("returns", [("CN", "\rx\r")], "CN=\\\rx\\\r"),
    ("no-break space", [("CN", "\u00a0x\u00a0")], "CN=\u00a0x\u00a0"),
    ("long", [("1.2.3", "a" * 200)], "1.2.3=#0c81c8" + "61" * 200),
    ("empty value", [("CN", "")], "CN="),
    ("empty", [], ""),
]
HOSTS = [
    ("10.0.0.1", "10.0.0.1"),
    ("::1", "0:0:0:0:0:0:0:1"),
    ("2001:DB8::0A0:1", "2001:db8:0:0:0:0:a0:1"),
    ("::ffff:1.2.3.4", "1.2.3.4"),
    ("fe80::1%3", "fe80:0:0:0:0:0:0:1%3"),
    ("::1.2.3.4", "0:0:0:0:0:0:102:304"),
]


@pytest.mark.parametrize(("rules", "name", "expected"), MAPPED, ids=[f"{r} on {n}" for r, n, _ in MAPPED])
def test_names_are_mapped_as_kafka_maps_them(rules: str, name: str, expected: str | None) -> None:
    assert PrincipalMapping.parse(rules).map(name) == expected


@pytest.mark.parametrize(("rules", "words"), REFUSED, ids=[r[:40] for r, _ in REFUSED])
def test_rules_that_kafka_or_we_cannot_use_are_refused_with_the_place(rules: str, words: str) -> None:
    with pytest.raises(UsageError, match=r"^ssl\.principal\.mapping\.rules") as caught:
        PrincipalMapping.parse(rules)
    assert words in str(caught.value)


def test_without_rules_the_name_is_the_principal() -> None:
    assert PrincipalMapping.parse().map(DN) == DN


def test_a_name_too_long_is_not_mapped() -> None:
    with pytest.raises(UsageError, match="are mapped"):
        PrincipalMapping.parse().map("x" * (MAX_NAME + 1))


@pytest.mark.parametrize(("attributes", "expected"), [case[1:] for case in NAMES], ids=[case[0] for case in NAMES])
def test_names_are_written_as_java_writes_them(attributes: list[tuple[str, str]], expected: str) -> None:
    assert distinguished_name(attributes) == expected


def test_an_attribute_without_an_oid_is_refused() -> None:
    with pytest.raises(UsageError, match="give its OID"):
        distinguished_name([("NICKNAME", "x")])


@pytest.mark.parametrize(("address", "expected"), HOSTS, ids=[host for host, _ in HOSTS])
def test_addresses_are_written_as_java_writes_them(address: str, expected: str) -> None:
    assert host_text(address) == expected


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(UsageError, match="is no IP address"):
        host_text("localhost")
