"""`tillpoint simulate DRIVER`: a device to try a till or an integration with, when the real one is elsewhere."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

from drivers import registry
from drivers.contract import Driver
from drivers.registry import LoadedDriver
from drivers.transport.address import EXAMPLES
from drivers.twins import PulledTwin, ShownTwin
from drivers.vocabulary.errors import DriverLoadError, SettingsError, TillpointError
from simulation.twins.given import pairs_of, settings_of
from simulation.twins.keys import commands
from simulation.twins.lines import listen_at
from simulation.twins.stand import Stand

__all__ = ["drivers_with_twins", "run"]

PRINT_SLICE_S: Final = 0.5
RECEIPTS_MAX: Final = 20_000
_KEYS: Final = "123456789abcdefghijklmnoprstuvwxyz"  # q quits


def drivers_with_twins() -> dict[str, str]:
    """Name → title of every registered driver whose twin can be shown."""
    found = {}
    for name in registry.known_drivers():
        loaded = registry.load_driver(name)
        if isinstance(loaded, LoadedDriver) and isinstance(_twin(loaded.driver, {}), ShownTwin):
            found[name] = loaded.driver.title
    return found


def run(name: str, argv: Sequence[str]) -> int:
    """Start the twin of one driver and serve it until it is told to stop."""
    loaded = registry.load_driver(name)
    if isinstance(loaded, DriverLoadError):
        raise loaded
    driver = loaded.driver
    args = _parser(driver).parse_args(argv)
    twin = _twin(driver, pairs_of(args.set))
    if not isinstance(twin, ShownTwin):
        raise SettingsError(f"driver {name} has no twin that can be shown; known are {', '.join(drivers_with_twins())}")
    if args.sell:
        if not isinstance(twin, PulledTwin):
            raise SettingsError(f"--sell: a device of driver {name} keeps no receipts")
        twin.sell(args.sell)
    place, there = listen_at(args.listen)
    stand = Stand(twin, place)
    try:
        for rude in args.rude:
            _switch(stand, rude)
        view = _view(args.view, stand, driver.title)
    except BaseException:
        place.close()
        raise
    printed = stand.look().count  # what is in its memory already is on the page, not in the terminal
    stand.start()
    sys.stdout.write(f"{driver.title}: a twin listens at {there}\n")
    if view is not None:
        sys.stdout.write(f"its paper: {view.url}\n")
    try:
        _serve(stand, sys.stdin, sys.stdout, printed)
    except KeyboardInterrupt:
        pass
    finally:
        stand.stop()
        if view is not None:
            view.stop()
    return 0


def _parser(driver: Driver) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"tillpoint simulate {driver.name}",
        description=f"{driver.title}: a twin for tests and integrations. It signs nothing and is no cash register.",
    )
    add = parser.add_argument
    add(
        "--listen", required=True, metavar="ADDRESS",
        help=f"where: {EXAMPLES['tcp-listen']}, serial:COM7?baud=115200, pty: or pty:LINK (not on Windows)",
    )  # fmt: skip
    add(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one of the driver's settings, as in its README"
    )
    add("--rude", action="append", default=[], metavar="NAME", help="begin with a trouble; may be given again")
    add("--sell", type=_count, default=0, metavar="N", help="begin with so many closed receipts in its memory")
    add("--view", default="", metavar="HOST:PORT", help="show paper, state and troubles on a page of this machine")
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > RECEIPTS_MAX:
        raise argparse.ArgumentTypeError(f"a whole number up to {RECEIPTS_MAX}")
    return int(text)


def _twin(driver: Driver, given: Mapping[str, Any]) -> Any:
    """The twin with these settings, None for a driver without one; raises SettingsError."""
    if driver.twin is None:
        return None
    return driver.twin(settings_of(given, driver.settings_type))


def _view(where: str, stand: Stand, title: str) -> Any:
    if not where:
        return None
    from simulation.twins.view import View

    view = View(where, stand, title)
    view.start()
    return view


def _switch(stand: Stand, name: str) -> None:
    try:
        stand.set_rude(name, is_on=True)
    except ValueError as error:
        raise SettingsError(f"--rude: {error}") from None


# ── The live view in the terminal ───────────────────────────────────────────────────────────────


def _serve(stand: Stand, given: IO[str], out: IO[str], printed: int) -> None:
    """Print paper after its first so many lines and obey keys, until the user quits or the process is stopped."""
    stop = threading.Event()
    printer = threading.Thread(target=_print_paper, args=(stand, out, stop, printed), name="paper", daemon=True)
    printer.start()
    out.write(_legend(stand))
    out.flush()
    try:
        for word in commands(given, stop):
            if word in {"q", "quit"}:
                return
            _obey(stand, word, out)
        if not given.isatty():  # started by a script with nothing to say: serve until it ends us
            while not stand.is_stopped:
                stop.wait(PRINT_SLICE_S)
    finally:
        stop.set()
        printer.join(2)


def _print_paper(stand: Stand, out: IO[str], stop: threading.Event, count: int) -> None:
    version, wire = -1, ""
    while not stop.is_set():
        version = stand.wait(version, PRINT_SLICE_S)
        seen = stand.look(count)
        if seen.wire != wire:
            wire = seen.wire
            out.write(f"[{wire}]\n")
        if seen.lines:
            out.write("".join(f"  {line}\n" for line in seen.lines))
        count = seen.count
        out.flush()


def _legend(stand: Stand) -> str:
    words = [f"{key} {name}" for key, name in zip(_KEYS, stand.look().rude, strict=False)]
    return f"keys: {', '.join(words)}, ? how it is, q quit\n"


def _obey(stand: Stand, word: str, out: IO[str]) -> None:
    """A key, or the name of a trouble."""
    rude = stand.look().rude
    names = dict(zip(_KEYS, rude, strict=False)) | {name: name for name in rude}
    if word in names:
        is_on = stand.toggle(names[word])
        out.write(f"[{names[word]} {'on' if is_on else 'off'}]\n")
    elif word == "?":
        seen = stand.look()
        held = ", ".join(name for name, is_on in seen.rude.items() if is_on) or "nothing is wrong"
        facts = ", ".join(f"{name}: {text}" for name, text in seen.facts.items())
        out.write(f"[{seen.wire}; {facts}; {held}]\n")
    elif word.strip():
        out.write(_legend(stand))
    out.flush()


def main(argv: Sequence[str]) -> int:
    """One twin; the first word is its driver."""
    try:
        return run(argv[0], argv[1:])
    except OSError as error:
        raise TillpointError(f"simulate {argv[0]}: {error.strerror or error}") from None
