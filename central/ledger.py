"""What each fact does to the customers' points: the centre's reading of a till's envelope, inside one transaction.

* A sale spends lots soonest-expiring first; what was promised and is not there becomes a deficit, and is kept in the
  ledger as one. It earns one lot per earning effect, named after the receipt as the till names it.
* A return gives back to the lots the sale took from, with their own expiry, and takes back the points the sale earned.
  It never gives or takes more than the sale did, over all its returns together.
* A return the till could not settle waits until its sale arrives; one that names no sale is kept for a person.
* Everything else a decision does (coupons, certificates, counters, a friend's points) is in `effects`.
* One receipt uid has one effect for ever. The same content under another envelope is a duplicate; other content is
  refused, kept in its envelope, and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection, select, update

from agent.loyalty import RefundEffect, refund
from agent.loyalty import lots as pots
from central import schema
from central.accounts import Account, Accounts, Cause, Reason
from central.cases import Cases
from central.certificate_holds import release_holds
from central.effects import SideEffects
from central.history import History
from central.leases import close_leases, keep_earned, spend_lease
from central.newcomers import Newcomers
from central.programmes import TierRule
from central.receipts import Receipts, ReceiptState, Recorded
from central.value_leases import close_values, count_wrong_pin, recall_used_elsewhere, use_values
from drivers.vocabulary.centre import VerdictState, WireEnvelope
from drivers.vocabulary.customer import PointsLot
from drivers.vocabulary.decision import Counted, PointsEarned
from drivers.vocabulary.facts import (
    CardReissued,
    CertificatePinWrong,
    ConsentWithdrawn,
    CustomerEnrolled,
    DuplicateSeen,
    HoldReleased,
    LeasesClosed,
    LimitMet,
    ProgrammeRefused,
    ReceiptAttached,
    ReceiptConfirmed,
    ReceiptRefunded,
    ReceiptUnread,
)
from drivers.vocabulary.leases import kept_lease
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["EXPIRED_KEPT", "Effect", "Ledger"]

#: How long an expired lot is kept: a till that was offline may still tell of points spent while it was good.
EXPIRED_KEPT: Final = timedelta(days=45)
LATE: Final = (PointsEarned, Counted)  # what a receipt may still do when it becomes somebody's
CLAIM_CODE_CHARS: Final = 16  # as wide as its column; ours have 6


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of one envelope, with the reason when it is not plain."""

    state: VerdictState
    reason: str = ""


APPLIED: Final = Effect(VerdictState.APPLIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One transaction's view: applies facts in the order they come.

    Attributes:
        now: the centre's clock; a till's clock is believed only when it is not ahead of it.
    """

    connection: Connection
    accounts: Accounts
    receipts: Receipts
    till: str
    currency: str
    tier_of: TierRule
    now: datetime
    effects: SideEffects
    newcomers: Newcomers
    cases: Cases
    captured_receipts: list[str] = field(default_factory=list)
    captured_holds: list[str] = field(default_factory=list)

    def apply(self, envelope: WireEnvelope, fact: Any) -> Effect:
        """Do what a fact says, once."""
        return _HANDLERS[type(fact)](self, envelope, fact)

    # ── Sales ───────────────────────────────────────────────────────────────────────────────────

    def confirmed(self, envelope: WireEnvelope, fact: ReceiptConfirmed) -> Effect:
        """A sale."""
        receipt = fact.receipt
        refused = self._cannot(envelope, receipt, DocumentKind.SALE, fact.customer_id)
        if refused is not None:
            return refused
        recorded = self._record(envelope, fact, ReceiptState.SETTLED, customer=fact.customer_id)
        self._capture(receipt.uid, fact.hold)
        at = self._moment(envelope.occurred_at)
        account = self._account(fact.customer_id) if fact.customer_id is not None else None
        if account is not None:
            self._sell(fact, account, at)
        odd = self._leases(fact, at)
        odd += use_values(self.connection, self.till, fact.values)
        recall_used_elsewhere(self.connection, self.till, fact.decision, now=self.now)
        told = self.effects.sold(fact.decision, account, receipt_uid=receipt.uid, at=at)
        for waiting in self.receipts.returns_of(receipt.uid):
            if waiting.state is ReceiptState.WAITING:
                self._settle(waiting, recorded)
        return Effect(VerdictState.APPLIED, "; ".join((*told, *odd)))

    def _leases(self, fact: ReceiptConfirmed, at: datetime) -> list[str]:
        """What was spent under leases, and what the till keeps of what it gave."""
        odd = spend_lease(self.connection, self.till, fact.leases) if fact.leases else []
        if fact.kept_until is not None and fact.customer_id is not None:
            kept = {
                kept_lease(fact.receipt.uid, effect.unit, effect.rule): (effect.unit, effect.amount)
                for effect in fact.decision.earned
            }
            # Under the customer's own name, whichever the till still uses.
            customer = self._account(fact.customer_id).id
            keep_earned(self.connection, self.till, customer, kept, at=at, until=fact.kept_until)
        return odd

    def leases_closed(self, envelope: WireEnvelope, fact: LeasesClosed) -> Effect:
        """The till is done with leases; their rest is free."""
        del envelope
        close_leases(self.connection, self.till, fact.leases)
        close_values(self.connection, self.till, fact.leases)
        return APPLIED

    def pin_wrong(self, envelope: WireEnvelope, fact: CertificatePinWrong) -> Effect:
        """A wrong PIN at a till without a line counts with those told on line."""
        del envelope
        return Effect(VerdictState.APPLIED, count_wrong_pin(self.connection, self.till, fact.lease))

    def _sell(self, fact: ReceiptConfirmed, account: Account, at: datetime) -> None:
        uid = fact.receipt.uid
        spent = Cause(reason=Reason.SPENT, at=at, receipt_uid=uid)
        for effect in fact.decision.spent:
            lots, deficits, _ = pots.spend(account.lots, account.deficits, effect.unit, effect.amount, at)
            account.move(lots, deficits, spent)
        earned = Cause(reason=Reason.EARNED, at=at, receipt_uid=uid)
        for gift in fact.decision.earned:
            lots, deficits = pots.earn(account.lots, account.deficits, pots.earned_lot(uid, gift))
            account.move(lots, deficits, earned)
        self._spend_money(account, fact.receipt.total.minor)

    def attached(self, envelope: WireEnvelope, fact: ReceiptAttached) -> Effect:
        """A sale of nobody became somebody's: it earns as of its own day, once; whoever has it keeps it."""
        recorded = self.receipts.get(fact.receipt.uid)
        owner = self.accounts.get(fact.customer_id)
        if recorded is None or recorded.kind != "sale":
            return Effect(VerdictState.REFUSED, f"receipt {fact.receipt.uid} is no sale that is known here")
        if owner is None:
            return Effect(VerdictState.REFUSED, f"customer {fact.customer_id} is not known here")
        if recorded.customer is not None:
            return Effect(VerdictState.REFUSED, f"receipt {fact.receipt.uid} is a customer's already")
        if self.receipts.returns_of(fact.receipt.uid):
            return Effect(VerdictState.REFUSED, f"goods of receipt {fact.receipt.uid} were returned; kept for a person")
        at = min(self._moment(envelope.occurred_at), fact.receipt.closed_at or self.now)
        late = replace(fact.decision, effects=tuple(one for one in fact.decision.effects if isinstance(one, LATE)))
        account = self._account(fact.customer_id)
        whole = ReceiptConfirmed(
            receipt=fact.receipt,
            decision=fact.decision,
            claim_code=fact.claim_code,
            source=fact.source,
            customer_id=account.id,
        )
        self._sell(replace(whole, decision=late), account, at)
        told = self.effects.sold(late, account, receipt_uid=fact.receipt.uid, at=at)
        # From now on this envelope says what the receipt did: a return of it takes the points back.
        self.receipts.retold(recorded, whole, customer=account.id, till=self.till, envelope=envelope)
        return Effect(VerdictState.APPLIED, "; ".join(told))

    # ── Returns ─────────────────────────────────────────────────────────────────────────────────

    def refunded(self, envelope: WireEnvelope, fact: ReceiptRefunded) -> Effect:
        """A return."""
        receipt = fact.receipt
        refused = self._cannot(envelope, receipt, DocumentKind.RETURN, fact.customer_id)
        if refused is not None:
            return refused
        base = self.receipts.get(fact.base_uid) if fact.base_uid is not None else None
        if base is not None and base.kind != "sale":
            return Effect(VerdictState.REFUSED, f"receipt {base.uid} is not a sale and cannot be taken back")
        if base is not None:
            self._settle(self._record(envelope, fact, ReceiptState.WAITING), base)
            return APPLIED
        if not fact.settled_by_centre:
            self._record(envelope, fact, ReceiptState.SETTLED, customer=fact.customer_id)
            if fact.customer_id is not None:
                self._as_stated(fact, fact.customer_id, self._moment(envelope.occurred_at))
            return APPLIED
        state = ReceiptState.WAITING if fact.base_uid is not None else ReceiptState.PERSON
        self._record(envelope, fact, state, customer=fact.customer_id)
        if fact.customer_id is not None:
            self.accounts.touch(fact.customer_id)
        reason = "waits for its sale" if fact.base_uid is not None else "names no sale; kept for a person"
        return Effect(VerdictState.APPLIED, reason)

    def _settle(self, returned: Recorded, base: Recorded) -> None:
        """Give a return its effect now that its sale is known."""
        fact, sale = self.receipts.fact_of(returned), self.receipts.fact_of(base)
        self.receipts.settled(returned, customer=base.customer)
        if not isinstance(fact, ReceiptRefunded) or not isinstance(sale, ReceiptConfirmed):
            return
        at = min(self.now, fact.receipt.closed_at or self.now)
        account = self._account(base.customer) if base.customer is not None else None
        earlier = self._earlier(returned, base.uid)
        effect = refund(sale.decision, sale.receipt, fact.receipt, earlier)
        if account is not None:
            self._undo_points(account, fact, effect, sale_uid=base.uid, at=at)
            # More than was sold cannot come back: the same goods returned at two tills count once.
            left = max(0, sale.receipt.total.minor - sum(one.total.minor for one in earlier))
            self._spend_money(account, -min(fact.receipt.total.minor, left))
        self.effects.returned(effect, sale.decision, account, receipt_uid=returned.uid, sale_uid=base.uid, at=at)

    def _undo_points(
        self, account: Account, fact: ReceiptRefunded, effect: RefundEffect, *, sale_uid: str, at: datetime
    ) -> None:
        """The customer's own points of a return: as the till said, and the last part undoes whatever is left.

        A till that did not hear of returns at another one has its own idea of the share.
        """
        history = self._history(account, sale_uid)
        given, taken = fact.points_given_back, fact.points_taken_back
        if fact.settled_by_centre:
            given, taken = effect.points_given_back, effect.points_taken_back
        if effect.complete:
            given, taken = history.unreturned(), history.untaken()
        returned_uid = fact.receipt.uid
        give = Cause(reason=Reason.GIVEN_BACK, at=at, receipt_uid=returned_uid, base_uid=sale_uid)
        take = replace_reason(give, Reason.TAKEN_BACK)
        for unit, points in sorted(taken.items()):
            amount = min(points, history.takeable(unit))
            lots, deficits = pots.take_back(account.lots, account.deficits, unit, amount, receipt_uid=sale_uid, now=at)
            account.move(lots, deficits, take)
        for unit, points in sorted(given.items()):
            amount = min(points, history.returnable(unit))
            name, parts = back_lot_id(returned_uid, unit), history.taken(unit)
            lots, deficits, _ = pots.give_back(account.lots, account.deficits, unit, amount, taken=parts, name=name)
            account.move(lots, deficits, give)

    def _as_stated(self, fact: ReceiptRefunded, customer: str, at: datetime) -> None:
        """A return settled by the till whose sale is not here: what the customer was told."""
        account = self._account(customer)
        cause = Cause(reason=Reason.GIVEN_BACK, at=at, receipt_uid=fact.receipt.uid, base_uid=fact.base_uid)
        for unit, points in sorted(fact.points_given_back.items()):
            lot = PointsLot(id=back_lot_id(fact.receipt.uid, unit), unit=unit, amount=points)
            lots, deficits = pots.earn(account.lots, account.deficits, lot)
            account.move(lots, deficits, cause)
        for unit, points in sorted(fact.points_taken_back.items()):
            lots, deficits, _ = pots.spend(account.lots, account.deficits, unit, points, at)
            account.move(lots, deficits, replace_reason(cause, Reason.TAKEN_BACK))
        self._spend_money(account, -fact.receipt.total.minor)

    def _earlier(self, returned: Recorded, base_uid: str) -> tuple[Receipt, ...]:
        """The returns of the same sale that had their effect before."""
        others = self.receipts.returns_of(base_uid)
        settled = [one for one in others if one.uid != returned.uid and one.state is ReceiptState.SETTLED]
        return tuple(self.receipts.fact_of(one).receipt for one in settled)

    def _history(self, account: Account, base_uid: str) -> History:
        table = schema.ledger
        stored = self.connection.execute(
            select(table)
            .where((table.c.receipt_uid == base_uid) | (table.c.base_uid == base_uid))
            .order_by(table.c.id),
        ).mappings()
        fresh = [entry for entry in account.entries if base_uid in {entry["receipt_uid"], entry["base_uid"]}]
        return History(entries=(*stored, *fresh))

    # ── The rest ────────────────────────────────────────────────────────────────────────────────

    def unread(self, envelope: WireEnvelope, fact: ReceiptUnread) -> Effect:
        """Kept in its envelope for a person."""
        del envelope, fact
        return APPLIED

    def programme_refused(self, envelope: WireEnvelope, fact: ProgrammeRefused) -> Effect:
        """Kept in its envelope for a person; it moves nothing."""
        del envelope, fact
        return APPLIED

    def enrolled(self, envelope: WireEnvelope, fact: CustomerEnrolled) -> Effect:
        """Somebody became a customer."""
        reason = self.newcomers.take(envelope, fact)
        return _effect(reason)

    def limit_met(self, envelope: WireEnvelope, fact: LimitMet) -> Effect:
        """A limit against misuse."""
        return _effect(self.cases.limit(envelope, fact))

    def duplicate(self, envelope: WireEnvelope, fact: DuplicateSeen) -> Effect:
        """Two customers who may be one person."""
        return _effect(self.cases.duplicate(envelope, fact))

    def withdrawn(self, envelope: WireEnvelope, fact: ConsentWithdrawn) -> Effect:
        """Consents taken back."""
        return _effect(self.cases.withdrawn(envelope, fact))

    def reissued(self, envelope: WireEnvelope, fact: CardReissued) -> Effect:
        """A new card for a lost one."""
        del envelope
        return _effect(self.cases.reissued(fact))

    def released(self, envelope: WireEnvelope, fact: HoldReleased) -> Effect:
        """A hold is not needed any more; one that was captured stays so."""
        del envelope
        table = schema.hold
        self.connection.execute(
            update(table)
            .where(table.c.till == self.till, table.c.receipt_uid == fact.receipt_uid, table.c.state == "open")
            .values(state="released"),
        )
        release_holds(self.connection, till=self.till, receipts=(fact.receipt_uid,), captured=False)
        return APPLIED

    def _capture(self, receipt_uid: str, hold: str) -> None:
        """The reserve of this receipt is used up, also when it had expired or its answer was lost."""
        self.captured_receipts.append(receipt_uid)
        if hold:
            self.captured_holds.append(hold)

    def close(self) -> None:
        """The last step: what is written once for all the facts of a batch.

        A hold that one fact releases and another uses is used, in whichever order they came.
        """
        if not self.captured_receipts:
            return
        table = schema.hold
        named = (table.c.till == self.till) & table.c.receipt_uid.in_(self.captured_receipts)
        if self.captured_holds:
            named |= table.c.id.in_(self.captured_holds)
        self.connection.execute(update(table).where(named).values(state="captured"))
        release_holds(self.connection, till=self.till, receipts=self.captured_receipts, captured=True)

    def _cannot(
        self, envelope: WireEnvelope, receipt: Receipt, wanted: DocumentKind, customer: str | None
    ) -> Effect | None:
        """Why a receipt has no effect, or None."""
        known = self.receipts.get(receipt.uid)
        if known is not None:
            if customer is not None:
                self.accounts.touch(customer)
            if known.body_hash == _body_hash(envelope):
                return Effect(VerdictState.DUPLICATE, f"receipt {receipt.uid} had its effect already")
            return Effect(VerdictState.REFUSED, f"receipt {receipt.uid} is already known with another content")
        if receipt.kind is not wanted:
            return Effect(VerdictState.REFUSED, f"the body is a {receipt.kind.value}, not a {wanted.value}")
        if receipt.currency != self.currency:
            return Effect(VerdictState.REFUSED, f"the receipt is in {receipt.currency}, this centre in {self.currency}")
        if customer is not None and self.accounts.get(customer) is None:
            return Effect(VerdictState.REFUSED, f"customer {customer} is not known here")
        return None

    def _record(
        self,
        envelope: WireEnvelope,
        fact: ReceiptConfirmed | ReceiptRefunded,
        state: ReceiptState,
        *,
        customer: str | None = None,
    ) -> Recorded:
        recorded = Recorded(
            uid=fact.receipt.uid,
            kind="sale" if isinstance(fact, ReceiptConfirmed) else "return",
            state=state,
            customer=customer,
            base_uid=fact.base_uid if isinstance(fact, ReceiptRefunded) else None,
            total_minor=fact.receipt.total.minor,
            currency=fact.receipt.currency,
            body_hash=_body_hash(envelope),
            till=self.till,
            epoch=envelope.epoch,
            sequence=envelope.sequence,
            claim_code=fact.claim_code[:CLAIM_CODE_CHARS],
            fact=fact,
        )
        self.receipts.add(recorded)
        return recorded

    def _account(self, customer: str) -> Account:
        """An account that is known to be there, long-expired lots written off."""
        account = self.accounts.get(customer)
        if account is None:
            raise LookupError(f"customer {customer} vanished inside a transaction")
        kept, gone = pots.expire(account.lots, self.now - EXPIRED_KEPT)
        if gone:
            account.move(kept, account.deficits, Cause(reason=Reason.EXPIRED, at=self.now))
        account.touched = True
        return account

    def _spend_money(self, account: Account, minor: int) -> None:
        before = account.spent_minor
        account.spent_minor = max(0, before + minor)
        account.tier = self.tier_of(account.tier, before, account.spent_minor)

    def _moment(self, occurred_at: str) -> datetime:
        """When it happened: the till's clock, unless it is ahead of ours or cannot be read."""
        try:
            told = datetime.fromisoformat(occurred_at)
        except ValueError:
            return self.now
        return self.now if told.tzinfo is None else min(told, self.now)


def _body_hash(envelope: WireEnvelope) -> str:
    return hashlib.sha256(bytes(envelope.body)).hexdigest()


def replace_reason(cause: Cause, reason: Reason) -> Cause:
    """The same cause for another reason."""
    return Cause(reason=reason, at=cause.at, receipt_uid=cause.receipt_uid, base_uid=cause.base_uid)


def back_lot_id(receipt_uid: str, unit: str) -> str:
    """Name of a lot a return makes when there is no lot to give back to."""
    return f"{receipt_uid}:back:{unit}"


def _effect(reason: str) -> Effect:
    """Applied, or refused and why."""
    return Effect(VerdictState.REFUSED, reason) if reason else APPLIED


_HANDLERS: Final[dict[type, Callable[[Ledger, WireEnvelope, Any], Effect]]] = {
    ReceiptConfirmed: Ledger.confirmed,
    ReceiptAttached: Ledger.attached,
    ReceiptRefunded: Ledger.refunded,
    ReceiptUnread: Ledger.unread,
    HoldReleased: Ledger.released,
    LeasesClosed: Ledger.leases_closed,
    CertificatePinWrong: Ledger.pin_wrong,
    CustomerEnrolled: Ledger.enrolled,
    LimitMet: Ledger.limit_met,
    DuplicateSeen: Ledger.duplicate,
    ConsentWithdrawn: Ledger.withdrawn,
    CardReissued: Ledger.reissued,
    ProgrammeRefused: Ledger.programme_refused,
}
