"""`tillpoint setup`: three questions, or an answer file, and a till is set up; and a set-up taken back."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from agent import policy
from agent.cli.common import print_json
from agent.cli.forget import add_forgetting, forget_till
from agent.settings import default_config_path
from agent.setup.answers import Answers, gathered, reference
from agent.setup.words import LANGUAGES, Words, language_of_system
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError

__all__ = ["add_parser", "run"]

WRONG_ANSWERS = 2
STOPPED = 130


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("setup", help="set this till up: three questions, or an answer file")
    add = parser.add_argument
    add("--config", type=Path, default=None, metavar="FILE", help="settings file (default: the service's)")
    add("--answers", type=Path, default=None, metavar="FILE", help="no questions: what is wished, as TOML")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="one answer; may be given again")
    add("--no-questions", action="store_true", help="no questions: what --set and TILLPOINT_… variables say")
    add("--change", action="store_true", help="settings that are there may be changed (a copy is kept)")
    add("--delay-enrol", action="store_true", help="this machine is an image: its copies enrol themselves")
    add("--replace", default="", metavar="TILL", help="take this dead till's place (with a store's secret)")
    add("--dry-run", action="store_true", help="say what would be written; write nothing, ask nobody")
    add("--open-panel", action="store_true", help="open the panel in this machine's browser at the end")
    add("--language", choices=LANGUAGES, default="", help="of the questions (default: the system's)")
    add("--keys", action="store_true", help="print every key of an answer file, and its property")
    add("--undo", action="store_true", help="take the till out of the centre, as `tillpoint forget` does")
    add("--json", action="store_true", help="print JSON instead of words")
    add_forgetting(parser)


def run(args: argparse.Namespace) -> int:
    """Ask or read answers, carry them out, say what came of it."""
    if args.keys:
        print(reference())
        return 0
    path = args.config if args.config is not None else default_config_path()
    if args.undo:
        return forget_till(path, args)
    say = Words(args.language or language_of_system())
    is_silent = bool(args.answers or args.set or args.no_questions)
    try:
        answers = _given(args, path)
    except SettingsError as error:
        for line in str(error).splitlines():
            print(f"tillpoint: {line}", file=sys.stderr)
        return WRONG_ANSWERS
    if is_silent:
        return _silent(args, path, answers, say)
    if not sys.stdin.isatty():
        print("tillpoint: nobody can answer here; give --answers FILE or --no-questions", file=sys.stderr)
        return WRONG_ANSWERS
    return _converse(args, path, answers, say)


def _given(args: argparse.Namespace, path: Path) -> Answers:
    text = ""
    if args.answers is not None:
        try:
            text = args.answers.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read --answers {args.answers}: {error}") from None
    pairs = list(args.set)
    if args.delay_enrol:
        pairs.append("centre.delay=true")
    if args.replace:
        pairs.append(f"centre.replaces={args.replace}")
    name = args.answers.name if args.answers is not None else "answers"
    # The till's own word counts above the chain's.
    chain = policy.read(path.parent).for_set_up()
    return gathered(text, name=name, environment=os.environ, pairs=pairs, chain=chain)


def _silent(args: argparse.Namespace, path: Path, answers: Answers, say: Words) -> int:
    from agent.setup.carrying_out import carry_out, plan_for
    from agent.setup.console import Terminal
    from agent.setup.dialogue import tell
    from agent.setup.files import blank_secrets

    plan = plan_for(answers, path)
    report = carry_out(plan, now=datetime.now().astimezone(), dry_run=args.dry_run, may_change=args.change)
    if args.answers is not None and report.enrolment in {"enrolled", "already", "pending", "image"}:
        left = blank_secrets(args.answers, (answers.centre.code, answers.centre.secret))
        report = replace(report, warnings=(*report.warnings, left) if left else report.warnings)
    if args.json:
        print_json({**codec.to_builtins(report), "exit_code": report.exit_code})
    else:
        for line in report.differs:
            print(f"  {line}")
        tell(Terminal(), say, report)
    _open(args, path)
    return report.exit_code


def _converse(args: argparse.Namespace, path: Path, answers: Answers, say: Words) -> int:
    from agent.setup.console import Terminal
    from agent.setup.dialogue import converse
    from drivers.finding.machine import look

    if args.dry_run or args.json:
        print("tillpoint: --dry-run and --json are for --answers, --set or --no-questions", file=sys.stderr)
        return WRONG_ANSWERS
    report = converse(Terminal(), say, path, look=look, now=datetime.now().astimezone(), given=answers)
    if report is None:
        return STOPPED
    _open(args, path)
    return report.exit_code


def _open(args: argparse.Namespace, path: Path) -> None:
    """With a running agent's own ticket, as `tillpoint panel` does; without an agent that says so."""
    if args.open_panel and not args.dry_run:
        from agent.cli import main

        main(["panel", "--config", str(path)])
