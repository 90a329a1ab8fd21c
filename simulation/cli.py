"""`tillpoint simulate`: whole fleets on invented time, to see the promises kept; or one device's twin on a wire."""

from __future__ import annotations

import argparse
import difflib
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Self

from drivers import registry
from drivers.vocabulary.errors import SettingsError, TillpointError

__all__ = ["main"]

BAR: Final = 30
DESCRIPTORS_A_TILL: Final = 14  # three databases with their logs, and their locks


def main(argv: Sequence[str] | None = None) -> int:
    """Run one simulation: a fleet, or the twin of a driver."""
    words = list(sys.argv[1:] if argv is None else argv)
    stories: dict[str, Callable[[list[str]], int]] = {
        "fleet": lambda rest: _fleet(["fleet", *rest]),
        "rollout": _rollout,
        "till": _till,
        "agent": _agent,
        "scanner": _scanner,
    }
    if words and words[0] in stories:
        return stories[words[0]](words[1:])
    from simulation.twins import cli as twins

    if words and words[0] in registry.known_drivers():
        return twins.main(words)
    if not words or words[0] in {"-h", "--help"}:
        print(_overview(twins.drivers_with_twins()))
        return 0
    known = (*stories, *twins.drivers_with_twins())
    near = difflib.get_close_matches(words[0], known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    raise SettingsError(f"nothing to simulate is called {words[0]!r}; {hint}")


def _till(argv: Sequence[str]) -> int:
    from simulation import tills

    return tills.main(argv)


def _agent(argv: Sequence[str]) -> int:
    from simulation.trial import cli as trial

    return trial.main(argv)


def _scanner(argv: Sequence[str]) -> int:
    from simulation.twins import scanner

    return scanner.main(argv)


def _overview(drivers: Mapping[str, str]) -> str:
    rows = [("fleet", "tills, shoppers and a centre through some days of faults (needs the extra: tillpoint[central])")]
    rows.append(
        ("rollout", "a fleet that is updated in three rings, with a bad version in between (needs the same extra)")
    )
    rows.append(("scanner", "a serial scanner: it scans what is typed, or the lines of a file"))
    rows.append(("till", "a POS's side of its own protocol, against a running agent: one sale and a return"))
    rows.append(("agent", "an agent to try a POS on: says what to do at it, and what its calls did wrong"))
    rows += drivers.items()
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {words}" for name, words in rows]
    return "\n".join([
        "tillpoint simulate WHAT: a fleet, or one device for a till to talk to", "", *lines, "",
        "tillpoint simulate WHAT --help says more.",
    ])  # fmt: skip


def _rollout(argv: Sequence[str]) -> int:
    """Update a fleet; 0 when everything held."""
    try:
        from simulation.rollout import cli as rollout
    except ImportError as error:
        needs = f"simulate needs {error.name}"
        raise TillpointError(f"{needs}; install Tillpoint's wheel with its extra [central]") from None
    return rollout.main(argv)


def _fleet(argv: Sequence[str]) -> int:
    """Run a fleet; 0 when every promise held, 1 when one broke."""
    try:
        from simulation.fleet import Fleet
        from simulation.world import Broken, Plan
    except ImportError as error:
        needs = f"simulate needs {error.name}"
        raise TillpointError(f"{needs}; install Tillpoint's wheel with its extra [central]") from None
    args = _parser().parse_args(argv)
    plan = Plan(
        seed=args.seed,
        tills=args.tills,
        customers=args.customers,
        days=args.days,
        receipts=args.receipts,
        points_cap=args.points_cap,
        returns=args.returns,
        clones=args.clones,
        restores=args.restores,
        lease_days=args.lease_days,
        cuts=args.cuts,
        plant=args.plant,
    )
    logging.disable(logging.CRITICAL)  # a thousand deliberate faults; the story tells them in order
    _room_for_files(plan.tills + plan.clones)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="tillpoint-fleet-") as folder, _Story(args.log) as story:
            outcome = Fleet(plan, Path(folder), story.keep).run(_progress(sys.stderr))
    except Broken as broken:
        print("\n".join(broken.tail))
        print(f"\nseed {plan.seed}: {broken}")
        print(f"the same again, with the whole story: tillpoint simulate fleet {_words(args)} --log story.txt")
        return 1
    finally:
        logging.disable(logging.NOTSET)
    for line in outcome.table(time.monotonic() - began):
        print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    from simulation.plants import PLANTS

    parser = argparse.ArgumentParser(prog="tillpoint simulate", description=__doc__.splitlines()[0])
    fleet = parser.add_subparsers(dest="what", required=True).add_parser(
        "fleet", help="tills, shoppers and a centre through some days of faults; the promises checked each hour"
    )
    add = fleet.add_argument
    add("--tills", type=_whole(1, 500), default=50, metavar="N", help="how many (50)")
    add("--customers", type=_whole(1, 1_000_000), default=20_000, metavar="N", help="members of the programme (20000)")
    add("--days", type=_number(0.1, 60), default=7.0, metavar="N", help="of trade (7)")
    add("--seed", type=_whole(0, 2**31), default=1, metavar="N", help="the same seed is the same world (1)")
    add("--receipts", type=_whole(1, 2_000), default=40, metavar="N", help="of one till in a day, about (40)")
    add("--points-cap", type=_whole(0, 10**6), default=0, metavar="POINTS", help="a till may risk off line (0, strict)")
    add("--returns", type=_number(0, 0.5), default=0.06, metavar="SHARE", help="of visits bring something back (0.06)")
    add("--clones", type=_whole(0, 10), default=1, metavar="N", help="tills whose files are copied and go on (1)")
    add("--restores", type=_whole(0, 10), default=1, metavar="N", help="of the centre from a back-up (1)")
    add("--lease-days", type=_whole(1, 60), default=1, metavar="N", help="how long points are leased (1)")
    add("--cuts", type=_number(0, 24), default=1.5, metavar="N", help="of each line in a day (1.5)")
    add("--plant", choices=("", *PLANTS), default="", help="put a bug in, to see it caught")
    add("--log", default="", metavar="FILE", help="write the whole story, - for here")
    return parser


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"a number from {least:g} to {most:g}")
        return number

    return read


def _words(args: argparse.Namespace) -> str:
    """The command line again, defaults and all."""
    given = {name: value for name, value in vars(args).items() if name not in {"what", "log"} and value != ""}
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())


def _room_for_files(tills: int) -> None:
    """A till has its files open all day; systems allow few by default."""
    if sys.platform == "win32":
        return
    import resource

    wanted = 200 + DESCRIPTORS_A_TILL * tills
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise SettingsError(f"{tills} tills need {wanted} open files, this system allows {hard}; take fewer tills")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Story:
    """Where the lines of the story go."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        if self._name and self._name != "-":
            try:
                self._file = Path(self._name).open("w", encoding="utf-8")
            except OSError as error:
                raise SettingsError(f"--log: cannot write {self._name}: {error.strerror}") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def keep(self, line: str) -> None:
        """One line more."""
        if self._file is not None:
            self._file.write(line + "\n")
        elif self._name == "-":
            print(line)


def _progress(stream: IO[str]) -> Callable[[float], None]:
    """A bar on a terminal, nothing where nobody looks."""
    if not stream.isatty():
        return lambda share: None  # noqa: ARG005 - named for the reader
    began = time.monotonic()

    def show(share: float) -> None:
        done = round(BAR * share)
        left_s = (time.monotonic() - began) * (1 - share) / share if share else 0.0
        line = f"\r[{'#' * done}{'.' * (BAR - done)}] {share:4.0%}, {left_s:.0f} s left "
        stream.write(line if share < 1 else "\r\x1b[K")
        stream.flush()

    return show
