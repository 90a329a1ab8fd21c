"""How far the reports of a till system were read, counter by counter, and which of their documents are new."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from agent.checkout import pulled
from agent.checkout.records import PulledPlace, read, read_all, write
from agent.checkout.state import DeskState
from drivers.polled import Pulled
from drivers.tills.reports import Reported
from drivers.vocabulary.events import Document

__all__ = ["after", "begin", "beginning", "is_new", "keep", "take"]

log = logging.getLogger(__name__)

COUNTER_CHARS = 100  # of a counter's name, in a key
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


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


def take(desk: DeskState, system: str, one: Reported, document: Document, place: PulledPlace) -> None:
    """Count a document and keep the place behind it."""
    there = replace(place, at=desk.clock.now())
    told = Pulled(memory=one.counter, number=one.number, last=one.number, document=document)
    pulled.count(desk, system, told, key=_key(system, one.counter), there=there)


def keep(desk: DeskState, system: str, places: Mapping[str, PulledPlace]) -> None:
    """Keep places behind which there was nothing to count."""
    now = desk.clock.now()
    with desk.store.transaction() as tx:
        for counter, place in places.items():
            write(tx, "pulled", _key(system, counter), replace(place, at=now))


def _key(system: str, counter: str) -> str:
    return f"{system}/{counter[:COUNTER_CHARS]}"
