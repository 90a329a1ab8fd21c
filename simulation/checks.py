"""The promises of `docs/simulation.md`, looked at after each hour and at the end; what breaks one is an exception."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from central import schema
from offline_queue.envelope import GENESIS, chain_hash
from offline_queue.reader import OutboxReader
from simulation.book import Book
from simulation.centre import Centre
from simulation.till import SimulatedTill
from simulation.world import World

__all__ = ["Checks"]

SEEN_MAX: Final = 200  # shoppers whom every till is asked about at the end
NAMED_MAX: Final = 5  # of what is wrong, in one sentence


@dataclass(slots=True)
class Checks:
    """Looks at everything from outside; changes nothing."""

    world: World
    centre: Centre
    book: Book
    done: int = 0

    def hourly(self) -> None:
        """What must hold at any moment."""
        self.done += 1
        odd = self.centre.imbalances()
        if odd:
            raise self.world.broken("G2", f"ledger and lots disagree: {'; '.join(odd[:NAMED_MAX])}")
        with self.centre.database.read() as connection:
            self._contiguous(connection)
            counted = self._counted(connection)
            stands = _balances(connection)
        known = self.book.sales.keys() | self.book.returned.keys()
        ghosts = sorted(counted - known)
        if ghosts:
            raise self.world.broken("G1", f"the centre counts what nobody confirmed: {ghosts[:NAMED_MAX]}")
        expected = self.book.balances(counted)
        wrong = [
            f"{one}: the centre has {stands.get(one, 0)}, the receipts make {points}"
            for one, points in expected.items()
            if stands.get(one, 0) != points
        ]
        if wrong:
            raise self.world.broken("G2", f"{len(wrong)} balances are wrong: {'; '.join(wrong[:NAMED_MAX])}")

    def final(self, tills: Sequence[SimulatedTill], *, forked: set[str], noticed: set[str]) -> None:
        """What must hold when everybody has said everything.

        Args:
            tills: every machine, the copies too.
            forked: tills that had a copy, and both went on selling.
            noticed: tills whose fork the operator has seen.
        """
        self.hourly()
        with self.centre.database.read() as connection:
            self._everything_came(connection)
            self._chains(connection)
            rows = connection.execute(select(_cursor.c.till).where(_cursor.c.fork.is_not(None)))
            quarantined = noticed | set(rows.scalars())
        if forked - quarantined:
            raise self.world.broken("G5", f"copied and not noticed: {sorted(forked - quarantined)}")
        if quarantined - forked:
            raise self.world.broken("G5", f"quarantined and never copied: {sorted(quarantined - forked)}")
        for till in tills:
            if not till.is_gone:
                self._till(till)
                self._in_hand(till)

    def _till(self, till: SimulatedTill) -> None:
        depth = till.desk.store.depth()
        if depth.waiting or depth.shelved:
            raise self.world.broken("G1", f"{till.label}: {depth.waiting} still wait, {depth.shelved} were refused")
        with OutboxReader.open(till.folder / "till.db") as reader:
            report = reader.verify()
        if report.broken is not None:
            raise self.world.broken("G5", f"{till.label}: its chain does not hold at {report.broken}: {report.why}")
        with self.centre.database.read() as connection:
            stands = _balances(connection)
        for customer in sorted(self.book.opening)[:SEEN_MAX]:
            known = till.desk.known(customer)
            has = None if known is None else sum(one.amount for one in known.customer.lots)
            owes = 0 if known is None else sum(known.customer.deficits.values())
            if has is None or has - owes != stands.get(customer, 0):
                told = "nobody" if has is None else f"{has - owes}"
                raise self.world.broken(
                    "G2", f"{till.label} sees {told} of {customer}, the centre {stands.get(customer, 0)}"
                )

    def _in_hand(self, till: SimulatedTill) -> None:
        """G3, the other way round: what the centre keeps for a till is in its hand, or it would be lost to everybody.

        A copy that was taken away may have had leases of its own; they end in time first.
        """
        lease, hold = schema.lease, schema.hold
        name = till.identity.till
        with self.centre.database.read() as connection:
            row = connection.execute(select(schema.till).where(schema.till.c.id == name)).one()
            of_a_copy = (lease.c.granted_at < row.enrolled_at) & (lease.c.expires_at > self.world.now)
            leases = connection.scalars(
                select(lease.c.id).where(
                    lease.c.till == name, lease.c.state == "open", lease.c.kept.is_(False), ~of_a_copy
                )
            )
            holds = connection.scalars(select(hold.c.receipt_uid).where(hold.c.till == name, hold.c.state == "open"))
            kept = {*leases, *holds}
        store = till.desk.store
        has = {key.rpartition("/")[2] for collection in ("lease", "hold") for key, _ in store.scan(collection, "")}
        if kept - has:
            raise self.world.broken("G3", f"kept for {name} and not in its hand: {sorted(kept - has)[:NAMED_MAX]}")

    # ── The centre's rows ───────────────────────────────────────────────────────────────────────

    def _contiguous(self, connection: Connection) -> None:
        """G4: from 1 to the mark, none missing."""
        table = schema.envelope
        least, most = func.min(table.c.sequence), func.max(table.c.sequence)
        rows = connection.execute(
            select(table.c.till, table.c.epoch, func.count(), least, most).group_by(table.c.till, table.c.epoch)
        ).all()
        marks = {(row.till, row.epoch): row.last_seq for row in connection.execute(select(_cursor))}
        for till, epoch, count, first, last in rows:
            if first != 1 or count != last or marks.get((till, epoch)) != last:
                mark = marks.get((till, epoch))
                raise self.world.broken(
                    "G4", f"{till} epoch {epoch} has {count} envelopes, {first} to {last}, and the mark is {mark}"
                )

    def _counted(self, connection: Connection) -> set[str]:
        table = schema.receipt
        return set(connection.execute(select(table.c.uid).where(table.c.state == "settled")).scalars())

    def _everything_came(self, connection: Connection) -> None:
        """G1: what a machine that is no copy confirmed is there."""
        counted = self._counted(connection)
        wanted = {uid for uid, sale in self.book.sales.items() if not sale.copy}
        wanted |= {uid for uid in self.book.returned if "c-" not in uid}
        lost = sorted(wanted - counted)
        if lost:
            raise self.world.broken("G1", f"{len(lost)} confirmed receipts are not there: {lost[:NAMED_MAX]}")

    def _chains(self, connection: Connection) -> None:
        """G5: each hash follows from the one before."""
        table = schema.envelope
        head, place = GENESIS, ("", 0)
        for row in connection.execute(select(table).order_by(table.c.till, table.c.epoch, table.c.sequence)):
            if (row.till, row.epoch) != place:
                head, place = GENESIS, (row.till, row.epoch)
            head = _hash(head, row)
            if head != row.hash:
                raise self.world.broken("G5", f"{row.till} {row.epoch}/{row.sequence}: its hash is not its own")


_cursor: Final = schema.till_cursor


def _hash(head: str, row: Row[Any]) -> str:
    return chain_hash(
        head,
        id=row.id,
        epoch=row.epoch,
        sequence=row.sequence,
        kind=row.kind,
        occurred_at=row.occurred_at,
        boot_id=row.boot_id,
        uptime_ms=row.uptime_ms,
        programme_version=row.programme_version,
        body=bytes(row.body),
    )


def _balances(connection: Connection) -> dict[str, int]:
    """What the centre says everybody has, debts taken off."""
    lot, customer = schema.lot, schema.customer
    rows = connection.execute(select(lot.c.customer, func.sum(lot.c.amount)).group_by(lot.c.customer))
    found = {name: int(amount) for name, amount in rows}
    for row in connection.execute(select(customer.c.id, customer.c.deficits)):
        owed = sum(row.deficits.values())
        if owed:
            found[row.id] = found.get(row.id, 0) - owed
    return found
