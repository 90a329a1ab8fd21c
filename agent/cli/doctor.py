"""`tillpoint doctor`: tries every hop from the devices to the centre, names the first that fails, says whom to tell."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from agent.cli.common import add_config, print_json
from agent.doctor.report import Finding, Report, State
from agent.settings import default_config_path
from drivers.vocabulary.errors import TillpointError

__all__ = ["add_parser", "run"]

FAILED: Final = 1
_MARKS: Final = {State.OK: "ok     ", State.WARNING: "WARNING", State.FAILED: "FAILED ", State.SKIPPED: "-      "}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("doctor", help="try every hop from the devices to the centre")
    add_config(parser)
    parser.add_argument(
        "--bundle", type=Path, default=None, metavar="FILE.zip", help="write what support asks for; names no customer"
    )


def run(args: argparse.Namespace) -> int:
    """0 when every hop works (warnings included), 1 when one failed."""
    from agent.doctor.examine import examine

    path = args.config if args.config is not None else default_config_path()
    report, settings, running = examine(path)
    if args.bundle is not None:
        from agent.doctor.bundle import write_bundle
        from drivers.finding.machine import look

        try:
            write_bundle(args.bundle, report, settings, running, look())
        except OSError as error:
            raise TillpointError(f"cannot write {args.bundle}: {error.strerror}; name another file") from None
    if args.json:
        print_json(as_json(report, args.bundle))
    else:
        print(in_words(report))
        if args.bundle is not None:
            print(f"\nThe bundle is {args.bundle}. It names no customer; send it to support.", file=sys.stderr)
    return FAILED if report.first is not None else 0


def as_json(report: Report, bundle: Path | None) -> dict[str, Any]:
    """For a monitoring system: stable words, and the sentences."""
    return {
        "ok": report.first is None,
        "agent": report.agent,
        "first": None if report.first is None else _row(report.first),
        "findings": [_row(one) for one in report.findings],
        "bound": report.bound,
        "bundle": str(bundle) if bundle is not None else None,
    }


def _row(one: Finding) -> dict[str, str]:
    return {
        "hop": one.hop,
        "state": one.state.value,
        "code": one.code,
        "what": one.what,
        "who": one.who,
        "say": one.say,
    }


def in_words(report: Report) -> str:
    """Every hop in a line, then the first that failed with the words for whoever can mend it."""
    lines = [f"{_MARKS[one.state]} {one.hop}: {one.what}".rstrip(": ") for one in report.findings]
    if report.bound:
        lines.append(f"        {report.bound}")
    for one in report.warnings:
        lines += ["", f"Mend soon: {one.hop}. Tell {one.who}: {one.say}"]
    first = report.first
    if first is None:
        lines += ["", "Every hop works."]
    else:
        lines += ["", f"First that fails: {first.hop} ({first.code}).", first.what, f"Tell {first.who}: {first.say}"]
    return "\n".join(lines)
