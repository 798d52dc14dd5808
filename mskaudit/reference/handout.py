"""What a user of a running reference world is handed: files with which clients log in, and a description of it all.

The properties are those of Kafka's own Java clients, with PEM stores beside them, so that its command line tools take
them as they are (`--command-config`). Everything in here is a throw-away secret of a throw-away cluster.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mskaudit.errors import UsageError
from mskaudit.reference.certificates import authority, client_credential
from mskaudit.reference.cluster import Mechanism
from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.reference.tokens import signed_jwt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mskaudit.reference.cluster import Cluster, Listener
    from mskaudit.reference.realm import AwsCredential, OauthSettings, User
    from mskaudit.reference.worlds import RunningWorld

ANYBODY: Final = "anonymous"
_TOKEN_SECONDS: Final = 3600
_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9_.@=+-]")
_SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"
_PLAIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
_BEARER: Final = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
_IAM: Final = "software.amazon.msk.auth.iam."
# The strongest first: a user of several gets the file of the first that the listener has.
_PASSWORD_MECHANISMS: Final = (Mechanism.SCRAM_SHA_512, Mechanism.SCRAM_SHA_256, Mechanism.PLAIN)

Properties = dict[str, str]


class _Folder:
    """Where the files go: nobody but their owner reads them, since most hold a secret."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._written: dict[str, str] = {}
        self._tokens: dict[tuple[OauthSettings, str], str] = {}

    def write(self, content: str, *names: str) -> Path:
        """Write a file under the first of its names that nothing else has.

        Raises:
            UsageError: none is left.
        """
        for name in (_FILE_NAME.sub("_", name) for name in names):
            if self._written.setdefault(name, content) == content:
                path = self._place / name
                path.touch(mode=0o600)
                path.chmod(0o600)
                path.write_text(content, encoding="utf-8")
                return path
        raise UsageError(f"{names[-1]} would have to be two files; give a listener or user of the world another name")

    def token(self, settings: OauthSettings, user: str) -> str:
        """A token that a listener takes, one and the same for all that are set up alike."""
        return self._tokens.setdefault((settings, user), _token(settings, user))


def hand_out(running: RunningWorld, name: str, directory: Path) -> dict[str, Any]:
    """Write all files of a running world into a directory, `cluster.json` last, and return what that says.

    Raises:
        UsageError: the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        folder = _Folder(directory.resolve())
        described = _described(running, name, folder)
        # Whoever waits for the description finds it whole, and everything that it names already there.
        content = msgspec.json.format(msgspec.json.encode(described), indent=2).decode()
        unfinished = folder.write(f"{content}\n", f".cluster.{os.getpid()}.json")
        unfinished.replace(directory / "cluster.json")
    except OSError as error:
        raise UsageError(f"{error.filename or directory} cannot be written: {error.strerror}") from None
    return described


def _described(running: RunningWorld, name: str, folder: _Folder) -> dict[str, Any]:
    cluster, serving = running.world.brokers, running.brokers
    zookeeper = running.zookeeper
    return {
        "world": name,
        "release": None if cluster is None else cluster.profile.release,
        "mode": None if cluster is None else cluster.mode,
        "nodes": []
        if serving is None
        else [
            {"id": node.number, "listeners": {listener: f"{host}:{port}" for listener, (host, port) in where.items()}}
            for node in serving.nodes
            for where in (node.addresses,)
        ],
        "listeners": [] if cluster is None else list(_listeners(running, cluster, folder)),
        "zookeeper": []
        if zookeeper is None
        else [
            {"address": address, "tls": tls}
            for address, tls in ((zookeeper.clear, False), (zookeeper.tls, True))
            if address is not None
        ],
        "side_doors": dict(running.doors),
        "aws_endpoint": running.aws_endpoint,
        "users": {} if cluster is None else _users(cluster),
        "pid": os.getpid(),
    }


def _users(cluster: Cluster) -> dict[str, Any]:
    """Everybody with a way to log in: passwords, names of certificates, keys of AWS."""
    people: dict[str, Any] = {}
    for name, user in cluster.known_users.items():
        people[name] = {"password": user.password, "mechanisms": list(user.mechanisms)}
    for name, subject in cluster.certificates.items():
        people.setdefault(name, {})["certificate"] = subject
    for name, key in cluster.aws_credentials.items():
        people.setdefault(name, {})["aws"] = {"access_key": key.access_key, "principal": key.principal}
    return people


def _listeners(running: RunningWorld, cluster: Cluster, folder: _Folder) -> Iterator[dict[str, Any]]:
    for name, listener in cluster.listeners.items():
        bootstrap = ",".join(running.listener_addresses(name))
        yield {
            "name": name,
            "protocol": listener.protocol,
            "mechanisms": list(listener.mechanisms),
            "client_auth": listener.client_certificate,
            "bootstrap": bootstrap,
            "properties": {
                user: _written(folder, f"{name}.{user}", {"bootstrap.servers": bootstrap, **settings})
                for user, settings in _clients(cluster, name, folder)
            },
        }


def _written(folder: _Folder, stem: str, properties: Properties) -> str:
    lines = (f"{key}={_escaped(value)}\n" for key, value in properties.items())
    return str(folder.write("".join(lines), f"{stem}.properties"))


def _escaped(value: str) -> str:
    """A value as `java.util.Properties` reads it back."""
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    leading = "\\" if escaped[:1] in {" ", "\t"} else ""
    return leading + "".join(char if " " <= char < "\x7f" or char == "\t" else _utf16(char) for char in escaped)


def _utf16(char: str) -> str:
    content = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{content[place : place + 2].hex()}" for place in range(0, len(content), 2))


def _clients(cluster: Cluster, name: str, folder: _Folder) -> Iterator[tuple[str, Properties]]:
    """Everybody who can come in at a listener, with the settings of a client."""
    listener = cluster.listeners[name]
    base = {"security.protocol": listener.protocol.value}
    if listener.protocol.has_tls:
        base |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(folder.write(authority().pem, "ca.pem"))}
    if listener.protocol.has_sasl:
        if listener.client_certificate is ClientCertificate.REQUIRED:
            base |= _store(cluster, folder)
        for user, login in _logins(cluster, name, folder):
            yield user, base | login
        return
    if listener.client_certificate is not ClientCertificate.REQUIRED:
        yield ANYBODY, base
    if listener.client_certificate is not ClientCertificate.NONE:
        for user, subject in cluster.certificates.items():
            yield user, base | _keystore(folder, user, subject)


def _store(cluster: Cluster, folder: _Folder) -> Properties:
    """Any certificate that is trusted, for a listener that wants one besides the login."""
    name, subject = next(iter(cluster.certificates.items()), ("client", "CN=client"))
    return _keystore(folder, name, subject)


def _keystore(folder: _Folder, name: str, subject: str) -> Properties:
    path = folder.write(client_credential(subject).keystore, f"{name}.pem", f"{name}.client.pem")
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(path)}


def _logins(cluster: Cluster, name: str, folder: _Folder) -> Iterator[tuple[str, Properties]]:
    listener = cluster.listeners[name]
    for user, known in cluster.known_users.items():
        if (mechanism := _shared(listener, known)) is not None:
            assert known.password is not None
            yield user, _password(mechanism, user, known.password)
        elif Mechanism.OAUTHBEARER in listener.mechanisms and Mechanism.AWS_MSK_IAM not in listener.mechanisms:
            yield user, _bearer(listener.oauth, user, name, folder)
    if Mechanism.AWS_MSK_IAM in listener.mechanisms:
        for user, key in cluster.aws_credentials.items():
            folder.write(_environment(key, listener.iam.region), f"{user}.env", f"{name}.{user}.env")
            yield user, _IAM_LOGIN


def _shared(listener: Listener, user: User) -> Mechanism | None:
    """The strongest way in by password that the listener and the user have both."""
    if user.password is None:
        return None
    for mechanism in _PASSWORD_MECHANISMS:
        if mechanism in listener.mechanisms and mechanism.value in user.mechanisms:
            return mechanism
    return None


def _password(mechanism: Mechanism, name: str, password: str) -> Properties:
    module = _PLAIN if mechanism is Mechanism.PLAIN else _SCRAM
    return {
        "sasl.mechanism": mechanism.value,
        "sasl.jaas.config": f"{module} required username={_quoted(name)} password={_quoted(password)};",
    }


def _quoted(text: str) -> str:
    """A value of a JAAS option."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _bearer(oauth: OauthSettings, user: str, listener: str, folder: _Folder) -> Properties:
    """A token: one without signature where the listener takes such, otherwise one in a file.

    Kafka's clients read a token from a file only if the system property
    `org.apache.kafka.sasl.oauthbearer.allowed.urls` names its URL (since 3.9.1).
    """
    settings = {"sasl.mechanism": Mechanism.OAUTHBEARER.value}
    if oauth.accept_unsigned:
        claim = f"unsecuredLoginStringClaim_{oauth.principal_claim}={_quoted(user)}"
        return settings | {"sasl.jaas.config": f"{_BEARER} required {claim};"}
    path = folder.write(folder.token(oauth, user), f"{user}.jwt", f"{listener}.{user}.jwt")
    return settings | {
        "sasl.jaas.config": f"{_BEARER} required;",
        "sasl.login.callback.handler.class": (
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
        ),
        "sasl.oauthbearer.token.endpoint.url": path.as_uri(),
    }


def _token(settings: OauthSettings, name: str) -> str:
    """A token of the reference's own key, good for an hour."""
    now = int(datetime.now(UTC).timestamp())
    claims: dict[str, object] = {settings.principal_claim: name, "iat": now, "exp": now + _TOKEN_SECONDS}
    if settings.audience is not None:
        claims["aud"] = settings.audience
    if settings.issuer is not None:
        claims["iss"] = settings.issuer
    return signed_jwt(claims)


def _environment(key: AwsCredential, region: str) -> str:
    """What Amazon's own login module looks for in the environment."""
    lines = [f"AWS_ACCESS_KEY_ID={key.access_key}", f"AWS_SECRET_ACCESS_KEY={key.secret_key}", f"AWS_REGION={region}"]
    if key.session_token is not None:
        lines.append(f"AWS_SESSION_TOKEN={key.session_token}")
    return "".join(f"{line}\n" for line in lines)


_IAM_LOGIN: Final[Properties] = {
    "sasl.mechanism": Mechanism.AWS_MSK_IAM.value,
    "sasl.jaas.config": f"{_IAM}IAMLoginModule required;",
    "sasl.client.callback.handler.class": f"{_IAM}IAMClientCallbackHandler",
}
"""A login of Amazon's own module, which takes the keys of `<user>.env` from the environment."""
