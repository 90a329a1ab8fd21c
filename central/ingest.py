"""A batch of envelopes becomes rows, effects and a new high-water mark: all in one transaction, or nothing.

(till, epoch, sequence) is the permanent key. At or below the mark the same hash is a duplicate, whenever it comes;
another hash is a fork: the epoch is quarantined and takes nothing new until the till is enrolled again. Above the mark
the batch must go on exactly where the mark is, and every hash must follow from the one before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from central import schema
from central.accounts import Accounts
from central.bulk import insert_many
from central.cases import Cases
from central.changes import publish
from central.coupons import CouponShelf
from central.database import lock_receipts
from central.effects import SideEffects
from central.errors import Fork, Refusal
from central.ledger import Effect, Ledger
from central.newcomers import Newcomers
from central.programmes import tier_rule
from central.receipts import Receipts
from central.scope_feed import EVERYBODY
from central.scopes import enter
from drivers.vocabulary import codec
from drivers.vocabulary.centre import UploadAnswer, Verdict, VerdictState, WireEnvelope
from drivers.vocabulary.decision import PointsGranted
from drivers.vocabulary.facts import FACTS, CustomerEnrolled, ReceiptAttached, ReceiptConfirmed, ReceiptRefunded
from offline_queue.envelope import GENESIS, chain_hash

__all__ = ["FORK_SENTENCE", "ingest", "quarantine"]

#: In any field of a fact: sums of thousands of these stay within a column of 64 bits.
NUMBER_MAX = 10**15
_SUSPECT = re.compile(rb"\d{16}|\\u0000")

FORK_SENTENCE = (
    "till {till} sent two histories of epoch {epoch}: it was cloned or restored from a back-up; "
    "find the second machine, then enrol this one again (tillpoint central enrol-code)"
)


@dataclass(frozen=True, slots=True)
class _Read:
    """An envelope with its body read, or with the reason why it cannot be."""

    envelope: WireEnvelope
    fact: Any
    problem: str


def ingest(
    connection: Connection,
    envelopes: Sequence[WireEnvelope],
    *,
    till: str,
    epoch_max: int,
    currency: str,
    now: datetime,
    refused: str = "",
) -> UploadAnswer:
    """Take a contiguous run of envelopes of one epoch.

    Args:
        connection: a transaction of the caller's; it is rolled back when this raises.
        envelopes: at least one.
        till: who sends, as its token says.
        epoch_max: the till's present epoch; an older one may still drain.
        currency: the tenant's.
        now: the centre's clock.
        refused: why nothing of what is new may have an effect; "" when it may.

    Raises:
        Fork: another history of an epoch; the caller writes the quarantine in a transaction of its own.
        Refusal: 409 `gap` with the wanted sequence, or 400/409 for a run that is none.
    """
    epoch = _one_run(envelopes, epoch_max)
    cursor = _cursor(connection, till, epoch)
    old = [envelope for envelope in envelopes if envelope.sequence <= cursor.last_seq]
    new = envelopes[len(old) :]
    verdicts = _duplicates(connection, old, till=till, epoch=epoch)
    last_seq, head = cursor.last_seq, cursor.head
    if new:
        if cursor.fork is not None:
            raise Refusal(409, "fork", cursor.fork)
        if new[0].sequence != last_seq + 1:
            message = f"expected sequence {last_seq + 1} of epoch {epoch}, got {new[0].sequence}; send from there"
            raise Refusal(409, "gap", message, wanted=last_seq + 1)
        head = _verify(new, head, till=till, epoch=epoch)
        last_seq = new[-1].sequence
        reads = [_Read(one, None, refused) if refused else _read(one) for one in new]
        verdicts += _take(connection, reads, till=till, currency=currency, now=now)
    table = schema.till_cursor
    connection.execute(
        update(table)
        .where(table.c.till == till, table.c.epoch == epoch)
        .values(last_seq=last_seq, head=head, duplicates=cursor.duplicates + len(old)),
    )
    return UploadAnswer(
        till=till,
        epoch=epoch,
        through=last_seq,
        head=head,
        server_time=now,
        verdicts=tuple(verdicts),
    )


def quarantine(connection: Connection, *, fork: Fork) -> None:
    """Take nothing new of this epoch any more; why is shown to whoever asks."""
    table = schema.till_cursor
    connection.execute(
        update(table)
        .where(table.c.till == fork.till, table.c.epoch == fork.epoch, table.c.fork.is_(None))
        .values(fork=fork.problem.message),
    )


def _one_run(envelopes: Sequence[WireEnvelope], epoch_max: int) -> int:
    """The epoch of the run; refuses a batch that is not one run."""
    epoch, first = envelopes[0].epoch, envelopes[0].sequence
    for place, envelope in enumerate(envelopes):
        if (envelope.epoch, envelope.sequence) != (epoch, first + place):
            raise Refusal(400, "not_a_run", f"envelope {place + 1} of the batch does not follow the one before it")
    if epoch > epoch_max:
        raise Refusal(409, "epoch_unknown", f"epoch {epoch} was never given to this till; enrol it again")
    return epoch


def _cursor(connection: Connection, till: str, epoch: int) -> Row[Any]:
    """The till's mark, locked until the end of the transaction; made at the first envelope of an epoch."""
    table = schema.till_cursor
    wanted = select(table).where(table.c.till == till, table.c.epoch == epoch).with_for_update()
    found = connection.execute(wanted).first()
    if found is None:
        row = {"till": till, "epoch": epoch, "last_seq": 0, "head": GENESIS, "duplicates": 0, "fork": None}
        connection.execute(insert(table), [row])
        found = connection.execute(wanted).one()
    return found


def _duplicates(connection: Connection, envelopes: Sequence[WireEnvelope], *, till: str, epoch: int) -> list[Verdict]:
    """Verdicts on what is at or below the mark; a refusal is told again, so that a lost answer loses no reason."""
    if not envelopes:
        return []
    table = schema.envelope
    rows = connection.execute(
        select(table.c.sequence, table.c.hash, table.c.state, table.c.reason).where(
            table.c.till == till,
            table.c.epoch == epoch,
            table.c.sequence.between(envelopes[0].sequence, envelopes[-1].sequence),
        ),
    )
    stored = {row.sequence: row for row in rows}
    verdicts = []
    for envelope in envelopes:
        _require_whole(envelope)
        row = stored.get(envelope.sequence)
        if row is None or row.hash != envelope.hash:
            raise Fork(FORK_SENTENCE.format(till=till, epoch=epoch), till=till, epoch=epoch)
        refused = row.state == VerdictState.REFUSED.value
        state = VerdictState.REFUSED if refused else VerdictState.DUPLICATE
        reason = row.reason if refused else ""
        verdicts.append(Verdict(sequence=envelope.sequence, id=envelope.id, state=state, reason=reason))
    return verdicts


def _verify(envelopes: Sequence[WireEnvelope], head: str, *, till: str, epoch: int) -> str:
    """The new head of the chain.

    A first envelope that is whole but follows another one than our head is a fork; one whose hash is not its own was
    damaged on the way or by hand, and is refused without blaming the till's whole history.
    """
    for envelope in envelopes:
        _require_whole(envelope)
        if envelope.previous != head:
            raise Fork(FORK_SENTENCE.format(till=till, epoch=epoch), till=till, epoch=epoch)
        head = envelope.hash
    return head


def _require_whole(envelope: WireEnvelope) -> None:
    """Refuse an envelope whose hash is not its own."""
    try:
        own = chain_hash(
            envelope.previous,
            id=envelope.id,
            epoch=envelope.epoch,
            sequence=envelope.sequence,
            kind=envelope.kind,
            occurred_at=envelope.occurred_at,
            boot_id=envelope.boot_id,
            uptime_ms=envelope.uptime_ms,
            programme_version=envelope.programme_version,
            body=bytes(envelope.body),
        )
    except ValueError as error:
        raise Refusal(400, "damaged", f"envelope {envelope.sequence}: {error}") from None
    if own != envelope.hash:
        message = (
            f"envelope {envelope.sequence} of epoch {envelope.epoch} does not have the hash it claims; send it again"
        )
        raise Refusal(400, "damaged", message)


def _take(connection: Connection, reads: Sequence[_Read], *, till: str, currency: str, now: datetime) -> list[Verdict]:
    """Apply what follows the mark, in order, and store it with what became of it."""
    accounts, receipts = Accounts(connection), Receipts(connection)
    _load(reads, accounts, receipts)
    shelf = CouponShelf(connection=connection, till=till, now=now)
    tier_of = tier_rule(connection)
    cases = Cases(connection=connection, accounts=accounts, till=till, now=now)
    newcomers = Newcomers(connection=connection, accounts=accounts, till=till, tier_of=tier_of, now=now)
    ledger = Ledger(
        connection=connection,
        accounts=accounts,
        receipts=receipts,
        till=till,
        currency=currency,
        tier_of=tier_of,
        now=now,
        effects=SideEffects(connection=connection, accounts=accounts, shelf=shelf),
        newcomers=newcomers,
        cases=cases,
    )
    verdicts: list[Verdict] = []
    rows: list[dict[str, Any]] = []
    for read in reads:
        refused = Effect(VerdictState.REFUSED, read.problem)
        effect = ledger.apply(read.envelope, read.fact) if read.fact is not None else refused
        envelope = read.envelope
        verdicts.append(
            Verdict(sequence=envelope.sequence, id=envelope.id, state=effect.state, reason=effect.reason),
        )
        rows.append(_row(envelope, effect, till=till, now=now))
    ledger.close()
    insert_many(connection, schema.envelope, rows)
    receipts.save()
    publish(connection, [*accounts.save(), *shelf.changed, *newcomers.changed, *cases.changed])
    scope = connection.scalar(select(schema.till.c.scope).where(schema.till.c.id == till)) or EVERYBODY
    if scope != EVERYBODY:
        enter(connection, scope, _shoppers(reads, accounts), now)
    return verdicts


_WITH_CUSTOMER: Final = ReceiptAttached | ReceiptConfirmed | ReceiptRefunded | CustomerEnrolled


def _shoppers(reads: Sequence[_Read], accounts: Accounts) -> set[str]:
    """Whom these facts say were at the till, under the centre's names for them."""
    facts = (one.fact for one in reads if isinstance(one.fact, _WITH_CUSTOMER))
    met = (accounts.get(one.customer_id) for one in facts if one.customer_id is not None)
    return {account.id for account in met if account is not None}


def _read(envelope: WireEnvelope) -> _Read:
    wanted = FACTS.get(envelope.kind)
    if wanted is None:
        known = ", ".join(sorted(FACTS))
        return _Read(envelope, None, f"kind {envelope.kind!r} is not known here ({known})")
    body = bytes(envelope.body)
    if not _is_harmless(body):
        return _Read(
            envelope, None, "the body cannot be read: it holds a NUL character or a number of 16 digits or more"
        )
    try:
        return _Read(envelope, codec.decode(body, wanted), "")
    except codec.WireError as error:
        return _Read(envelope, None, f"the body cannot be read: {error}")


def _is_harmless(body: bytes) -> bool:
    if _SUSPECT.search(body) is None:
        return True
    try:
        return _is_storable(json.loads(body))
    except (ValueError, RecursionError):
        return False


def _is_storable(value: Any) -> bool:
    """False for what no database could keep, though it can be read: it would fail the whole batch again and again."""
    if isinstance(value, dict):
        return all(_is_storable(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return all(_is_storable(one) for one in value)
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, int) or abs(value) < NUMBER_MAX


def _load(reads: Sequence[_Read], accounts: Accounts, receipts: Receipts) -> None:
    """Meet every customer and receipt of the batch in a few statements instead of a few for each envelope."""
    customers: set[str] = set()
    sales: set[str] = set()
    bases: set[str] = set()
    returns: set[str] = set()
    for read in reads:
        if isinstance(read.fact, ReceiptAttached | ReceiptConfirmed | ReceiptRefunded):
            customers.update(filter(None, (read.fact.customer_id,)))
        if isinstance(read.fact, ReceiptConfirmed):
            customers.update(one.customer for one in read.fact.decision.effects if isinstance(one, PointsGranted))
        if isinstance(read.fact, ReceiptAttached | ReceiptConfirmed):
            sales.add(read.fact.receipt.uid)
        if isinstance(read.fact, ReceiptRefunded):
            returns.add(read.fact.receipt.uid)
            bases.update(filter(None, (read.fact.base_uid,)))
    lock_receipts(accounts.connection, sales=sales, bases=bases)
    accounts.load(customers)
    receipts.load(sales | returns | bases)


def _row(envelope: WireEnvelope, effect: Effect, *, till: str, now: datetime) -> dict[str, Any]:
    return {
        "till": till,
        "epoch": envelope.epoch,
        "sequence": envelope.sequence,
        "id": envelope.id,
        "hash": envelope.hash,
        "kind": envelope.kind,
        "occurred_at": envelope.occurred_at,
        "boot_id": envelope.boot_id,
        "uptime_ms": envelope.uptime_ms,
        "programme_version": envelope.programme_version,
        "body": bytes(envelope.body),
        "received_at": now,
        "state": effect.state.value,
        "reason": effect.reason,
    }
