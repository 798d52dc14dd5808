"""The class paths of Apache Kafka's own artifacts, resolved by Maven once and kept in the git-ignored cache.

`MSKAUDIT_REAL_CACHE` names another folder for downloads, class-data archives and formatted directories.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

POM: Final = Path(__file__).with_name("pom.xml")
CHECKOUT: Final = Path(__file__).parents[2]
CACHE: Final = Path(
    os.environ["MSKAUDIT_REAL_CACHE"] if "MSKAUDIT_REAL_CACHE" in os.environ else CHECKOUT / ".cache/real"
)
LOWEST_JAVA: Final = 17
_PATIENCE: Final = 600


class RealError(Exception):
    """Something of the real world did not do what it was started for; the message ends with its log."""


class Profile(StrEnum):
    """The class paths of `pom.xml`."""

    R282 = "r282"
    R332 = "r332"
    ZK39 = "zk39"
    R402 = "r402"
    KRAFT4 = "kraft4"
    IAM = "iam"


@cache
def missing() -> str | None:
    """Why the real thing cannot be run here, None where it can."""
    absent = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if absent:
        return f"no {' and no '.join(absent)} on the path"
    version = java_version()
    major = version.split(".")[0].split("-")[0]
    if not major.isdecimal() or int(major) < LOWEST_JAVA:
        return f"Java {version} is older than {LOWEST_JAVA}"
    return None


@cache
def java_version() -> str:
    """The version as the machine's Java tells it, such as `17.0.15`."""
    told = subprocess.run(
        ["java", "-XshowSettings:properties", "-version"],  # noqa: S607  the Java that everything here is run with
        capture_output=True,
        text=True,
        check=True,
    )
    for line in told.stderr.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "java.version":
            return value.strip()
    raise RealError(f"java tells no version: {told.stderr[:200]}")


@cache
def class_path(profile: Profile) -> str:
    """The class path of a profile, downloaded if it is not there yet.

    Raises:
        RealError: Maven failed.
    """
    kept = CACHE / "class-paths" / f"{profile}-{sha256(POM.read_bytes()).hexdigest()[:12]}.txt"
    with locked(kept):
        if not _complete(kept):
            _resolve(profile, kept)
    return kept.read_text().strip()


def _complete(kept: Path) -> bool:
    return kept.exists() and all(Path(jar).exists() for jar in kept.read_text().strip().split(os.pathsep))


def _resolve(profile: Profile, kept: Path) -> None:
    command = ["mvn", "-B", "-ntp", "-q", "-f", str(POM), "dependency:build-classpath", f"-P{profile}"]
    places = [f"-Dmaven.repo.local={CACHE / 'm2'}", f"-Dmdep.outputFile={kept}"]
    told = subprocess.run(  # noqa: S603  a command of our own
        [*command, *places], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_PATIENCE, check=False
    )
    if told.returncode or not _complete(kept):
        raise RealError(f"Maven did not resolve profile {profile}:\n{told.stdout[-2000:]}")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep other processes from making the same file meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
