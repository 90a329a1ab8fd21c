"""`tillpoint package`: what an installer of Windows calls when a version's files lie there; nobody types it.

`set-up` is `tillpoint setup` without questions, whose answers come as they were given to the installer. What a running
till can mend by itself, or a person afterwards, does not undo an installation: a centre that is not reached or says no,
settings that are there already and say something else.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from agent.cli.common import add_config, print_json, settings_of
from agent.cli.service import make_folders_safe, version_folder
from agent.packaged import PACKAGES, take_back, take_place
from agent.settings import default_config_path, default_state_folder
from drivers.vocabulary.errors import SettingsError

__all__ = ["RUNS_ALL_THE_SAME", "add_parser", "run"]

#: Exit codes of `tillpoint setup` with which the till runs all the same: pending, settings differ, refused.
RUNS_ALL_THE_SAME: Final = frozenset({3, 4, 5})


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("package", help="for the installers: let the version just laid down take its place")
    steps = parser.add_subparsers(dest="step", required=True)
    one = steps.add_parser("take-place", help="the version that this runs from is the one that is started")
    one.add_argument("--by", choices=PACKAGES, default="exe", help="which installer brought it")
    add_config(one)
    add_config(steps.add_parser("take-back", help="the installation failed: as it was before"))
    one = steps.add_parser("set-up", help="tillpoint setup without questions", prefix_chars=" ")
    one.add_argument("words", nargs=argparse.REMAINDER, help="as for tillpoint setup")


def run(args: argparse.Namespace) -> int:
    """Take the place, or give it back."""
    if args.step == "set-up":
        from agent.cli import main

        # The MSI lets a space follow each value: `C:\POS\"` would not end where it should.
        code = main(["setup", "--no-questions", *(word.rstrip(" ") for word in args.words)])
        return 0 if code in RUNS_ALL_THE_SAME else code
    if args.step == "take-back":
        done = take_back(state=_state(args))
        said = "as it was before" if done else "nothing to take back"
        print_json({"taken_back": done}) if args.json else print(said)
        return 0
    if args.config is None and version_folder() is not None:
        # Before settings there are believed, and before the set-up lays a secret there: anybody could have made it.
        for sentence in make_folders_safe():
            print(f"tillpoint: {sentence}", file=sys.stderr)
    config = args.config if args.config is not None else default_config_path()
    taken = take_place(args.by, state=_state(args), config=config)
    if args.json:
        print_json({"version": taken.version, "runs": taken.runs, "removed": list(taken.removed)})
    else:
        print(taken.in_words())
    return 0


def _state(args: argparse.Namespace) -> Path:
    """Where the database is; settings that cannot be read must not keep an installer from mending them."""
    try:
        return settings_of(args).state_folder
    except SettingsError:
        return default_state_folder()
