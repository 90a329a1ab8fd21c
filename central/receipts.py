"""Which receipts had their effect already, and what they said; loaded for one transaction and written at its end.

One receipt uid has one effect on the ledger, for ever: whoever sends it again, in whatever envelope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from central import schema
from central.bulk import insert_many
from drivers.vocabulary import codec
from drivers.vocabulary.centre import WireEnvelope
from drivers.vocabulary.facts import ReceiptConfirmed, ReceiptRefunded

__all__ = ["ReceiptState", "Receipts", "Recorded"]

UIDS_CHUNK: Final = 400  # uids in one statement; databases bound the number of parameters

Fact = ReceiptConfirmed | ReceiptRefunded


class ReceiptState(Enum):
    """SETTLED: it had its effect. WAITING: a return whose sale has not arrived. PERSON: a person must settle it."""

    SETTLED = "settled"
    WAITING = "waiting"
    PERSON = "person"


@dataclass(slots=True, kw_only=True)
class Recorded:
    """One receipt that is known here; `fact` is read from its envelope when it is needed."""

    uid: str
    kind: str
    state: ReceiptState
    customer: str | None
    base_uid: str | None
    total_minor: int
    currency: str
    body_hash: str
    till: str
    epoch: int
    sequence: int
    claim_code: str = ""
    fact: Fact | None = None
    stored: bool = False
    changed: bool = False

    def row(self) -> dict[str, Any]:
        """As the table keeps it."""
        names = schema.receipt.c.keys()
        return {name: self.state.value if name == "state" else getattr(self, name) for name in names}


def _recorded(row: Row[Any]) -> Recorded:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names, underscored by SQLAlchemy
    return Recorded(**{**values, "state": ReceiptState(row.state)}, stored=True)


@dataclass(slots=True)
class Receipts:
    """The receipts one transaction has met."""

    connection: Connection
    _met: dict[str, Recorded | None] = field(default_factory=dict)
    _returns: dict[str, list[Recorded]] = field(default_factory=dict)

    def load(self, uids: Iterable[str]) -> None:
        """Read many at once: the receipts themselves and the returns that name them."""
        wanted = sorted(set(uids) - self._met.keys())
        self._met.update(dict.fromkeys(wanted))
        table = schema.receipt
        for start in range(0, len(wanted), UIDS_CHUNK):
            chunk = wanted[start : start + UIDS_CHUNK]
            for row in self.connection.execute(select(table).where(table.c.uid.in_(chunk))):
                self._met[row.uid] = _recorded(row)
            named = (
                select(table).where(table.c.base_uid.in_(chunk)).order_by(table.c.till, table.c.epoch, table.c.sequence)
            )
            for row in self.connection.execute(named):
                one = self._met[row.uid] = self._met.get(row.uid) or _recorded(row)
                self._returns.setdefault(row.base_uid, []).append(one)

    def get(self, uid: str) -> Recorded | None:
        """The receipt of this uid, or None."""
        self.load((uid,))
        return self._met[uid]

    def returns_of(self, uid: str) -> Sequence[Recorded]:
        """Every return that names this sale, in no promised order."""
        self.load((uid,))
        return tuple(self._returns.get(uid, ()))

    def add(self, recorded: Recorded) -> None:
        """A receipt had its effect."""
        self.load((recorded.uid,))
        self._met[recorded.uid] = recorded
        if recorded.base_uid is not None:
            self.load((recorded.base_uid,))
            self._returns.setdefault(recorded.base_uid, []).append(recorded)

    def settled(self, recorded: Recorded, *, customer: str | None) -> None:
        """A return that waited has had its effect."""
        recorded.state = ReceiptState.SETTLED
        recorded.customer = customer
        recorded.changed = True

    def retold(
        self, recorded: Recorded, fact: ReceiptConfirmed, *, customer: str, till: str, envelope: WireEnvelope
    ) -> None:
        """Another envelope says from now on what a sale did, and whose it is."""
        recorded.fact, recorded.customer = fact, customer
        recorded.till, recorded.epoch, recorded.sequence = till, envelope.epoch, envelope.sequence
        recorded.changed = True

    def fact_of(self, recorded: Recorded) -> Fact:
        """What the receipt's envelope says."""
        if recorded.fact is None:
            table = schema.envelope
            body = self.connection.execute(
                select(table.c.body).where(
                    table.c.till == recorded.till,
                    table.c.epoch == recorded.epoch,
                    table.c.sequence == recorded.sequence,
                ),
            ).scalar_one()
            sale = recorded.kind == "sale"
            recorded.fact = codec.decode(body, ReceiptConfirmed) if sale else codec.decode(body, ReceiptRefunded)
        return recorded.fact

    def save(self) -> None:
        """Write what is new."""
        met = [one for one in self._met.values() if one is not None]
        fresh = [one.row() for one in met if not one.stored]
        insert_many(self.connection, schema.receipt, fresh)
        for one in met:
            if one.stored and one.changed:
                where = schema.receipt.c.uid == one.uid
                place = {"till": one.till, "epoch": one.epoch, "sequence": one.sequence}
                values = {"state": one.state.value, "customer": one.customer, **place}
                self.connection.execute(update(schema.receipt).where(where).values(**values))
