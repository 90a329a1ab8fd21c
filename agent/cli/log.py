"""`tillpoint log`: the last lines of the agent's own log, the same on Windows and Linux; `--follow` shows new ones."""

from __future__ import annotations

import argparse
import re
import sys
import threading
from collections.abc import Callable
from typing import Final

from agent.cli.common import add_config, print_json, settings_of
from agent.service.log_file import last_lines, new_lines
from agent.service.logs import log_file
from drivers.vocabulary.errors import TillpointError

__all__ = ["add_parser", "run"]

LINES: Final = 50
LINES_MAX: Final = 100_000  # more than all files of the default size have of interest
LOOK_S: Final = 0.5  # between two looks for new lines
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_LEVEL: Final = re.compile(r"^\S+ ([A-Z]+) ")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("log", help="the last lines of the agent's log")
    parser.add_argument("-n", "--lines", type=int, default=LINES, metavar="N", help=f"how many (default: {LINES})")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with each new line, until Ctrl-C")
    parser.add_argument("--level", choices=[level.lower() for level in _LEVELS[:-1]], default="debug", help="and above")
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Print them; 1 when there is no file that can be read."""
    settings = settings_of(args)
    path = log_file(settings.log, settings.state_folder)
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        where = "" if sys.platform == "win32" else "; under systemd also: journalctl -u tillpoint"
        raise TillpointError(f"no log at {path}: has the agent run with these settings?{where}") from None
    except OSError as error:
        raise TillpointError(f"cannot read {path}: {error.strerror}; run this as the service's user") from None
    wanted = _at_least(args.level.upper())
    lines = last_lines(path, max(0, min(args.lines, LINES_MAX)), wanted)
    if args.json:
        print_json({"file": str(path), "lines": list(lines)})
        return 0
    for line in lines:
        print(line)
    if args.follow:
        sys.stdout.flush()
        never = threading.Event()
        for line in new_lines(path, lambda: not never.wait(LOOK_S)):
            if wanted(line):
                print(line, flush=True)
    return 0


def _at_least(level: str) -> Callable[[str], bool]:
    """Lines of this level and above; a line without a level belongs to whoever wrote it, and is shown."""
    least = _LEVELS.index(level)

    def wanted(line: str) -> bool:
        found = _LEVEL.match(line)
        return found is None or found[1] not in _LEVELS or _LEVELS.index(found[1]) >= least

    return wanted
