"""The desk: what one till does with a receipt in progress; lives on the till thread and writes through one store.

It knows no thread, no HTTP and no device; time comes from the clock it is given. Closing a receipt is in `closing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from agent.acts import Act
from agent.checkout import attaching, closing, quoting, returning, scanning, slips_again, writing
from agent.checkout.customers import app_codes, cases, identifying, joining, limits, naming_later, recent, sale_codes
from agent.checkout.customers.guests import Asked, AskedLate, forget_guests, keep_guest
from agent.checkout.customers.spend_proofs import CodeAnswer, CodeQuestion
from agent.checkout.in_hand import certificates, lease_reports, value_leases, value_reports
from agent.checkout.observed import inside, prints, reported
from agent.checkout.panel import by_hand, view
from agent.checkout.panel import machine as panel
from agent.checkout.records import AwaitingPrint, Closed, Hold, Open, read, read_all
from agent.checkout.state import DeskState, TillName
from agent.snapshot import DeviceView, LinkState, Screen, Snapshot
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import facts
from drivers.vocabulary.centre import HoldGrant, LookupAnswer
from drivers.vocabulary.certificates import CertificateGrant
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import BankCardRead, CodeScanned, DeviceStateChanged, Document
from drivers.vocabulary.inside import InsideOffer
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.receipt import TenderKind
from drivers.vocabulary.signed import KeyRing
from drivers.vocabulary.spend_codes import CodeSent, CodeWanted
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted, ValueAnswer, ValueReport
from offline_queue.errors import StoreFull, StoreUnavailable

__all__ = ["Desk"]

OPEN_KEPT: Final = timedelta(hours=24)  # a receipt that was neither confirmed nor cancelled within a day never will be
PRUNE_EVERY: Final = timedelta(hours=1)
PRUNE_CHUNKS_MAX: Final = 20  # 2 560 envelopes an hour: more than a till makes, less than a sale would notice
TEND_EVERY: Final = timedelta(seconds=10)
JOURNAL_BYTES_MAX: Final = 512 * 1024 * 1024  # a year of a busy till; a small disk must never fill with history


@dataclass(slots=True, kw_only=True)
class Desk(DeskState):
    """One till's desk: the steps of a receipt, and what happens around them."""

    # ── Who ─────────────────────────────────────────────────────────────────────────────────────

    def identify(self, request: contract.IdentifyRequest) -> contract.IdentifyAnswer:
        """Recognise a code and look the customer up; what was found becomes the customer at the till."""
        return identifying.identify(self, request)

    def identify_or_want(self, request: contract.IdentifyRequest) -> contract.IdentifyAnswer | Asked:
        """The same, or whom to ask the centre for before anybody is told that there is no such customer."""
        return identifying.identify_or_want(self, request)

    def identify_asked(
        self, asked: Asked, answer: LookupAnswer | None, *, is_awaited: bool
    ) -> contract.IdentifyAnswer | None:
        """The centre's word is here; None when nobody awaits it and the till has gone on to somebody else."""
        return identifying.identify_asked(self, asked, answer, is_awaited=is_awaited)

    def asking_takes_long(self, turn: int) -> None:
        """Tell the cashier what is waited for."""
        identifying.asking_takes_long(self, turn)

    def enrol(self, request: contract.EnrolCustomerRequest) -> contract.EnrolCustomerAnswer:
        """Make a customer of a phone; whoever it is, they are the customer at the till now."""
        self.turn += 1
        answer = joining.enrol(self, request)
        if answer.state is contract.EnrolState.BLOCKED:
            identifying.show(self, Screen.BLOCKED, contract.IdentifyState.BLOCKED, answer.mask, self.clock.now())
            return answer
        identifying.attach(
            self,
            answer.customer_id,
            presented=False,
            mask=answer.mask,
            partner="",
            receipt_uid=request.receipt_uid,
            now=self.clock.now(),
        )
        return answer

    def panel_identify(
        self, request: contract.IdentifyRequest, *, replaces: bool, may_ask: bool = True
    ) -> Asked | None:
        """A code at the panel: another customer than the one at the till is asked about first."""
        return panel.identify(self, request, replaces=replaces, may_ask=may_ask)

    def panel_asked(self, asked: Asked, answer: LookupAnswer | None, *, replaces: bool) -> None:
        """The same, now that the centre has said who it is."""
        identifying.keep_answer(self, asked, answer)
        panel.identify(self, asked.request, replaces=replaces, may_ask=False)

    def act(self, done: Act) -> CodeQuestion | None:
        """The cashier did something at the panel; what the centre is to be asked beside, if anything."""
        return panel.act(self, done)

    def code_answered(self, asked: CodeQuestion, answer: CodeAnswer | None) -> None:
        """The centre's word on a one-time code, None when it could not be had."""
        if isinstance(asked, CodeWanted) and sale_codes.sent(
            self, asked.id, answer if isinstance(answer, CodeSent) else None
        ):
            return
        panel.code_answered(self, asked, answer)

    def sum_entered(self, amount: str) -> contract.QuoteRequest:
        """The cashier typed the sum of a receipt of the panel's own; what is to be quoted."""
        return by_hand.enter(self, amount)

    def sum_again(self) -> contract.QuoteRequest | None:
        """What of it is to be quoted again after something else was said at the panel; None for nothing."""
        return by_hand.again(self)

    def sum_paid(self, tender: TenderKind) -> contract.ConfirmRequest:
        """How it is closed, now that the customer has paid."""
        return by_hand.closing(self, tender)

    def become(
        self,
        name: TillName,
        *,
        epoch: int,
        tenant_keys: Sequence[bytes],
        sealing_key: str,
        url: str,
        ring: KeyRing,
    ) -> None:
        """The till that sold without being enrolled is this one from now on; what it sold is sent in its name.

        Under an epoch that another machine had before, numbers of ours may be that machine's: as nothing of ours was
        ever sent, all of it is sealed again in the new epoch, without asking (docs/decisions/012).
        """
        before = self.store.epoch
        if epoch > before:
            written, is_new = self.store.depth().last_sequence, not self.store.acknowledged()
            self.store.start_epoch(epoch)
            if written and is_new:
                with self.store.transaction() as tx:
                    tx.lose(epoch=before, sequence=1)
        self.name = name
        present, following = (*tenant_keys, b"", b"")[:2]
        self.keys_changed(tenant_key=present, tenant_key_next=following, sealing_key=sealing_key)
        self.programmes.become(url, ring)
        self.programme = self.programmes.current

    def keys_changed(self, *, tenant_key: bytes, tenant_key_next: bytes, sealing_key: str) -> None:
        """The centre gave other keys."""
        self.knowledge.tenant_key, self.knowledge.tenant_key_next = tenant_key, tenant_key_next
        self.sealing_key = sealing_key

    def clear(self) -> None:
        """Nobody is at the till any more."""
        self.turn += 1
        if self.current is not None:
            with self.store.transaction() as tx:
                tx.delete("desk", "current")
            self.current = None
        self.notice = self.typed = ""

    # ── How much ────────────────────────────────────────────────────────────────────────────────

    def quote(
        self, request: contract.QuoteRequest, grants: Sequence[CertificateGrant | None] = ()
    ) -> contract.QuoteAnswer:
        """Decide on the basket as it is now; `grants` is what the centre said of the certificates shown by code."""
        return quoting.quote(self, request, grants)

    def quote_and_want(
        self, request: contract.QuoteRequest, grants: Sequence[CertificateGrant | None]
    ) -> tuple[contract.QuoteAnswer, contract.HoldRequest | None]:
        """The quote, and what the centre is to keep for it before anybody is told; None when that needs no asking."""
        answer = quoting.quote(self, request, grants)
        is_asked = self.link is LinkState.ONLINE
        return answer, quoting.hold_wanted(self, answer) if is_asked else None

    def secure(
        self,
        request: contract.QuoteRequest,
        answer: contract.QuoteAnswer,
        grants: Sequence[CertificateGrant | None],
        grant: HoldGrant | None,
    ) -> contract.QuoteAnswer:
        """The quote after the centre's word on its points."""
        return quoting.secure(self, request, answer, grants, grant)

    def coupons_wanted(self, request: contract.QuoteRequest, answer: contract.QuoteAnswer) -> CouponsWanted | None:
        """Which coupons the centre is to put into this till's hand before a quote is told."""
        return quoting.coupons_wanted(self, request, answer)

    def secure_coupons(
        self,
        request: contract.QuoteRequest,
        grants: Sequence[CertificateGrant | None],
        asked: CouponsWanted,
        grant: CouponsGrant | None,
    ) -> tuple[contract.QuoteAnswer, contract.HoldRequest | None]:
        """The quote after the centre's word on its coupons, and what the centre is to keep of points for it."""
        answer = quoting.secure_coupons(self, request, grants, asked, grant)
        return answer, quoting.hold_wanted(self, answer) if self.link is LinkState.ONLINE else None

    def leased_certificates(self) -> list[certificates.Leased]:
        """The certificates that may be known again without the centre."""
        return certificates.leased_certificates(self)

    def judge_pins(
        self,
        grants: Sequence[CertificateGrant | None],
        recognised: Sequence[certificates.Recognised | None],
    ) -> tuple[CertificateGrant | None, ...]:
        """What this till says of certificates of which the centre said nothing."""
        return certificates.judge_pins(self, grants, recognised)

    def hold(self, request: contract.HoldRequest, grant: HoldGrant | None) -> contract.HoldAnswer:
        """Reserve points: as the centre granted, or within the offline cap when it could not be asked."""
        return quoting.hold(self, request, grant)

    # ── Closing ─────────────────────────────────────────────────────────────────────────────────

    def confirm(self, request: contract.ConfirmRequest, *, source: str) -> contract.ConfirmAnswer:
        """The receipt is closed; whom only the centre can name is asked for later."""
        told = self.confirm_or_want(request, source=source, may_ask=False)
        assert not isinstance(told, Asked)
        return told

    def confirm_or_want(
        self, request: contract.ConfirmRequest, *, source: str, may_ask: bool = True
    ) -> contract.ConfirmAnswer | Asked:
        """The receipt is closed, or whom to ask the centre for before."""
        self.turn += 1
        told = reported.confirmed(self, request)
        if told is not None:
            return told
        unnamed = naming_later.wanted_of(self, request)
        asked = naming_later.want(self, request, unnamed) if may_ask else None
        if asked is not None:
            return asked
        return closing.confirm(self, request, source=source, unnamed=unnamed)

    def confirm_asked(
        self, request: contract.ConfirmRequest, answer: LookupAnswer | None, *, source: str
    ) -> contract.ConfirmAnswer:
        """The receipt is closed, now that the centre has said who it is, or has not in time (None)."""
        if answer is not None:
            keep_guest(self, answer)
        unnamed = naming_later.wanted_of(self, request) if answer is None else ()
        return closing.confirm(self, request, source=source, unnamed=unnamed)

    def want_late(self) -> AskedLate | None:
        """Whom to ask the centre for, of receipts that are closed already."""
        return naming_later.want_late(self)

    def named_late(self, asked: AskedLate, answer: LookupAnswer | None) -> None:
        """The centre's word on one of them."""
        naming_later.answered(self, asked, answer)

    def refund(self, request: contract.RefundRequest, *, source: str) -> contract.RefundAnswer:
        """A return is closed."""
        request, told = reported.refunded(self, request)
        return told if told is not None else returning.refund(self, request, source=source)

    def attach(self, request: contract.AttachRequest) -> contract.AttachAnswer:
        """A closed receipt of nobody becomes somebody's."""
        return attaching.attach_receipt(self, request)

    def scanned(self, event: CodeScanned | BankCardRead) -> Asked | None:
        """A scanner of ours read something; whom to ask the centre for, when only it can know."""
        return scanning.scanned(self, event)

    def scan_asked(self, asked: Asked, answer: LookupAnswer | None, *, is_awaited: bool) -> None:
        """The centre's word on a code that a scanner of ours read."""
        scanning.scan_asked(self, asked, answer, is_awaited=is_awaited)

    def reprint(self, request: contract.ReprintRequest) -> contract.ReprintAnswer:
        """The slip of a closed receipt once more."""
        return slips_again.reprint(self, request)

    def printed(self, device: str, document: Document) -> tuple[str, ...]:
        """A document ended on a printer's stream; the lines to print with it."""
        self.turn += 1
        return prints.printed(self, device, document)

    def named(self, request: contract.QuoteRequest, codes: Sequence[str]) -> contract.QuoteRequest:
        """The same question, for the customer whom an open receipt names itself."""
        return inside.named(self, request, codes)

    def offer_inside(self, answer: contract.QuoteAnswer, document: Document) -> InsideOffer | None:
        """What a quote comes to in a receipt that is open in the register."""
        return inside.offer_of(self, answer, document)

    def cancel(self, request: contract.CancelRequest) -> contract.CancelAnswer:
        """Free holds, forget the quote, send the customer away."""
        self.turn += 1
        uid = request.receipt_uid
        if read(self.store, "closed", uid, Closed) is not None:
            raise CheckoutRefused(
                f"receipt {uid} is closed already; take it back with a refund",
                code="already_closed",
                field="receipt_uid",
            )
        opened = read(self.store, "checkout", uid, Open)
        holds = [(key, hold) for key, hold in read_all(self.store, "hold", Hold) if hold.receipt_uid == uid]
        if opened is None and not holds:
            return contract.CancelAnswer(receipt_uid=uid, cancelled=False)
        with self.store.transaction() as tx:
            tx.delete("checkout", uid)
            value_leases.drop_promises(self, tx, uid)
            for key, hold in holds:
                tx.delete("hold", key)
                if hold.id:
                    writing.append_release(self, tx, uid, hold.id)
            if opened is not None and opened.certificate_hold:
                writing.append_release(self, tx, uid, opened.certificate_hold)
            tx.delete("desk", "current")
        self.current = None
        self.notice = ""
        return contract.CancelAnswer(receipt_uid=uid, cancelled=True)

    # ── What happens around ─────────────────────────────────────────────────────────────────────

    def device_changed(self, event: DeviceStateChanged) -> None:
        """A device came, went or failed."""
        before = self.devices.get(event.device)
        driver = before.driver if before is not None else ""
        self.devices[event.device] = DeviceView(
            name=event.device, driver=driver, state=event.state.value, detail=event.detail
        )

    def link_changed(self, state: LinkState, detail: str) -> None:
        """The centre came or went."""
        if state is LinkState.ONLINE:
            self.offline_since = None
        elif self.offline_since is None:
            self.offline_since = self.clock.now()
        self.link = state
        self.link_detail = detail

    def lease_report(self) -> LeaseReport:
        """What this till holds and would like, for the centre."""
        return lease_reports.lease_report(self)

    def take_leases(self, answer: LeaseAnswer) -> None:
        """What the centre granted and wants back."""
        lease_reports.take_leases(self, answer)

    def value_report(self) -> ValueReport:
        """Which coupons and certificates this till holds, for the centre."""
        return value_reports.value_report(self)

    def take_values(self, answer: ValueAnswer) -> None:
        """What the centre granted of them and wants back."""
        value_reports.take_values(self, answer)

    def replica_changed(self) -> None:
        """Balances or the programme changed."""
        joining.settle_newcomers(self)
        cases.settle_cards(self)
        forget_guests(self)
        self.programmes.look()
        self.programme = self.programmes.current
        self._tell_refused()

    def _tell_refused(self) -> None:
        """Write into the journal, and so tell the centre, that a programme was refused; once for each."""
        refused = self.programmes.refused
        if refused is None or refused.told:
            return
        fact = facts.ProgrammeRefused(
            version=refused.version,
            in_force=self.programme.version if self.programme is not None else 0,
            reason=refused.reason,
        )
        with self.store.transaction() as tx:
            writing.append(self, tx, fact, ["programme:refused"])
            self.programmes.mark_told(tx)

    def failed(self, error: BaseException) -> CheckoutRefused:
        """An operation broke: what to tell whoever asked, and the cashier."""
        sentence = f"not recorded: {error}" if str(error) else f"not recorded: {type(error).__name__}"
        self.notice = sentence
        return CheckoutRefused(f"{sentence}; the sale may go on", code="not_recorded")

    def recover(self, error: BaseException) -> bool:
        """Whether the same work is worth one more try: room was freed, or the database was opened anew."""
        if isinstance(error, StoreFull):
            return True
        if isinstance(error, StoreUnavailable) and self.store.failed:
            self.store.reopen()
            return True
        return False

    def tick(self) -> None:
        """Idle work: clear the screen, forget what expired, prune the journal."""
        now = self.clock.now()
        self._tell_refused()
        if self.current is not None and now - self.current.touched_at > self._stays():
            self.clear()
        by_hand.forget(self, now - self.rules.forget_after)
        if self.tended_at is None or now - self.tended_at >= TEND_EVERY:
            self.tended_at = now
            self.store.tend()
        if self.pruned_at is not None and now - self.pruned_at < PRUNE_EVERY:
            return
        self.pruned_at = now
        forget_guests(self)
        old = [
            ("checkout", key) for key, one in read_all(self.store, "checkout", Open) if now - one.touched_at > OPEN_KEPT
        ]
        # A receipt in progress may still be paid with what is held for it, so its hold stays as long as it does.
        going_on = {key for key, one in read_all(self.store, "checkout", Open) if now - one.touched_at <= OPEN_KEPT}
        old += [
            ("hold", key)
            for key, one in read_all(self.store, "hold", Hold)
            if one.expires_at <= now and one.receipt_uid not in going_on
        ]
        old += [
            ("print", key)
            for key, one in read_all(self.store, "print", AwaitingPrint)
            if now - one.closed_at > self.rules.awaits_print
        ]
        old += [("value_promise", key) for key in value_leases.stale_promises(self, going_on)]
        old += [("pace", key) for key in limits.forget_old(self, now)]
        old += [("recent", key) for key in recent.forget_recent(self, now)]
        if old:
            with self.store.transaction() as tx:
                for collection, key in old:
                    tx.delete(collection, key)
        app_codes.forget_codes(self, now)
        writing.prune_closed(self, now - self.rules.keep)
        for _ in range(PRUNE_CHUNKS_MAX):
            if not self.store.prune(now=now, keep_days=self.rules.keep.days, keep_bytes=JOURNAL_BYTES_MAX):
                break

    def _stays(self) -> timedelta:
        """How long the screen stays without use: a customer long enough to scan a full trolley, a message shortly."""
        is_somebody = self.current is not None and bool(self.current.customer_id or self.current.partner)
        return self.rules.forget_after if is_somebody else self.rules.hide_after

    def snapshot(self, version: int) -> Snapshot | None:
        """A fresh snapshot, or None when nothing that is shown has changed."""
        fresh = view.snapshot(self, version + 1)
        if self.shown is not None and replace(fresh, version=self.shown.version) == self.shown:
            return None
        self.shown = fresh
        return fresh
