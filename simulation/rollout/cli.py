"""`tillpoint simulate rollout`: a fleet updated in three rings, with a bad release in between; prints figures."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from simulation.rollout.story import Plan, play

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Tell the story once; 0 when everything held, 1 when something did not."""
    args = _parser().parse_args(argv)
    # Tills that go back on purpose are no news.
    logging.disable(logging.CRITICAL)
    plan = Plan(
        tills=max(args.tills, args.pilot + args.early + args.away),
        pilot=args.pilot,
        early=args.early,
        away=args.away,
        soak_hours=args.soak_hours,
        ill=args.ill,
    )
    out = sys.stderr if args.json else sys.stdout

    def told(line: str) -> None:
        out.write(f"{line}\n")
        out.flush()

    try:
        with tempfile.TemporaryDirectory(prefix="tillpoint-rollout-") as folder:
            figures = play(plan, Path(folder), told)
    finally:
        logging.disable(logging.NOTSET)
    if args.json:
        sys.stdout.write(json.dumps(asdict(figures), indent=2, ensure_ascii=False) + "\n")
    else:
        told(f"{figures.receipts} receipts sold and taken; {figures.seconds:.0f} s")
        for line in figures.broken:
            told(f"BROKEN: {line}")
    return 1 if figures.broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tillpoint simulate rollout",
        description="Releases on a fleet in three rings: a good one, a bad one that stops by itself, the mended one.",
    )
    parser.add_argument("--tills", type=int, default=100, metavar="N", help="default 100")
    parser.add_argument("--pilot", type=int, default=5, metavar="N", help="tills of the first ring; default 5")
    parser.add_argument("--early", type=int, default=25, metavar="N", help="tills of the second ring; default 25")
    parser.add_argument("--away", type=int, default=6, metavar="N", help="tills that are off at first; default 6")
    parser.add_argument("--soak-hours", type=float, default=12.0, metavar="H", help="a gate waits so long; default 12")
    kinds = ("start", "driver", "rehearsal")
    parser.add_argument("--ill", choices=kinds, default="start", help="what is wrong with the bad one; default start")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser
