"""The loyalty programme at the centre: stored as its author wrote it, told to the tills as JSON, read for its tiers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from agent.loyalty import Programme, load, tier_of
from central import schema
from central.changes import publish
from central.errors import CentralStartError
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.money import Money

__all__ = ["TierRule", "set_programme", "tier_rule"]

#: (tier now, money spent before and after, in minor units) → tier.
TierRule = Callable[[str, int, int], str]


def set_programme(connection: Connection, source: bytes, *, name: str, currency: str, now: datetime) -> int:
    """Store a programme and tell the tills; its version.

    Setting the very same document again changes nothing.

    Raises:
        CentralStartError: it cannot be read, is in another currency, or its version is not above the present one.
    """
    programme = _read(source, name=name)
    if programme.currency != currency:
        raise CentralStartError(
            f"{name} is in {programme.currency}, this centre works in {currency}; change one of them"
        )
    table = schema.programme
    newest: int = connection.scalar(select(func.max(table.c.version))) or 0
    if programme.version == newest:
        stored = connection.scalar(select(table.c.source).where(table.c.version == newest))
        if stored == source:
            return newest
    if programme.version <= newest:
        raise CentralStartError(
            f"{name} has version {programme.version}, the tills have {newest} already; give it a higher one",
        )
    row = {
        "version": programme.version,
        "source": source,
        "document": codec.encode(programme.file),
        "set_at": now,
    }
    connection.execute(insert(table), [row])
    publish(connection, [("programme", "current")])
    return programme.version


def _read(source: bytes, *, name: str) -> Programme:
    loaded = load(source, name=name)
    if isinstance(loaded, Programme):
        return loaded
    raise CentralStartError("\n".join(str(problem) for problem in loaded))


def _everybody_stays(tier: str, before_minor: int, after_minor: int) -> str:
    del before_minor, after_minor
    return tier


def tier_rule(connection: Connection) -> TierRule:
    """How the present programme moves customers between tiers; without one everybody stays.

    The engine's own rule, with one addition: a tier that was reached by money alone follows the money down again, so
    that buying and returning does not leave a golden card behind. A tier that was given by hand stays.
    """
    table = schema.programme
    document = connection.scalar(select(table.c.document).order_by(table.c.version.desc()).limit(1))
    loaded = None if document is None else load(document, name="programme.json")
    if not isinstance(loaded, Programme):
        return _everybody_stays
    programme = loaded

    def reached(given: str, spent_minor: int) -> str:
        spent = Money(spent_minor, programme.currency)
        return tier_of(programme, Customer(id="-", tier=given, spent=spent))

    def rule(tier: str, before_minor: int, after_minor: int) -> str:
        by_money_alone = tier == reached("", before_minor)
        return reached("" if by_money_alone else tier, after_minor)

    return rule
