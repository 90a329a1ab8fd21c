"""`tillpoint demo`: a whole shop on this machine, told in plain words; `--once` without a browser or a key press."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import signal
import time
import webbrowser
from pathlib import Path
from typing import Final

from agent.demo.pos import ApiRefused
from agent.demo.stage import Stage, StageFailed
from agent.demo.story import Sums, open_shop, shop_folder, tell

__all__ = ["add_parser", "run"]

BETWEEN_SALES_S: Final = 4.0  # so that a person can look at the panel


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("demo", help="a whole shop on this machine")
    parser.add_argument("--once", action="store_true", help="no browser, no key press; exit code 0 if every sum holds")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work in this folder and leave it behind")


def run(args: argparse.Namespace) -> int:
    """Open the shop, tell the story, count; then go on selling until Ctrl-C, unless --once."""
    if importlib.util.find_spec("central") is None:
        _say("The demo plays a centre, and that is not on a till: `python3 dev.py demo` in Tillpoint's source tree.")
        return 1
    with contextlib.ExitStack() as closing:
        # Whoever ends the demo, by Ctrl-C or with SIGTERM: its centre and its agent end too.
        closing.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.default_int_handler))
        if args.keep is not None:
            args.keep.mkdir(parents=True, exist_ok=True)
            folder = args.keep
        else:
            folder = Path(closing.enter_context(shop_folder()))
        try:
            stage = open_shop(folder, _say)
            closing.callback(stage.close)
            is_shown = not args.once and _open_panel(stage)
            sums = tell(stage, _say)
            _summary(sums)
            if not args.once:
                _go_on(stage, is_shown=is_shown)
        except (StageFailed, ApiRefused, OSError) as failed:
            _say(f"The demo stopped: {failed}")
            return 1
        return 0 if sums.hold else 1


def _say(words: str) -> None:
    print(words, flush=True)


def _open_panel(stage: Stage) -> bool:
    """The cashier's page, in the system's browser; False where there is none, and its address was said instead."""
    url = _panel_url(stage)
    if webbrowser.open(url):
        return True
    _say(f"Open the panel within a minute: {url}\n")
    return False


def _panel_url(stage: Stage) -> str:
    """With a ticket that is good once, for a minute."""
    return stage.tillpoint("panel", "--print", "--config", str(stage.config)).strip()


def _summary(sums: Sums) -> None:
    rows = (
        ("receipts read from the printer stream", str(sums.receipts_read)),
        ("customers identified", str(sums.customers)),
        ("discount given", f"{sums.discount.amount} RUB, of it {sums.points_spent} points spent"),
        ("points earned", f"{sums.points_earned} (1 point = 1 RUB)"),
        ("envelopes queued while off line", str(sums.queued_offline)),
        ("envelopes made here / at the centre", f"{sums.made} / {sums.at_centre}"),
        ("sales made here / at the centre", f"{sums.sold} / {sums.sales_at_centre}"),
        ("lost", str(sums.lost)),
        ("doubled", str(sums.doubled)),
    )
    _say("\nSummary")
    for name, value in rows:
        _say(f"  {name:<40} {value}")
    for trouble in sums.troubles:
        _say(f"  NOT RIGHT: {trouble}")
    _say("\nEvery sum holds." if sums.hold else "\nA sum does not hold; see above.")


def _go_on(stage: Stage, *, is_shown: bool) -> None:
    """Sell slowly, so that the panel can be watched and tried; who has no browser here gets a new address."""
    from agent.demo.day import Day

    _say("\nThe shop goes on selling; try the panel. Ctrl-C closes it.")
    day = Day(stage, seed=2)
    with contextlib.suppress(KeyboardInterrupt):
        if not is_shown:
            _say(f"Open it within a minute: {_panel_url(stage)}")
        for number in range(1, 100_000):
            sale = day.sell(number)
            _say(f"  {number:>3} {sale.way:<9} {sale.customer or 'nobody known':<14} pays {sale.total.amount:>9}")
            time.sleep(BETWEEN_SALES_S)
    _say("Closing the shop.")
