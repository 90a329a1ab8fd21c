"""The list of checks, and how a run goes through it: in order, each after those it needs, none stopping the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from central.conformance.outcome import Failed, Skipped
from central.conformance.wire import NoAnswer

if TYPE_CHECKING:
    from central.conformance.bench import Bench

__all__ = ["CHECKS", "Check", "Outcome", "Result", "check", "run"]

CHARS_MAX: Final = 400  # of what came


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise and how to see whether it is kept.

    Attributes:
        id: a short name that stays.
        promises: those of G1 to G7 (docs/guides/own-server.md) it is about.
        title: what is expected, as a sentence of the contract.
        step: what to do when it is not so.
        needs: checks that must have passed.
        act: makes the check; may return a remark.
    """

    id: str
    promises: str
    title: str
    step: str
    needs: tuple[str, ...]
    act: Callable[[Bench], str | None]


#: Every check by its id; `everything` knows in which order they are made.
CHECKS: Final[dict[str, Check]] = {}


def check(
    name: str, promises: str, title: str, *, step: str, needs: tuple[str, ...] = ()
) -> Callable[[Callable[[Bench], str | None]], Callable[[Bench], str | None]]:
    """Put a function on the list."""

    def put(act: Callable[[Bench], str | None]) -> Callable[[Bench], str | None]:
        CHECKS[name] = Check(id=name, promises=promises, title=title, step=step, needs=needs, act=act)
        return act

    return put


def _unheard(done: int, name: str) -> None:
    del done, name


class Result(Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the report; `note` is a remark, or why it was skipped."""

    id: str
    promises: str
    title: str
    result: Result
    seconds: float
    expected: str = ""
    got: str = ""
    next_step: str = ""
    note: str = ""


def run(bench: Bench, checks: Sequence[Check], begun: Callable[[int, str], None] = _unheard) -> Iterator[Outcome]:
    """Make the checks one after another; one that needs a check that did not pass is skipped.

    `begun` is told before each how many are done, and its name.
    """
    passed: set[str] = set()
    for done, one in enumerate(checks):
        begun(done, one.id)
        began = time.monotonic()
        missing = [name for name in one.needs if name not in passed]
        outcome = _skipped(one, f"needs {missing[0]}") if missing else _made(one, bench, began)
        if outcome.result is Result.PASSED:
            passed.add(one.id)
        yield outcome


def _skipped(one: Check, why: str) -> Outcome:
    return Outcome(id=one.id, promises=one.promises, title=one.title, result=Result.SKIPPED, seconds=0.0, note=why)


def _made(one: Check, bench: Bench, began: float) -> Outcome:
    expected = got = note = ""
    result = Result.FAILED
    try:
        note = one.act(bench) or ""
        result = Result.PASSED
    except Skipped as skipped:
        return _skipped(one, str(skipped))
    except Failed as failed:
        expected, got = failed.expected, failed.got
    except NoAnswer as error:
        expected, got = "an answer", str(error)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # Whoever is checked may answer anything; a check that trips over it has found something.
        expected, got = "answers in the form of the contract", f"{type(error).__name__}: {error}"
    return Outcome(
        id=one.id,
        promises=one.promises,
        title=one.title,
        result=result,
        seconds=round(time.monotonic() - began, 3),
        expected=expected[:CHARS_MAX],
        got=got[:CHARS_MAX],
        next_step=one.step if result is Result.FAILED else "",
        note=note,
    )
