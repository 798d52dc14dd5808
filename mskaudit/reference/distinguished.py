"""Distinguished names as Java writes them, which is how Kafka and ZooKeeper know a client with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.x509.oid import NameOID

from mskaudit.policy.principals import distinguished_name
from mskaudit.reference.der import der

if TYPE_CHECKING:
    from cryptography import x509

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


def text(name: x509.Name) -> str:
    """A name as RFC 2253 writes it, such as `CN=billing,O=Example`: the last attribute of the certificate first."""
    return ",".join("+".join(map(_part, rdn)) for rdn in reversed(list(name.rdns)))


def _part(attribute: x509.NameAttribute[str | bytes]) -> str:
    value = attribute.value
    if attribute.oid in _WORDS and isinstance(value, str):
        return distinguished_name([(_WORDS[attribute.oid], value)])
    content = value if isinstance(value, bytes) else value.encode()
    tag = attribute._type.value  # noqa: SLF001  the only place that knows the ASN.1 type that was read
    return f"{attribute.oid.dotted_string}=#{der(tag, content).hex()}"
