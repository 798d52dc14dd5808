"""Apache Kafka's own clients for Java, told what to do and asked what came of it."""

from __future__ import annotations

import json
import subprocess
import zipfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.reference.certificates import Credential, authority
from tests.real.jvm import Launch, run
from tests.real.maven import CACHE, Profile, RealError, class_path, locked
from tests.real.servers import write_properties

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE: Final = Path(__file__).parent / "java" / "Client.java"
_PATIENCE: Final = 120.0


EVERYTHING: Final = ("cluster", "topics", "create", "acls", "produce", "consume")
"""What a client can be told to do, in an order in which there is something to read."""


class Client(NamedTuple):
    """A client to be: its properties, the files they name, and what it is to do with which topic, in which group."""

    properties: Mapping[str, str]
    files: Mapping[str, str] = {}
    wanted: tuple[str, ...] = EVERYTHING
    topic: str = "foo"
    group: str = "readers"


def java_clients(
    clients: Sequence[Client], *, profile: Profile = Profile.KRAFT4, options: tuple[str, ...] = ()
) -> list[dict[str, str]]:
    """What came of each thing that each client wanted, all of them one after the other in one JVM.

    An outcome is what was read, `ok`, or the name of the exception's class. `options` go to the JVM.
    """
    with TemporaryDirectory(prefix="clients-") as place:
        directory = Path(place)
        arguments: list[str] = []
        for number, client in enumerate(clients):
            file = f"client-{number}.properties"
            for name, content in client.files.items():
                (directory / name).write_text(content)
            write_properties(directory / file, client.properties)
            arguments += [file, client.topic, client.group, ",".join(client.wanted)]
        launch = Launch(
            name="clients",
            profile=profile,
            main="Client",
            arguments=tuple(arguments),
            directory=directory,
            options=options,
            jars=(_compiled(profile),),
        )
        told = [line for line in run(launch, seconds=_PATIENCE).splitlines() if line.startswith("{")]
        return [json.loads(line) for line in told]


def tls(credential: Credential | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """The properties of a client that trusts the authority and may have a certificate, and the files they name."""
    properties = {"ssl.truststore.type": "PEM", "ssl.truststore.location": "ca.pem"}
    files = {"ca.pem": authority().pem}
    if credential is not None:
        name = f"{sha256(credential.certificate.encode()).hexdigest()[:12]}.pem"
        properties |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": name}
        files[name] = credential.keystore
    return properties, files


def scram(user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
    """The properties of a client that logs in with a password."""
    module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    login = f'org.apache.kafka.common.security.{module} required username="{user}" password="{password}";'
    return {"sasl.mechanism": mechanism, "sasl.jaas.config": login}


@cache
def _compiled(profile: Profile) -> Path:
    """The client's program as an archive, compiled once for each text of it and each class path."""
    jar = CACHE / "programs" / f"client-{profile}-{sha256(SOURCE.read_bytes()).hexdigest()[:12]}.jar"
    with locked(jar):
        if not jar.exists():
            _compile(profile, jar)
    return jar


def _compile(profile: Profile, jar: Path) -> None:
    with TemporaryDirectory(prefix="javac-") as place:
        told = subprocess.run(  # noqa: S603  a command of our own
            ["javac", "-cp", class_path(profile), "-d", place, str(SOURCE)],  # noqa: S607  beside the Java that runs it
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise RealError(f"{SOURCE.name} does not compile:\n{told.stderr}")
        draft = jar.with_suffix(".draft")
        with zipfile.ZipFile(draft, "w") as archive:
            for file in sorted(Path(place).glob("*.class")):
                archive.write(file, file.name)
        draft.rename(jar)
