"""The loyalty programme at the centre: stored as its author wrote it, told to the tills as JSON, read for its tiers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, func, insert, select

from agent.loyalty import Programme, load, tier_of
from central import schema
from central.changes import publish
from central.errors import CentralStartError
from central.programme_keys import SIGNED, keep_signatures, make_first_key
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.money import Money

__all__ = ["TierRule", "present_programme", "set_programme", "sign_from_now_on", "single_use_kinds", "tier_rule"]

#: (tier now, money spent before and after, in minor units) → tier.
TierRule = Callable[[str, int, int], str]


def set_programme(
    connection: Connection,
    source: bytes,
    *,
    name: str,
    currency: str,
    now: datetime,
    signature: bytes | None = None,
    signed_by: str = "",
) -> int:
    """Store a programme and tell the tills; its version.

    Setting the very same document again changes nothing, unless a person's signature comes with it.

    `signature` is what `tillpoint programme sign` wrote, `signed_by` the public key (base64) it was made with; it
    stands beside the centre's own signatures.

    Raises:
        CentralStartError: it cannot be read, is in another currency, its version is not above the present one, or the
            signature does not fit.
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
            if signature is not None:
                keep_signatures(connection, source, version=newest, signature=signature, trusted=signed_by)
                publish(connection, [SIGNED])
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
    keep_signatures(connection, source, version=programme.version, signature=signature, trusted=signed_by)
    # "current" is for tills of before programmes were signed.
    publish(connection, [("programme", "current"), SIGNED])
    return programme.version


def sign_from_now_on(connection: Connection) -> None:
    """Make the key of a database that has none, and tell the tills the signed form of a programme it had before."""
    if make_first_key(connection) and connection.scalar(select(func.max(schema.programme.c.version))):
        publish(connection, [SIGNED])


def _read(source: bytes, *, name: str) -> Programme:
    loaded = load(source, name=name)
    if isinstance(loaded, Programme):
        return loaded
    raise CentralStartError("\n".join(str(problem) for problem in loaded))


def _everybody_stays(tier: str, before_minor: int, after_minor: int) -> str:
    del before_minor, after_minor
    return tier


@lru_cache(maxsize=4)
def _compiled(document: bytes) -> Programme | None:
    """The programme of a document, kept: every batch of every till asks for it."""
    loaded = load(document, name="programme.json")
    return loaded if isinstance(loaded, Programme) else None


def present_programme(connection: Connection) -> Programme | None:
    """The newest programme, compiled; None without one."""
    table = schema.programme
    document = connection.scalar(select(table.c.document).order_by(table.c.version.desc()).limit(1))
    return None if document is None else _compiled(bytes(document))


def single_use_kinds(connection: Connection) -> frozenset[str]:
    """The coupons of the present programme that may be used once, where nothing else is said of one of them."""
    programme = present_programme(connection)
    kinds = programme.file.coupons if programme is not None else {}
    return frozenset(name for name, kind in kinds.items() if kind.uses == 1)


def tier_rule(connection: Connection) -> TierRule:
    """How the present programme moves customers between tiers; without one everybody stays.

    The engine's own rule, with one addition: a tier that was reached by money alone follows the money down again, so
    that buying and returning does not leave a golden card behind. A tier that was given by hand stays.
    """
    programme = present_programme(connection)
    if programme is None:
        return _everybody_stays

    def reached(given: str, spent_minor: int) -> str:
        spent = Money(spent_minor, programme.currency)
        return tier_of(programme, Customer(id="-", tier=given, spent=spent))

    def rule(tier: str, before_minor: int, after_minor: int) -> str:
        by_money_alone = tier == reached("", before_minor)
        return reached("" if by_money_alone else tier, after_minor)

    return rule
