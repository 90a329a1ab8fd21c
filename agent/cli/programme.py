"""`tillpoint programme`: check, explain, and the schema of a programme file; changes nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.cli.common import print_json
from agent.loyalty import Programme, load, schema
from agent.loyalty.describe import describe
from agent.loyalty.explain import LANGUAGES
from drivers.vocabulary.errors import TillpointError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its three verbs."""
    parser = subparsers.add_parser("programme", help="check and explain a loyalty programme")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True)
    check = verbs.add_parser("check", help="say everything that is wrong with a file, with line and key")
    explain = verbs.add_parser("explain", help="say each rule in one plain sentence")
    for verb in (check, explain):
        verb.add_argument("file", type=Path, metavar="FILE", help="the programme, TOML or JSON")
    explain.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the sentences (default: en)")
    verbs.add_parser("schema", help="print the JSON Schema of a programme file")


def run(args: argparse.Namespace) -> int:
    """0 when the file is good, 1 when it is not."""
    if args.verb == "schema":
        print_json(schema())
        return 0
    try:
        data = args.file.read_bytes()
    except OSError as error:
        raise TillpointError(f"cannot read {args.file}: {error.strerror or error}; check the path") from None
    found = load(data, name=str(args.file))
    if not isinstance(found, Programme):
        for problem in found:
            print(problem)
        return 1
    rules = len(found.file.rules)
    print(f"{found.title}, version {found.version}: {rules} rule{'' if rules == 1 else 's'}")
    if args.verb == "explain":
        for line in describe(found, language=args.lang):
            print(line)
    return 0
