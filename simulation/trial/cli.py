"""`tillpoint simulate agent`: an agent with invented members, to try a POS on; says step by step what it did wrong."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from drivers.vocabulary.errors import TransportUnavailable
from simulation.shop import Shop
from simulation.trial.front import Exchange, Fate, Front
from simulation.trial.steps import STEPS, Step, Verdict, faults_of_any
from simulation.twins.keys import commands

__all__ = ["main"]

LOOK_S: Final = 0.2  # how often a step is judged while nothing comes


@dataclass(slots=True)
class _Result:
    """What one step came to, for the end."""

    title: str
    is_done: bool
    faults: list[str]


@dataclass(slots=True)
class _Trial:
    """Where the trial is: the step, and the calls since it began."""

    shop: Shop
    front: Front = field(init=False)
    step: Step | None = None
    begin: int = 0

    def fate(self, asked: Exchange) -> Fate:
        """On the front's threads."""
        step = self.step
        return Fate.PASS if step is None else step.fate(self.front.seen[self.begin :], asked)

    def start(self, step: Step) -> None:
        self.shop.set_line(is_there=step.has_line)
        self.begin = len(self.front.seen)
        self.step = step

    def verdict(self) -> Verdict:
        assert self.step is not None
        seen = tuple(self.front.seen[self.begin :])
        judged = self.step.judge(seen)
        return Verdict(is_done=judged.is_done, faults=(*faults_of_any(seen), *judged.faults))


def main(argv: Sequence[str], *, given: IO[str] | None = None) -> int:
    """Run a trial; 0 when every step was done and nothing was wrong."""
    args = _parser().parse_args(argv)
    chosen = [one for number, one in enumerate(STEPS, start=1) if not args.step or number in args.step]
    with tempfile.TemporaryDirectory(prefix="tillpoint-trial-") as folder:
        shop = Shop(Path(folder), answer_timeout_s=args.answer_timeout)
        out = sys.stderr if args.json else sys.stdout
        out.write("starting a centre, an agent and 200 invented members …\n")
        out.flush()
        shop.open()
        try:
            results = _run(shop, chosen, args, out, sys.stdin if given is None else given)
        finally:
            shop.close()
    if args.json:
        told = [{"step": one.title, "done": one.is_done, "faults": one.faults} for one in results]
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    good = [one for one in results if one.is_done and not one.faults]
    out.write(f"\n{len(good)} of {len(results)} steps are good\n")
    return 0 if len(good) == len(results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tillpoint simulate agent",
        description="An agent to try a POS on. It says what to do at the POS, watches its calls, and judges them.",
    )
    add = parser.add_argument
    add("--port", type=int, default=8765, help="where the POS calls (8765)")
    add("--step", type=int, action="append", default=[], metavar="N", help="only this step; may be given again")
    add("--answer-timeout", type=float, default=2.0, metavar="S", help="how long the agent may take (2)")
    add("--json", action="store_true", help="print what came of it as JSON; the words go to the other stream")
    return parser


def _run(shop: Shop, chosen: Sequence[Step], args: argparse.Namespace, out: IO[str], given: IO[str]) -> list[_Result]:
    trial = _Trial(shop)
    try:
        trial.front = Front(args.port, shop.agent.port, trial.fate)
    except OSError as error:
        raise TransportUnavailable(
            f"cannot open port {args.port} ({error.strerror}); take another with --port"
        ) from None
    try:
        token = (shop.state / "api.token").read_text("ascii").strip()
        out.write(f"the POS calls   http://127.0.0.1:{trial.front.port}\nwith the token  {token}\n")
        out.write("Enter goes to the next step.\n")
        pressed = _Pressed(given)
        return [_one(trial, number, step, pressed, out) for number, step in enumerate(chosen, start=1)]
    finally:
        trial.front.close()


class _Pressed:
    """Whether somebody pressed a key; read on a thread of its own, since a terminal cannot be asked with a limit."""

    def __init__(self, given: IO[str]) -> None:
        self._count = threading.Semaphore(0)
        self._stop = threading.Event()
        threading.Thread(target=self._read, args=(given,), name="keys", daemon=True).start()

    def take(self) -> bool:
        return self._count.acquire(blocking=False)

    def _read(self, given: IO[str]) -> None:
        for _ in commands(given, self._stop):
            self._count.release()


def _one(trial: _Trial, number: int, step: Step, pressed: _Pressed, out: IO[str]) -> _Result:
    """Wait until the step is done or skipped; faults are told as they are seen."""
    trial.start(step)
    out.write(f"\n{number}. {step.title}\n   {step.ask}\n")
    out.flush()
    told: list[str] = []
    while True:
        verdict = trial.verdict()
        for fault in verdict.faults:
            if fault not in told:
                told.append(fault)
                out.write(f"   ✗ {fault}\n")
                out.flush()
        if verdict.is_done:
            out.write(f"   {'✓ done' if not told else 'done, with faults'}\n")
            return _Result(step.title, is_done=True, faults=told)
        if pressed.take():
            out.write("   skipped\n")
            return _Result(step.title, is_done=False, faults=told)
        with trial.front.changed:
            trial.front.changed.wait(LOOK_S)
