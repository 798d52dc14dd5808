"""Where the table is read: a running world, and what everybody takes along to get in."""

from __future__ import annotations

import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final, assert_never

from botocore.credentials import CredentialProvider, Credentials
from confluent_kafka import Producer
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from mskaudit import reference
from mskaudit.reference.certificates import Credential, authority, client_credential, stranger_credential
from mskaudit.reference.cluster import Mechanism
from mskaudit.reference.tokens import signed_jwt
from mskaudit.wire.msk_iam import iam_token
from mskaudit.wire.oauthbearer import unsecured_jwt
from tests.clients.scenarios import Certificate, Secret, Token, Way
from tests.clients.visits import PATIENCE, Visit
from tests.clients.with_librdkafka import settings_of
from tests.clients.world import ADMIN, ARCHIVE, PASSWORDS, RECORDS, REGION, turn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of no concern here
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mskaudit.reference.cluster import Cluster
    from mskaudit.reference.realm import AwsCredential
    from mskaudit.reference.state import State
    from mskaudit.reference.threaded import ReferenceCluster

_WRONG: Final = "wrong-horse-battery-staple"
_HOUR: Final = timedelta(hours=1)
_MODULES: Final = {
    Mechanism.PLAIN: "org.apache.kafka.common.security.plain.PlainLoginModule",
    Mechanism.SCRAM_SHA_256: "org.apache.kafka.common.security.scram.ScramLoginModule",
    Mechanism.SCRAM_SHA_512: "org.apache.kafka.common.security.scram.ScramLoginModule",
}
_IAM: Final = "software.amazon.msk.auth.iam."
_BEARER_MODULE: Final = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
_ALLOWED_URLS: Final = "org.apache.kafka.sasl.oauthbearer.allowed.urls"
_SYSTEM: Final = {
    "AWS_ACCESS_KEY_ID": "aws.accessKeyId",
    "AWS_SECRET_ACCESS_KEY": "aws.secretAccessKey",
    "AWS_SESSION_TOKEN": "aws.sessionToken",
    "AWS_REGION": "aws.region",
}
Overrides = dict[str, str | None]


class Place:
    """One release at work."""

    def __init__(self, release: str, cluster: ReferenceCluster) -> None:
        self.release = release
        self._cluster = cluster
        self._stranger = _file(cluster.directory, "pem", stranger_credential().keystore)

    @property
    def cluster(self) -> Cluster:
        """What it was made from."""
        assert self._cluster.world.brokers is not None  # this world has some
        return self._cluster.world.brokers

    @property
    def state(self) -> State:
        """What its brokers hold."""
        assert self._cluster.running.brokers is not None  # as above
        return self._cluster.running.brokers.state

    def addresses(self, listener: str) -> list[str]:
        """Where its brokers are, in the order of their ids."""
        return self._cluster.bootstrap(listener).split(",")

    def visits(self, way: Way) -> list[Visit]:
        """How to come in that way, at each broker."""
        settings = self.cluster.listeners[way.listener]
        properties = self._properties(way)
        known = self.cluster.aws_credentials
        aws = known[way.user] if way.mechanism is Mechanism.AWS_MSK_IAM and way.user is not None else None
        token = None if way.token is None else _token(way, known)
        return [
            Visit(
                address=address,
                protocol=settings.protocol.value,
                authority=authority().pem,
                credential=None if way.certificate is None else _credential(way.certificate),
                mechanism=way.mechanism,
                username=way.user,
                password=_password(way),
                token=token,
                aws=aws if aws is None or way.secret is Secret.RIGHT else replace(aws, secret_key=_WRONG),
                region=REGION,
                properties=properties,
                overrides={**self._overrides(way, token), "bootstrap.servers": address},
                system=self._system(way, token),
            )
            for address in self.addresses(way.listener)
        ]

    def _properties(self, way: Way) -> Path:
        """The handed out file that is meant for this way, or else one for the same listener."""
        files = {one["name"]: one["properties"] for one in self._cluster.described["listeners"]}[way.listener]
        wanted = (way.user, way.certificate, "anonymous", "alice", "client")
        return Path(next(files[name] for name in wanted if name in files))

    def _overrides(self, way: Way, token: str | None) -> Overrides:
        """What the file says otherwise."""
        changed = self._certificate(way)
        match way.mechanism:
            case Mechanism.PLAIN | Mechanism.SCRAM_SHA_256 | Mechanism.SCRAM_SHA_512 as mechanism:
                text = (way.user or "", _password(way) or "")
                name, password = (one.replace("\\", "\\\\").replace('"', '\\"') for one in text)
                login = f'{_MODULES[mechanism]} required username="{name}" password="{password}";'
                changed |= {"sasl.mechanism": mechanism.value, "sasl.jaas.config": login}
            case Mechanism.OAUTHBEARER if way.token in {Token.SIGNER, Token.TAMPERED, Token.SIGNER_EXPIRED}:
                changed |= {
                    "sasl.mechanism": Mechanism.OAUTHBEARER.value,
                    "sasl.jaas.config": f"{_BEARER_MODULE} required;",
                    "sasl.login.callback.handler.class": f"{_IAM}IAMOAuthBearerLoginCallbackHandler",
                    "sasl.client.callback.handler.class": f"{_IAM}IAMOAuthBearerLoginCallbackHandler",
                }
            case Mechanism.OAUTHBEARER if way.token is Token.UNSIGNED:
                changed |= {
                    "sasl.jaas.config": f'{_BEARER_MODULE} required unsecuredLoginStringClaim_sub="{way.user}";',
                    "sasl.login.callback.handler.class": None,
                    "sasl.oauthbearer.token.endpoint.url": None,
                }
            case Mechanism.OAUTHBEARER if way.token is not Token.GOOD:
                assert token is not None  # a way with this mechanism has one
                changed |= {"sasl.oauthbearer.token.endpoint.url": self._token_file(token).as_uri()}
            case Mechanism.OAUTHBEARER | Mechanism.AWS_MSK_IAM | None:
                pass
            case _:
                assert_never(way.mechanism)
        return changed

    def _certificate(self, way: Way) -> Overrides:
        match way.certificate:
            case Certificate.STRANGER:
                return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(self._stranger)}
            case None:
                return {"ssl.keystore.type": None, "ssl.keystore.location": None}
            case Certificate.TRUSTED | Certificate.OTHER as known:
                place = _file(self._cluster.directory, "pem", _credential(known).keystore)
                return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(place)}
            case _:
                assert_never(way.certificate)

    def _token_file(self, token: str) -> Path:
        return _file(self._cluster.directory, "jwt", token)

    def _system(self, way: Way, token: str | None) -> dict[str, str]:
        """System properties: where tokens may be read from, and the keys of `<user>.env`."""
        if way.listener == "tokens" and token is not None:
            places = (self._cluster.directory.resolve() / f"{way.user}.jwt", self._token_file(token))
            return {_ALLOWED_URLS: ",".join(place.as_uri() for place in places)}
        if way.listener != "iam":
            return {}
        lines = (self._cluster.directory / f"{way.user}.env").read_text().splitlines()
        given = {_SYSTEM[name]: value for name, value in (line.split("=", 1) for line in lines)}
        return given if way.secret is Secret.RIGHT else given | {"aws.secretAccessKey": _WRONG}


@contextmanager
def place(release: str) -> Iterator[Place]:
    """The world of the table, on a release."""
    with reference.world("self-managed", turn=turn(release)) as cluster:
        there = Place(release, cluster)
        fill(there.visits(Way(listener="sasl", user=ADMIN, mechanism=Mechanism.PLAIN))[0])
        yield there


def fill(visit: Visit) -> None:
    """Write the records of the archive."""
    with Producer(settings_of(visit)) as producer:
        for place, record in enumerate(RECORDS):
            producer.produce(ARCHIVE, record, partition=place % 2)
        assert producer.flush(PATIENCE) == 0


def _file(directory: Path, kind: str, content: str) -> Path:
    """A file of that content; several clients read it at a time, so it is there in full or not at all."""
    path = directory.resolve() / f"{sha256(content.encode()).hexdigest()[:16]}.{kind}"
    if not path.exists():
        with NamedTemporaryFile("w", dir=directory, delete=False) as draft:
            draft.write(content)
        Path(draft.name).replace(path)
    return path


@cache
def _credential(certificate: Certificate) -> Credential:
    match certificate:
        case Certificate.TRUSTED:
            return client_credential("CN=client")
        case Certificate.OTHER:
            return client_credential("CN=other,O=Example")
        case Certificate.STRANGER:
            return stranger_credential()
        case _:
            assert_never(certificate)


def _password(way: Way) -> str | None:
    """The password that is given, that of somebody else for a user who does not exist."""
    if way.user is None or way.mechanism not in _MODULES:
        return None
    return PASSWORDS[way.user] if way.secret is Secret.RIGHT and way.user in PASSWORDS else _WRONG


class _Provider(CredentialProvider):  # type: ignore[misc, unused-ignore]
    """Gives the official signer a credential."""

    def __init__(self, known: AwsCredential) -> None:
        super().__init__()
        self._known = known

    def load(self) -> Credentials:
        return Credentials(self._known.access_key, self._known.secret_key, self._known.session_token)


def _token(way: Way, known: Mapping[str, AwsCredential]) -> str:
    now = datetime.now(UTC)
    match way.token:
        case Token.GOOD:
            return signed_jwt(_claims(way, now))
        case Token.EXPIRED:
            return signed_jwt(_claims(way, now - 2 * _HOUR))
        case Token.WRONG_KEY:
            return signed_jwt(_claims(way, now), ec.generate_private_key(ec.SECP256R1()))
        case Token.UNSIGNED:
            return unsecured_jwt(_claims(way, now))
        case Token.SIGNER | Token.TAMPERED:
            assert way.user is not None  # an identity of AWS
            signed, _ = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(
                REGION, _Provider(known[way.user])
            )
            return str(signed) if way.token is Token.SIGNER else _tampered(str(signed))
        case Token.SIGNER_EXPIRED:
            # The signer knows no time but now, so this one is made the same way an hour ago.
            assert way.user is not None  # as above
            return iam_token(known[way.user].keys, region=REGION, now=now - _HOUR)
        case _:
            raise AssertionError(way)


def _tampered(token: str) -> str:
    """The token with a lifetime that was not signed."""
    url = urlsafe_b64decode(token + "==").decode()
    changed = url.replace("X-Amz-Expires=900", "X-Amz-Expires=899")
    assert changed != url
    return urlsafe_b64encode(changed.encode()).decode().rstrip("=")


def _claims(way: Way, issued: datetime) -> dict[str, object]:
    start = int(issued.timestamp())
    return {"sub": way.user, "iat": start, "exp": start + int(_HOUR.total_seconds())}
