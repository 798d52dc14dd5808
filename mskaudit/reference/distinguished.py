"""Distinguished names as Java writes them, which is how Kafka and ZooKeeper know a client with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.x509.oid import NameOID

from mskaudit.reference.der import der

if TYPE_CHECKING:
    from cryptography import x509

Attributes = tuple[tuple[str, str], ...]
"""Attributes and values in the order of RFC 2253: the last of the certificate first."""

# The attributes that Java's X500Principal.getName() knows by a word; it writes the others as numbers.
_WORDS: Final = {
    NameOID.COMMON_NAME: "CN",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}


def attributes(name: x509.Name) -> Attributes:
    """The attributes of a name; one that has no word is a dotted number, with the DER of its value as #hexadecimal.

    Several attributes of one relative name follow each other as if they were relative names of their own.
    """
    return tuple(_attribute(attribute) for rdn in reversed(list(name.rdns)) for attribute in rdn)


def _attribute(attribute: x509.NameAttribute[str | bytes]) -> tuple[str, str]:
    value = attribute.value
    if attribute.oid in _WORDS and isinstance(value, str):
        return _WORDS[attribute.oid], value
    content = value if isinstance(value, bytes) else value.encode()
    tag = attribute._type.value  # noqa: SLF001  the only place that knows the ASN.1 type that was read
    return attribute.oid.dotted_string, "#" + der(tag, content).hex()
