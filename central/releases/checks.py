"""A till checks: what it said is compared with what is known, written down only when it is news, and answered.

Most checks bring no news and find nothing: they read two rows by their keys and write none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from central import schema
from central.releases.choosing import Candidate, Held, choose
from central.releases.gates import pass_gates
from central.releases.plan import Plan
from central.releases.register import RETRY
from central.releases.rings import IN_VAIN, ReleaseState, share_place
from central.tills import Till
from drivers.vocabulary.updates import LastTry, TryOutcome, UpdateCheck, UpdateState

__all__ = ["Looked", "after_s", "look", "write_down"]

#: How often "checked at" may become older before it is written though nothing else is news.
CHECKED_EVERY: Final = timedelta(hours=12)
TRYING_S: Final = 60  # a till that watches a new version has news soon
OFFERED_S: Final = 900  # one that was given something: it may be stopped in the meantime

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a check came to.

    Attributes:
        words: what the till said of versions that is news: by version.
        is_news: whether `write_down` has something to do.
    """

    till: Till
    check: UpdateCheck
    ring: str
    offer: Candidate | None
    words: Mapping[str, LastTry]
    is_news: bool


def look(connection: Connection, check: UpdateCheck, *, till: Till, plan: Plan, now: datetime) -> Looked:
    """Compare and choose; reads only."""
    row = connection.execute(select(schema.till_update).where(schema.till_update.c.till == till.id)).first()
    tries = connection.execute(select(schema.release_try).where(schema.release_try.c.till == till.id)).all()
    words = _news(check, tries, plan)
    failed = {one.version for one in tries if one.outcome in IN_VAIN and one.version not in words}
    failed |= {version for version, word in words.items() if word.outcome.value in IN_VAIN}
    ring = plan.ring(till.id, till.shop)
    held = Held() if row is None else Held(pinned=row.pinned, is_off=row.is_off)
    offer = choose(plan.candidates.values(), check, ring=ring, held=held, failed=failed)
    if offer is not None and not _is_still_given(connection, offer, held):
        offer = None
    is_news = bool(words) or _differs(row, check, offer, now)
    return Looked(till=till, check=check, ring=ring, offer=offer, words=words, is_news=is_news)


def write_down(connection: Connection, looked: Looked, *, now: datetime) -> list[str]:
    """Keep what was news and let the gates look at it; what the gates did, in words."""
    check, table = looked.check, schema.till_update
    values: dict[str, Any] = {**_told(check), "checked_at": now}
    row = connection.execute(select(table).where(table.c.till == looked.till.id).with_for_update()).first()
    offered = looked.offer.version if looked.offer is not None else ""
    if row is None or row.offered != offered:
        values |= {"offered": offered, "offered_at": now if offered else None}
    if row is None:
        connection.execute(insert(table).values(till=looked.till.id, **values))
    else:
        connection.execute(update(table).where(table.c.till == looked.till.id).values(**values))
    for version, word in looked.words.items():
        _keep_word(connection, looked, version, word, now)
    return pass_gates(connection, now=now, versions=looked.words) if looked.words else []


def after_s(looked: Looked, every_s: int) -> int:
    """When the till is to ask again: spread by its name, so that those who came at once do not come back at once."""
    if looked.check.state is UpdateState.TRYING:
        return min(TRYING_S, every_s)
    base = min(OFFERED_S, every_s) if looked.offer is not None else every_s
    return max(1, base + base * share_place(looked.till.id) // 40_000)


def _news(check: UpdateCheck, tries: Sequence[Row[Any]], plan: Plan) -> dict[str, LastTry]:
    """What the till says of releases of ours that we did not know yet."""
    said: dict[str, LastTry] = {}
    last = check.last
    if last is not None and not (last.outcome is TryOutcome.HEALTHY and last.version != check.version):
        said[last.version] = last
    if check.state is not UpdateState.TRYING:
        # However it came there, and whatever became of it before: it runs now, and the till says so itself.
        said[check.version] = LastTry(version=check.version, outcome=TryOutcome.HEALTHY)
    known = {one.version: one for one in tries}
    return {
        version: word
        for version, word in said.items()
        if version in plan.candidates and _is_news(known.get(version), word)
    }


def _is_news(known: Row[Any] | None, word: LastTry) -> bool:
    if known is None:
        return True
    if known.outcome == RETRY:
        # What it said before it was asked to try again is old.
        return word.outcome is TryOutcome.HEALTHY or word.at != known.told_at
    if word.outcome is TryOutcome.FAILED and word.at != known.told_at:
        return True  # it was given once more, and failed once more: after a "go on" that counts anew
    return bool(known.outcome != word.outcome.value)


def _differs(row: Row[Any] | None, check: UpdateCheck, offer: Candidate | None, now: datetime) -> bool:
    if row is None or row.checked_at is None or now - row.checked_at > CHECKED_EVERY:
        return True
    told = _told(check)
    return row.offered != (offer.version if offer is not None else "") or any(
        getattr(row, name) != value for name, value in told.items()
    )


def _told(check: UpdateCheck) -> dict[str, str]:
    return {
        "version": check.version,
        "platform": check.platform,
        "package": check.package.value,
        "channel": check.channel,
        "state": check.state.value,
        "staged": check.staged,
    }


def _is_still_given(connection: Connection, offer: Candidate, held: Held) -> bool:
    """The plan may be seconds old; a release that was stopped a moment ago is offered to nobody."""
    state = connection.scalar(select(schema.release.c.state).where(schema.release.c.version == offer.version))
    if held.pinned:
        return state is not None and state != ReleaseState.WITHDRAWN.value
    return state == ReleaseState.ROLLING.value


def _keep_word(connection: Connection, looked: Looked, version: str, word: LastTry, now: datetime) -> None:
    table = schema.release_try
    values = {"ring": looked.ring, "outcome": word.outcome.value, "reason": word.reason, "at": now, "told_at": word.at}
    place = (table.c.version == version) & (table.c.till == looked.till.id)
    if connection.execute(update(table).where(place).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(version=version, till=looked.till.id, **values))
    level = logging.INFO if word.outcome is TryOutcome.HEALTHY else logging.WARNING
    _log.log(level, "release.try till=%s version=%s outcome=%s", looked.till.id, version, word.outcome.value)
