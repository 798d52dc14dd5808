"""`mskaudit audit`, and its two halves `gather` and `judge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mskaudit.cli.options import choosing, judging, looking, reporting
from mskaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mskaudit.cli.options import Output
    from mskaudit.engine.corpus import Corpus
    from mskaudit.model.dossier import Dossier

TARGETS = """A TARGET is one of:

\b
  aws                     every cluster of the current AWS credentials and region
  arn:aws:kafka:…         one cluster
  kafka://host:port,…     the brokers themselves, no AWS needed
  FILE                    a dossier, or JSON of `aws kafka list-clusters-v2`,
                          `describe-cluster-v2`, `list-clusters`, `describe-cluster`
  -                       such a file on standard input
  reference:WORLD         a reference world: hardened, serverless, legacy-zookeeper
"""


@click.command(epilog=TARGETS)
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@looking
@choosing
@judging
@reporting
def audit(**given: Any) -> int:
    """Audit clusters: look, judge, report. Without a target: `aws`."""
    from mskaudit.cli import output

    planned = output.plan(given["outputs"], given["output"], quiet=given["quiet"])
    corpus = _corpus(given)
    return _report(_looked(given), corpus, planned, given)


@click.command(epilog=TARGETS)
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@looking
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="PATH", help="File for the dossier.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def gather(**given: Any) -> int:
    """Look at clusters and write what was seen as a dossier. Without a target: `aws`."""
    from mskaudit.cli import output
    from mskaudit.model import dossier

    path: Path | None = given["output"]
    if path is not None and output.is_stdout(path):
        path = None
    if path is not None:
        output.check_writable(path)
    seen = _looked(given)
    content = dossier.store(seen)
    if path is None:
        output.say(content)
    else:
        output.store(path, content)
    if not given["quiet"]:
        click.echo(f"mskaudit: {dossier.summary(seen)}", err=True)
    return 0


@click.command(short_help="Judge a dossier that `gather` wrote.")
@click.argument("dossier", metavar="DOSSIER")
@choosing
@judging
@reporting
def judge(dossier: str, **given: Any) -> int:
    """Judge a dossier that `gather` wrote: offline, and always with the same result."""
    from mskaudit.audit import content
    from mskaudit.cli import output
    from mskaudit.model import dossier as dossiers

    planned = output.plan(given["outputs"], given["output"], quiet=given["quiet"])
    corpus = _corpus(given)
    name = "standard input" if dossier == "-" else dossier
    return _report(dossiers.load(content(dossier), name), corpus, planned, given)


def _corpus(given: dict[str, Any]) -> Corpus:
    from mskaudit.engine.corpus import load
    from mskaudit.model.verdicts import Severity

    corpus = load(*given["folders"]).select(only=given["only"], skip=given["skip"])
    if given["min_severity"]:
        corpus = corpus.at_least(Severity(given["min_severity"]))
    if not corpus.rules:
        # Nothing would fail, and that would look like a clean cluster.
        raise UsageError("no rule is left to judge by; loosen --rule, --skip-rule or --min-severity")
    return corpus


def _looked(given: dict[str, Any]) -> Dossier:
    from mskaudit.audit import Scope, gather
    from mskaudit.cli.progress import watching
    from mskaudit.gather.target import parse

    texts: Sequence[str] = given["targets"] or ("aws",)
    if given["offline"]:
        from mskaudit.gather.offline import forbid_connections

        forbid_connections()
    scope = Scope(
        probe=given["probe"],
        offline=given["offline"],
        region=given["region"],
        profile=given["profile"],
        timeout=given["timeout"],
    )
    targets = [parse(text) for text in texts]
    with watching("looking", wanted=not (given["no_progress"] or given["quiet"])) as watch:
        return gather(targets, scope, watch=watch)


def _report(evidence: Dossier, corpus: Corpus, planned: Sequence[Output], given: dict[str, Any]) -> int:
    from mskaudit.audit import judged
    from mskaudit.cli import output
    from mskaudit.engine.gate import Gate, OnIncomplete
    from mskaudit.model.verdicts import Severity

    gate = Gate(fail_on=Severity(given["fail_on"]), on_incomplete=OnIncomplete(given["on_incomplete"]))
    result = judged(evidence, corpus, gate=gate, as_of=given["as_of"])
    output.write(planned, result, corpus.rules, color=given["color"])
    summary = result.summary
    to_stdout = any(one.format == "text" and one.path is None for one in planned)
    if not to_stdout and not given["quiet"]:
        click.echo(f"mskaudit: exit status {summary.exit_status.value}: {summary.exit_reason}", err=True)
    sys.stdout.flush()
    return summary.exit_status.value
