"""`tillpoint update`: which version runs, which may come, and by hand: now, pin, back."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.cli.common import add_config, print_json, settings_of
from agent.settings import Settings, default_config_path
from drivers.vocabulary.errors import SettingsError

if TYPE_CHECKING:
    from agent.updating.records import Status
    from agent.updating.updater import Updater

__all__ = ["add_parser", "run"]

LOOK_S: Final = 1.0
NICE: Final = 10  # of a rehearsal: a customer may be at the till

_ACTIONS: Final = {
    "status": "what runs, what lies ready, what became of the last update",
    "now": "ask the centre now, and change over as soon as no receipt is open; --from takes a folder instead",
    "pin": "stay at a version: the one that runs, or another one on this till (VERSION)",
    "unpin": "end that",
    "rollback": "go back to the version before, and do not come here again by itself",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("update", help="which version runs, which may come")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, words in _ACTIONS.items():
        one = actions.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        add_config(one)
        if name == "pin":
            one.add_argument("version", nargs="?", default="", metavar="VERSION", help="instead of the one that runs")
        if name == "now":
            one.add_argument("--from", type=Path, metavar="FOLDER", dest="source", help="a release and its archive")
            one.add_argument("--no-wait", action="store_true", help="do not wait for the end")
    # For the service manager and for the updater itself: machines call these.
    one = actions.add_parser("apply")
    add_config(one)
    one = actions.add_parser("rehearse")
    add_config(one)
    one.add_argument("--state", type=Path, required=True, metavar="FOLDER")
    one = actions.add_parser("data")
    add_config(one)
    one.add_argument("act", choices=("copy", "keep", "restore"))
    one.add_argument("--to", type=Path, metavar="FOLDER")
    one.add_argument("--from", type=Path, metavar="FOLDER", dest="source")


def run(args: argparse.Namespace) -> int:
    """Do one of them."""
    settings = settings_of(args)
    acts = {
        "status": _status,
        "now": _now,
        "pin": _pin,
        "unpin": _unpin,
        "rollback": _rollback,
        "apply": _apply,
        "rehearse": _rehearse,
        "data": _data,
    }
    return acts[args.action](args, settings)


# ── By hand ─────────────────────────────────────────────────────────────────────────────────────


def _status(args: argparse.Namespace, settings: Settings) -> int:
    from agent.updating.places import places_of
    from agent.updating.records import Status, Waiting, read
    from agent.updating.shelf import Shelf

    places = places_of(settings)
    status = read(places.status, Status)
    waiting = read(places.waiting, Waiting)
    shelf = Shelf(places)
    running = shelf.current()
    told = {
        "running": running.version if running is not None else "",
        "versions": [one.version for one in shelf.folders()],
        "install": settings.updates.install,
        "channel": settings.updates.channel,
        "switching": places.journal.exists(),
        **(_told(status) if status is not None else {"state": "idle"}),
    }
    if waiting is not None and not told.get("waiting"):
        told["waiting"] = waiting.reason
    if args.json:
        print_json(told)
    else:
        print("\n".join(_lines(told)))
    return 0


def _told(status: Status) -> dict[str, Any]:
    last = status.last
    return {
        "state": status.state.value,
        "prepared": status.prepared,
        "previous": status.previous,
        "pinned": status.pinned,
        "waiting": status.waiting,
        "not_again": status.not_again,
        "last": None
        if last is None
        else {
            "version": last.version,
            "outcome": last.outcome.value,
            "reason": last.reason,
            "at": last.at.isoformat(timespec="seconds") if last.at is not None else "",
        },
    }


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [f"running   {told['running'] or 'a development tree'}"]
    if told["switching"]:
        lines.append("a new version is being tried; the till goes back by itself if it is not well")
    words = ("prepared", "previous", "pinned", "waiting")
    lines += [f"{word:<9} {told[word]}" for word in words if told.get(word)]
    last = told.get("last")
    if last:
        reason = f": {last['reason']}" if last["reason"] else ""
        lines.append(f"last      {last['version']} {last['outcome'].replace('_', ' ')} ({last['at']}){reason}")
    lines += [f"refused   {version}: {why}" for version, why in told.get("not_again", {}).items()]
    lines.append(f"updates   {told['install']}, channel {told['channel']}")
    return lines


def _now(args: argparse.Namespace, settings: Settings) -> int:
    from agent.updating.places import places_of
    from agent.updating.records import Status, read

    places = places_of(settings)
    updater = _updater(args, settings)
    updater.forgive()
    if args.source is not None:
        return _say(args, updater.carried(args.source), wanted="")
    if settings.updates.install == "off":
        raise SettingsError('updates.install is "off", so the agent asks for nothing; set it to "hand", or use --from')
    before = read(places.status, Status)
    try:
        places.asked_now.write_text("now\n", "ascii")
    except OSError as error:
        raise SettingsError(f"cannot write {places.asked_now}: {error.strerror}; run it as root") from None
    if args.no_wait:
        print("asked: the agent looks within seconds; `tillpoint update status` tells")
        return 0
    return _wait(args, settings, before)


def _wait(args: argparse.Namespace, settings: Settings, before: Status | None) -> int:
    """Until something came of the word, or the agent says that nothing will."""
    from agent.updating.places import places_of
    from agent.updating.records import Hearing, HearingState, Status, read
    from agent.updating.word import LASTS_S

    places = places_of(settings)
    word = places.asked_now.stat().st_mtime_ns
    end_s = time.monotonic() + LASTS_S
    shown = ""
    while time.monotonic() < end_s:
        status = read(places.status, Status)
        if status is not None and (before is None or status.last != before.last) and not places.journal.exists():
            return _say(args, status, wanted="")
        hearing = read(places.hearing, Hearing)
        if hearing is None or hearing.word != word:
            line = "waiting for the agent to hear it; does it run, and is the till enrolled?"
        elif hearing.state in {HearingState.NEWEST, HearingState.FAILED}:
            return _nothing(args, hearing.said, is_newest=hearing.state is HearingState.NEWEST)
        else:
            line = hearing.said
        if places.journal.exists():
            line = "a new version is being watched"
        elif status is not None and status.waiting:
            line = status.waiting
        if line != shown and not args.json:
            print(line, flush=True)
            shown = line
        time.sleep(LOOK_S)
    print("nothing came of it yet; `tillpoint update status` tells", file=sys.stderr)
    return 1


def _nothing(args: argparse.Namespace, said: str, *, is_newest: bool) -> int:
    """The agent's reason; 0 when this till has the newest."""
    if args.json:
        print_json({"asked": said})
    else:
        print(said, file=sys.stdout if is_newest else sys.stderr)
    return 0 if is_newest else 1


def _pin(args: argparse.Namespace, settings: Settings) -> int:
    from agent.updating.shelf import Shelf

    updater = _updater(args, settings)
    running = Shelf(updater.places).current()
    if args.version and (running is None or args.version != running.version):
        return _say(args, updater.go_to(args.version, pinned=True), wanted=args.version)
    if running is None:
        raise SettingsError("no version is installed here that could be pinned")
    return _say(args, updater.pin(running.version), wanted="")


def _unpin(args: argparse.Namespace, settings: Settings) -> int:
    return _say(args, _updater(args, settings).pin(""), wanted="")


def _rollback(args: argparse.Namespace, settings: Settings) -> int:
    updater = _updater(args, settings)
    status = updater.back()
    return _say(args, status, wanted=status.last.version if status.last is not None else "")


def _say(args: argparse.Namespace, status: Status, *, wanted: str) -> int:
    """What became of it; 1 when another version runs than was wanted, or the till went back."""
    told = {"running": status.running, **_told(status)}
    if args.json:
        print_json(told)
    else:
        print("\n".join(_lines({**told, "switching": False, "install": "by hand", "channel": "any"})[:-1]))
    is_well = status.last is None or status.last.outcome.value == "healthy" or args.action in {"pin", "unpin"}
    return 0 if (status.running == wanted if wanted else is_well) else 1


# ── For machines ────────────────────────────────────────────────────────────────────────────────


def _apply(args: argparse.Namespace, settings: Settings) -> int:
    """One run of the updater; the service manager starts it again when it ends badly."""
    import logging

    if sys.platform == "win32":
        from agent.service import logs

        logs.set_up(settings.log, settings.state_folder, name="updater")
    else:  # the journal has it; root writes no files where the service's account may lay links
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    status = _updater(args, settings).apply()
    if args.json:
        print_json(_told(status))
    return 0


def _rehearse(args: argparse.Namespace, settings: Settings) -> int:
    from agent.updating.rehearsal import rehearse

    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.nice(NICE)
    print(json.dumps(rehearse(settings, args.state), ensure_ascii=True))
    return 0


def _data(args: argparse.Namespace, settings: Settings) -> int:
    from agent.updating import rehearsal

    state = settings.state_folder
    if args.act == "restore":
        told = rehearsal.put_database_back(args.source, state)
    elif args.act == "keep":
        told = rehearsal.keep_database(state, args.to)
    else:
        told = rehearsal.copy_state(state, args.to)
    print(json.dumps(told))
    return 0


def _updater(args: argparse.Namespace, settings: Settings) -> Updater:
    from agent.updating.updater import Updater

    return Updater(settings, args.config if args.config is not None else default_config_path())
