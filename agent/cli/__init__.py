"""The one command, `tillpoint`: finds the subcommand, imports only that, and turns its errors into a sentence."""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from drivers.vocabulary.errors import TillpointError

__all__ = ["COMMANDS", "main"]

#: Command → (module, what it is for). A module is imported when its command is called: start-up time is a feature.
COMMANDS: Final = {
    "setup": ("agent.cli.setup", "set this till up: three questions, or an answer file"),
    "run": ("agent.cli.run", "stand beside the till: read receipts and codes, decide, keep, sync"),
    "panel": ("agent.cli.panel", "open the panel of the running agent in the browser"),
    "demo": ("agent.cli.demo", "start a centre, an agent, a till, a printer and a scanner, and tell the story"),
    "package": ("agent.cli.package", "for the installers of Windows: let the version just laid down take its place"),
    "check": ("agent.cli.check", "check the settings file without opening anything"),
    "enrol": ("agent.cli.enrol", "make this machine known to the central server"),
    "forget": ("agent.cli.forget", "take this till out of its centre, before it is sold or scrapped"),
    "migrate": ("agent.cli.migrate", "bring the till's database to this version, keeping a copy"),
    "devices": ("agent.cli.devices", "what is plugged in, what it probably is, what to paste; and the drivers"),
    "tills": ("agent.cli.tills", "till systems: which there are, and what to type into this till's own"),
    "service": ("agent.cli.service", "the Windows service: install, remove, start, stop, status"),
    "doctor": ("agent.cli.doctor", "try every hop from the devices to the centre; say what is wrong and whom to tell"),
    "log": ("agent.cli.log", "the last lines of the agent's log; --follow goes on"),
    "update": ("agent.cli.update", "which version of Tillpoint runs, which may come; by hand: now, pin, rollback"),
    "queue": ("agent.cli.queue", "what waits for the centre, and what it refused"),
    "journal": ("agent.cli.journal", "what happened with a receipt, a customer, a day"),
    "receipts": ("agent.cli.receipts", "try what would be understood of a captured print stream"),
    "evaluate": ("agent.cli.evaluate", "decide one receipt and print the decision"),
    "programme": ("agent.cli.programme", "check, explain, compare, sign and verify a loyalty programme"),
}

#: Commands of packages that are not installed on a till.
ELSEWHERE: Final = ("central", "simulate")

USAGE_ERROR: Final = 2
FAILED: Final = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a failure said in one sentence, 2 a wrong command line."""
    words = list(sys.argv[1:] if argv is None else argv)
    _utf8_output()
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0
    if words[0] in {"-V", "--version"}:
        from importlib.metadata import version

        print(f"tillpoint {version('tillpoint')}")
        return 0
    if words[0] not in COMMANDS:
        return _foreign(words)
    module: Any = importlib.import_module(COMMANDS[words[0]][0])
    parser = argparse.ArgumentParser(prog="tillpoint")
    subparsers = parser.add_subparsers(dest="command", required=True)
    module.add_parser(subparsers)
    one = subparsers.choices[words[0]]
    one.description = one.description or f"{COMMANDS[words[0]][1][0].upper()}{COMMANDS[words[0]][1][1:]}."
    args = parser.parse_args(words)
    return _guarded(lambda: module.run(args))


def _guarded(work: Callable[[], int]) -> int:
    try:
        return work()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone (`| head`)
        sys.stderr.close()
        return 0
    except TillpointError as error:
        for line in str(error).splitlines():
            print(f"tillpoint: {line}", file=sys.stderr)
        return FAILED


def _foreign(words: list[str]) -> int:
    """Commands that live in other packages (the central server) are found by entry point."""
    from importlib.metadata import entry_points

    found = entry_points(group="tillpoint.commands", name=words[0])
    for entry in found:
        try:
            command = entry.load()
        except ImportError as error:
            needs = f"{words[0]} needs {error.name or error}"
            print(f"tillpoint: {needs}; install Tillpoint's wheel with its extra [{words[0]}]", file=sys.stderr)
            return FAILED
        return _guarded(partial(command, words[1:]))
    if words[0] in ELSEWHERE:
        print(f"tillpoint: {words[0]} is not on a till; it comes with Tillpoint's source tree", file=sys.stderr)
        return USAGE_ERROR
    near = difflib.get_close_matches(words[0], COMMANDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`tillpoint help` lists what there is"
    print(f"tillpoint: no command {words[0]!r}; {hint}", file=sys.stderr)
    return USAGE_ERROR


def _overview() -> str:
    from importlib.util import find_spec

    names = dict(COMMANDS)
    is_till = find_spec("central") is None  # what plays or needs a centre is not installed there
    if is_till:
        del names["demo"]
    rows = [f"  {name:<10} {words}" for name, (_, words) in names.items()]
    if not is_till:
        rows.append(f"  {'central':<10} the reference central server (needs the extra: tillpoint[central])")
        rows.append(f"  {'simulate':<10} one device's twin for a till to talk to; whole fleets (needs the same extra)")
    return "\n".join(["tillpoint: loyalty at the till", "", *rows, "", "tillpoint COMMAND --help says more."])


def _utf8_output() -> None:
    """A Russian shop's Windows console is cp866; what we say must not end in a UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
