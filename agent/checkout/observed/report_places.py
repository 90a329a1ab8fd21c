"""How far the reports of a till system were read, counter by counter, and which of their documents are new."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from msgspec.structs import replace

from agent.checkout import slips_again
from agent.checkout.observed import pulled
from agent.checkout.records import Closed, PulledPlace, read, read_all, write
from agent.checkout.state import DeskState
from drivers.polled import Pulled
from drivers.tills.reports import Reported
from drivers.vocabulary.events import Document

__all__ = ["Found", "after", "begin", "beginning", "is_new", "keep", "take", "tell"]

log = logging.getLogger(__name__)

COUNTER_CHARS = 100  # of a counter's name, in a key
T = TypeVar("T")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
#: How long documents of one commit may keep the till thread: a POS that asks meanwhile waits for no more than this.
TOGETHER_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document that is new, put together, and the place behind it."""

    one: Reported
    document: Document
    place: PulledPlace


# ── Pure ────────────────────────────────────────────────────────────────────────────────────────


def is_new(kept: PulledPlace | None, one: Reported) -> bool:
    """Whether a document was not taken before.

    A number that is not above the last one taken is new all the same when it was missing until now, or when the
    document was closed after every one that was taken: the POS's database was made anew and counts from the beginning.
    """
    if kept is None or one.number > kept.number or one.is_late:
        return True
    return one.closed_at is not None and kept.newest_at is not None and one.closed_at > kept.newest_at


def after(kept: PulledPlace | None, one: Reported) -> PulledPlace:
    """The place behind a document that is new; how far the counter itself has come is told by `settle`."""
    known = beginning(one.counter) if kept is None else kept
    times = [at for at in (known.newest_at, one.closed_at) if at is not None]
    return replace(
        known,
        number=max(known.number, one.number) if one.is_late else one.number,
        newest_at=max(times, default=None),
    )


def beginning(counter: str) -> PulledPlace:
    """The place of a counter of which nothing was taken."""
    return PulledPlace(memory=counter, number=0, last=0, at=_LONG_AGO)


# ── On the till thread ──────────────────────────────────────────────────────────────────────────


def begin(desk: DeskState, system: str) -> tuple[datetime, dict[str, PulledPlace]]:
    """(when this till first looked for reports of this system, the places of its counters)."""
    first = read(desk.store, "pulled", system, PulledPlace)
    if first is None:
        first = PulledPlace(memory="", number=0, last=0, at=desk.clock.now())
        with desk.store.transaction() as tx:
            write(tx, "pulled", system, first)
    places = read_all(desk.store, "pulled", PulledPlace, prefix=f"{system}/")
    return first.at, {place.memory: place for _, place in places}


def take(desk: DeskState, system: str, found: Sequence[Found]) -> int:
    """Count documents and keep the places behind them, in one commit; how many there was time for, at least one."""

    def count(each: Found) -> None:
        one, there = each.one, replace(each.place, at=desk.clock.now())
        told = Pulled(memory=one.counter, number=one.number, last=one.number, document=each.document)
        pulled.count(desk, system, told, key=_key(system, one.counter), there=there)

    return _together(desk, found, count)


def tell(desk: DeskState, system: str, documents: Sequence[Document]) -> int:
    """Count documents that a door was told, in no order; how many there was time for, at least one."""
    return _together(desk, documents, lambda document: pulled.told(desk, system, document))


def _together(desk: DeskState, found: Sequence[T], count: Callable[[T], None]) -> int:
    """In one commit, for no longer than the till may be kept; how many."""
    began_s, done = desk.clock.uptime_s(), 0
    waiting: list[tuple[str, Closed]] = []
    desk.slips_wait = waiting
    try:
        with desk.store.together():
            for each in found:
                count(each)
                done += 1
                if desk.clock.uptime_s() - began_s >= TOGETHER_S:
                    break
    finally:
        desk.slips_wait = None
    for source, closed in waiting:
        slips_again.tell(desk, source, closed)
    return done


def keep(desk: DeskState, system: str, places: Mapping[str, PulledPlace]) -> None:
    """Keep places behind which there was nothing to count."""
    now = desk.clock.now()
    with desk.store.transaction() as tx:
        for counter, place in places.items():
            write(tx, "pulled", _key(system, counter), replace(place, at=now))


def _key(system: str, counter: str) -> str:
    return f"{system}/{counter[:COUNTER_CHARS]}"
