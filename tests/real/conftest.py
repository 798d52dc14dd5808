"""Where Java or Maven is missing the tests against the real thing are skipped, and one line says so.

With `MSKAUDIT_REAL=require` a skip is a failure.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.real.jvm import RUNNING, tail
from tests.real.maven import Profile, RealError, class_path, missing

if TYPE_CHECKING:
    from collections.abc import Generator

    from _pytest.terminal import TerminalReporter


@cache
def _reason() -> str | None:
    """Why nothing real can be run here: no Java, no Maven, or nothing that Maven can reach."""
    if reason := missing():
        return reason
    try:
        for profile in Profile:
            class_path(profile)
    except RealError as fault:
        return str(fault).strip().splitlines()[0]
    return None


@pytest.fixture(autouse=True, scope="module")
def _real(request: pytest.FixtureRequest) -> None:
    reason = None if getattr(request.module, "WITHOUT_JAVA", False) else _reason()
    if reason is None:
        return
    if os.environ.get("MSKAUDIT_REAL") == "require":
        pytest.fail(f"MSKAUDIT_REAL=require, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of what runs beneath a test that failed."""
    report = yield
    if report.failed and "tests/real" in str(item.path):
        report.sections += [(f"log of {running.launch.name}", tail(running.launch)) for running in RUNNING]
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say in one line why the real thing was not there."""
    skipped = [report for report in terminalreporter.getreports("skipped") if "tests/real" in report.nodeid]
    if skipped and (reason := _reason()):
        terminalreporter.write_line(f"tests/real: {len(skipped)} tests skipped, because there is {reason}")
