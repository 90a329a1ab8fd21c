"""The single writer: commands and events in, one at a time; the desk decides, the store keeps, a snapshot goes out.

Everything that changes state passes through one bounded inbox and one thread, so there is nothing to lock. Commands
(doors, in-line drivers, the sync worker) wait for their answer with a deadline; events (devices, link) never wait.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from agent.acts import Act, EnterSum, Pay, Train
from agent.asking import LookupAsker, LookupDone, Lookups, LookupSlow
from agent.checkout import sale_codes
from agent.checkout.certificates import is_silent, recognise
from agent.checkout.desk import Desk
from agent.checkout.guests import Asked, AskedLate
from agent.checkout.inside import request_of
from agent.checkout.spend_proofs import CodeQuestion
from agent.code_asking import CodeAsker, CodeDone, Codes
from agent.service.tally import Tally
from agent.snapshot import LinkState, Snapshot
from agent.training import Training, open_training
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import HoldGrant, LookupWanted
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import BankCardRead, CodeScanned, DeviceStateChanged, Document, Event
from drivers.vocabulary.inside import InsideOffer
from drivers.vocabulary.receipt import DocumentKind, TenderKind
from drivers.vocabulary.spend_codes import CodeSent, CodeVerdict
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted
from offline_queue.errors import StoreError

__all__ = ["CareChanged", "LinkChanged", "ReplicaChanged", "ReplicaLoading", "Till"]

log = logging.getLogger(__name__)
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

INBOX_MAX: Final = 1_000  # a till sells a few receipts a minute; a thousand waiting means the disk has stopped
LEAST_WAIT_S: Final = 0.2  # what is left for the till itself when the centre took all the time there was
TICK_LATE_S: Final = 5.0  # idle work waits no longer for a pause
TICK_S: Final = 1.0  # how often idle work (clearing the screen, expiring holds) is looked at


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The sync workers noticed the centre come or go."""

    state: LinkState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaChanged:
    """The replica has new documents: a programme, balances."""


@dataclass(frozen=True, slots=True)
class CareChanged:
    """What store IT should see to soon; words of `agent.service.health`."""

    care: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLoading:
    """So many documents of a snapshot are in, of so many; 0 of 0 when the loading is over."""

    done: int
    of: int


#: What the till thread is told: devices, the line, the replica.
Heard = CodeDone | Event | LinkChanged | ReplicaChanged | ReplicaLoading | LookupDone | LookupSlow | CareChanged


@dataclass(slots=True)
class _Command:
    """Work for the till thread, and where its answer goes."""

    work: Callable[[Desk], Any]
    done: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None
    abandoned: bool = False
    is_real: bool = False
    what: str = "other"


def _quoted(
    desk: Desk, request: contract.QuoteRequest, grants: Sequence[CertificateGrant | None]
) -> tuple[tuple[contract.QuoteAnswer, contract.HoldRequest | None], CouponsWanted | None]:
    """A quote with what has to be asked of the centre before it is told: points, and coupons of one use."""
    answer, wanted = desk.quote_and_want(request, grants)
    return (answer, wanted), desk.coupons_wanted(request, answer)


HoldAsker = Callable[[contract.HoldRequest], HoldGrant | None]
"""Asks the centre for a hold within its own deadline; None when there is no line."""

CertificateAsker = Callable[[CertificateWanted], CertificateGrant | None]
"""Asks the centre what a certificate pays within its own deadline; None when there is no line."""


CouponAsker = Callable[[CouponsWanted], CouponsGrant | None]
"""Asks the centre for coupons within its own deadline; None when there is no line."""


def _nobody_told(device: str, moment: datetime) -> None:
    """A till that is not watched."""
    del device, moment


def _no_line(wanted: CertificateWanted | CouponsWanted | LookupWanted | CodeQuestion) -> None:
    """What a till without a centre hears of a certificate, a coupon, a customer or a one-time code."""
    del wanted


class Till:
    """Owns the desk and its thread; what doors, drivers and sync see of it.

    Args:
        open_desk: opens the databases on the till thread; an error it raises leaves the till without a desk: every
            command is then refused in words, while devices and the proxy go on.
        ask_hold: how the centre is asked for a hold; runs on the caller's thread, never on the till's.
        ask_certificate: how it is asked what a gift certificate pays; likewise.
        ask_coupons: how it is asked to put coupons of one use into this till's hand; likewise.
        ask_lookup: how it is asked for a customer whom this till does not know; likewise.
        ask_code: how it is asked about a one-time code; on a thread of its own.
    """

    def __init__(
        self,
        open_desk: Callable[[], Desk],
        *,
        ask_hold: HoldAsker,
        first: Snapshot,
        ask_certificate: CertificateAsker = _no_line,
        ask_coupons: CouponAsker = _no_line,
        ask_lookup: LookupAsker = _no_line,
        ask_code: CodeAsker = _no_line,
    ) -> None:
        self._open_desk = open_desk
        self._ask_hold = self._outside(ask_hold)
        self._ask_certificate = self._outside(ask_certificate)
        self._ask_coupons = self._outside(ask_coupons)
        self._lookups = Lookups(self._outside(ask_lookup), self.emit)
        self._codes = Codes(self._outside(ask_code), self.emit)
        self._inbox: queue.Queue[_Command | Heard | None] = queue.Queue(INBOX_MAX)
        self._snapshot = first
        self._subscribers: list[Callable[[Snapshot], None]] = []
        self._thread = threading.Thread(target=self._run, name="till", daemon=True)
        self._ready = threading.Event()
        self._desk: Desk | None = None
        self._training: Training | None = None
        self._broken = ""
        self._trouble = ""
        self.dropped_events = 0
        #: How long the thread took for what it was asked.
        self.tally = Tally()
        #: When a till or the panel last asked for anything, in seconds of a monotonic clock.
        self.asked_s = -math.inf
        #: Told the printer's name and the time on each receipt it has just printed.
        self.told_time: Callable[[str, datetime], None] = _nobody_told
        #: When the thread last took something up, in seconds of a monotonic clock; None while it has no desk.
        self.came_round_s: float | None = None
        #: When a scanner last read something, by the same clock; the start counts as that.
        self.scanned_s = time.monotonic()
        #: When a report was last printed: the end of a shift; None before the first.
        self.report_s: float | None = None

    def _outside(self, ask: Callable[[A], B | None]) -> Callable[[A], B | None]:
        """Asks the centre, but in training, of which it hears nothing."""
        return lambda wanted: None if self._training is not None else ask(wanted)

    # ── Life ────────────────────────────────────────────────────────────────────────────────────

    def start(self, timeout_s: float) -> str:
        """Start the thread and wait until the databases are open; returns "" or the sentence why they are not."""
        self._lookups.start()
        self._thread.start()
        if not self._ready.wait(timeout_s):
            return f"the databases did not open within {timeout_s:g} s; is the disk very slow?"
        return self._broken

    def stop(self, timeout_s: float) -> None:
        """Finish what is in the inbox, close the databases."""
        self._lookups.stop()
        if not self._thread.is_alive():
            return
        try:
            self._inbox.put(None, timeout=timeout_s)
        except queue.Full:
            log.warning("till.stop inbox=full")
        self._thread.join(timeout_s)

    @property
    def written(self) -> dict[str, int]:
        """Kind of envelope → how many were written since the start; those of a training are none."""
        return dict(self._desk.written) if self._desk is not None else {}

    # ── What others see ─────────────────────────────────────────────────────────────────────────

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot; never waits."""
        return self._snapshot

    def subscribe(self, changed: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call `changed` on the till thread after each change; returns how to stop."""
        self._subscribers = [*self._subscribers, changed]

        def stop() -> None:
            self._subscribers = [one for one in self._subscribers if one is not changed]

        return stop

    def emit(self, event: Heard) -> None:
        """Take an event; never waits. With a full inbox the event is dropped and counted."""
        try:
            self._inbox.put_nowait(event)
        except queue.Full:
            self.dropped_events += 1

    def identify(self, request: contract.IdentifyRequest, *, timeout_s: float) -> contract.IdentifyAnswer:
        """Who is it."""
        return self._identify(request, timeout_s)

    def _identify(self, request: contract.IdentifyRequest, timeout_s: float) -> contract.IdentifyAnswer:
        """Look here; then ask the centre, on this thread, for whom this till does not know."""
        began_s = time.monotonic()
        found = self._ask(lambda desk: desk.identify_or_want(request), timeout_s, what="identify")
        if not isinstance(found, Asked):
            return found
        told = self._lookups.now(found)
        left_s = max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s))
        answer = self._ask(lambda desk: desk.identify_asked(found, told, is_awaited=True), left_s)
        return answer if answer is not None else contract.IdentifyAnswer(state=contract.IdentifyState.NOT_FOUND)

    def enrol(self, request: contract.EnrolCustomerRequest, *, timeout_s: float) -> contract.EnrolCustomerAnswer:
        """Somebody becomes a customer; on disk before the answer."""
        return self._ask(lambda desk: desk.enrol(request), timeout_s)

    def quote(self, request: contract.QuoteRequest, *, timeout_s: float) -> contract.QuoteAnswer:
        """What would this basket cost; the centre is asked for certificates before, for coupons and points after."""
        began_s = time.monotonic()

        def ask(work: Callable[[Desk], T], what: str = "other") -> T:
            return self._ask(work, max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s)), what=what)

        grants = self._ask_certificates(request)
        if any(map(is_silent, grants)) or len(grants) < len(request.certificate_codes):
            # What is in our hand needs no word of the centre. To know a code again takes a while, so it is done here.
            found = recognise(request.certificate_codes, grants, ask(lambda desk: desk.leased_certificates()))
            grants = ask(lambda desk: desk.judge_pins(grants, found))
        (answer, wanted), coupons = ask(lambda desk: _quoted(desk, request, grants), "quote")
        if coupons is not None:
            kept = self._ask_coupons(coupons)
            answer, wanted = ask(lambda desk: desk.secure_coupons(request, grants, coupons, kept))
        if wanted is None:
            return answer
        grant = self._ask_hold(wanted)
        return ask(lambda desk: desk.secure(request, answer, grants, grant))

    def _ask_certificates(self, request: contract.QuoteRequest) -> tuple[CertificateGrant | None, ...]:
        """What the centre says of each; after the first that it does not answer the others wait for nothing."""
        grants: list[CertificateGrant | None] = []
        for one in request.certificate_codes:
            wanted = CertificateWanted(code=one.code, pin=one.pin, receipt_uid=request.receipt.uid)
            grants.append(self._ask_certificate(wanted))
            if grants[-1] is None:
                break
        return tuple(grants)

    def hold(self, request: contract.HoldRequest, *, timeout_s: float) -> contract.HoldAnswer:
        """Reserve points: at the centre when there is a line, else within the offline cap."""
        began_s = time.monotonic()
        grant = self._ask_hold(request)
        left_s = max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s))
        return self._ask(lambda desk: desk.hold(request, grant), left_s)

    def confirm(
        self, request: contract.ConfirmRequest, *, timeout_s: float, source: str = "api"
    ) -> contract.ConfirmAnswer:
        """The receipt is closed; on disk before the answer.

        The centre is asked for a customer whom only it knows, for half of the time at most; what it does not say in
        time it is asked later, and the receipt is given to them then.
        """
        began_s = time.monotonic()
        done = self._ask(lambda desk: desk.confirm_or_want(request, source=source), timeout_s, what="confirm")
        if not isinstance(done, Asked):
            return done
        left_s = max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s))
        told = self._lookups.within(done, left_s / 2)
        left_s = max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s))
        return self._ask(lambda desk: desk.confirm_asked(request, told, source=source), left_s)

    def send_code(self, receipt_uid: str, customer_id: str, *, timeout_s: float) -> CodeSent | None:
        """Have a one-time code sent before points pay on this receipt; see `ProvesSpending`."""
        wanted, told = self._ask(lambda desk: sale_codes.want(desk, receipt_uid, customer_id), timeout_s)
        if wanted is not None:
            self._codes.later(wanted)
        return told

    def check_code(self, receipt_uid: str, customer_id: str, code: str, *, timeout_s: float) -> CodeVerdict:
        """Whether that is the code; the centre is asked, for half of the time at most."""
        began_s = time.monotonic()
        asked = self._ask(lambda desk: sale_codes.tried(desk, receipt_uid, customer_id, code), timeout_s)
        if isinstance(asked, CodeVerdict):
            return asked
        answer = self._codes.within(asked, timeout_s / 2)
        verdict = answer if isinstance(answer, CodeVerdict) else CodeVerdict(reason=sale_codes.NO_LINE)
        left_s = max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s))
        self._ask(lambda desk: sale_codes.judged(desk, receipt_uid, verdict), left_s)
        return verdict

    def cancel(self, request: contract.CancelRequest, *, timeout_s: float) -> contract.CancelAnswer:
        """The sale will not happen."""
        return self._ask(lambda desk: desk.cancel(request), timeout_s)

    def refund(
        self, request: contract.RefundRequest, *, timeout_s: float, source: str = "api"
    ) -> contract.RefundAnswer:
        """A return is closed."""
        return self._ask(lambda desk: desk.refund(request, source=source), timeout_s)

    def attach(self, request: contract.AttachRequest, *, timeout_s: float) -> contract.AttachAnswer:
        """A closed receipt of nobody becomes somebody's; on disk before the answer."""
        return self._ask(lambda desk: desk.attach(request), timeout_s)

    def reprint(self, request: contract.ReprintRequest, *, timeout_s: float) -> contract.ReprintAnswer:
        """The slip of a closed receipt once more."""
        return self._ask(lambda desk: desk.reprint(request), timeout_s)

    def panel_identify(self, code: str, *, presented: bool, replace: bool = False, timeout_s: float) -> Snapshot:
        """The panel scanned or typed a code; the centre is asked, on this thread, for whom this till does not know."""
        began_s = time.monotonic()
        request = contract.IdentifyRequest(code=code, presented=presented)
        asked = self._ask(lambda desk: desk.panel_identify(request, replaces=replace), timeout_s)
        if asked is not None:
            told = self._lookups.now(asked)
            left_s = max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s))
            self._ask(lambda desk: desk.panel_asked(asked, told, replaces=replace), left_s)
        self._quote_again(timeout_s)
        return self._snapshot

    def panel_act(self, act: Act, *, timeout_s: float) -> Snapshot:
        """The cashier did something at the panel; receipts of the panel's own are quoted and closed here."""
        began_s = time.monotonic()
        if isinstance(act, Train):
            self._ask(lambda desk: self._train(desk, act), timeout_s, is_real=True)
        elif isinstance(act, EnterSum):
            self.quote(self._ask(lambda desk: desk.sum_entered(act.amount), timeout_s), timeout_s=timeout_s)
        elif isinstance(act, Pay) and not self._quote_again(timeout_s):  # what was shown is what is paid
            request = self._ask(lambda desk: desk.sum_paid(TenderKind(act.tender)), timeout_s)
            self.confirm(request, timeout_s=max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s)))
        elif not isinstance(act, Pay):
            asked = self._ask(lambda desk: desk.act(act), timeout_s)
            if asked is not None:
                self._codes.later(asked)
            self._quote_again(timeout_s)
        return self._snapshot

    def _quote_again(self, timeout_s: float) -> bool:
        """A receipt of the panel's own goes by who is at the till and what they want to spend; whether it changed."""
        request = self._ask(lambda desk: desk.sum_again(), timeout_s) if self._snapshot.sale is not None else None
        if request is not None:
            self.quote(request, timeout_s=timeout_s)
        return request is not None

    def panel_clear(self, *, timeout_s: float) -> Snapshot:
        """Back to IDLE."""
        self._ask(lambda desk: desk.clear(), timeout_s)
        self._quote_again(timeout_s)
        return self._snapshot

    def document_printed(self, device: str, document: Document, *, timeout_s: float) -> Sequence[str]:
        """A document ended on a printer's stream: the loyalty lines to add, or () when there are none in time.

        The work is done even when the printer could not wait for it: the receipt counts, only its slip is missing.
        """
        if document.kind is DocumentKind.REPORT:
            self.report_s = time.monotonic()
        if document.kind is DocumentKind.REPORT and self._training is not None:
            self._ask(lambda _: self._end_training(), timeout_s, abandon=False, is_real=True)  # the shift is over
        if document.receipt is not None and document.receipt.closed_at is not None:
            self.told_time(device, document.receipt.closed_at)
        try:
            return self._ask(lambda desk: desk.printed(device, document), timeout_s, abandon=False, what="print")
        except CheckoutRefused as refused:
            log.warning("slip.none device=%s reason=%s", device, refused)
            return ()

    def offer_inside(self, device: str, document: Document, *, timeout_s: float) -> InsideOffer | None:
        """What may be taken off a receipt that is open in a register; None when there is no answer in time."""
        request = request_of(document)
        if request is None or self._training is not None:  # no real price goes down for an invented customer
            return None
        began_s = time.monotonic()
        try:
            if document.codes:
                asked = request
                request = self._ask(lambda desk: desk.named(asked, document.codes), timeout_s)
            answer = self.quote(request, timeout_s=timeout_s)
            left_s = max(LEAST_WAIT_S, timeout_s - (time.monotonic() - began_s))
            return self._ask(lambda desk: desk.offer_inside(answer, document), left_s)
        except CheckoutRefused as refused:
            log.warning("inside.none device=%s reason=%s", device, refused)
            return None

    def receipt_dropped(self, quoted: str) -> None:
        """A receipt that was quoted while it was open was cancelled; never waits."""
        command = _Command(lambda desk: desk.cancel(contract.CancelRequest(receipt_uid=quoted)))
        try:
            self._inbox.put_nowait(command)
        except queue.Full:
            self.dropped_events += 1  # the quote ends by itself, and what is held for it

    def run_on_till(self, work: Callable[[Desk], T], *, timeout_s: float) -> T:
        """Run `work` on the till thread (settling what the centre acknowledged, say)."""
        return self._ask(work, timeout_s, abandon=False, is_real=True)

    # ── The thread ──────────────────────────────────────────────────────────────────────────────

    def _ask(
        self,
        work: Callable[[Desk], T],
        timeout_s: float,
        *,
        abandon: bool = True,
        is_real: bool = False,
        what: str = "other",
    ) -> T:
        """Put work into the inbox and wait; work whose asker has gone is not begun.

        In training it is done on the training's desk, unless it `is_real` work.
        """
        if self._broken:
            raise CheckoutRefused(self._broken, code="no_store")
        if not is_real:
            self.asked_s = time.monotonic()
        command = _Command(work, is_real=is_real, what=what)
        try:
            self._inbox.put(command, timeout=timeout_s)
        except queue.Full:
            raise CheckoutRefused("the till is busy; try again, the sale may go on without it", code="busy") from None
        if not command.done.wait(timeout_s):
            command.abandoned = abandon
            raise CheckoutRefused(f"no answer within {timeout_s:g} s; the sale may go on, ask again", code="timeout")
        if command.error is not None:
            raise command.error
        answer: T = command.answer
        return answer

    def _run(self) -> None:
        """Top of the thread."""
        try:
            self._desk = self._open_desk()
        except Exception as error:  # noqa: BLE001 - top of the thread: it becomes a state that everybody can read
            self._broken = str(error) or type(error).__name__
            log.error("till.broken reason=%s", self._broken)  # noqa: TRY400 - a sentence for store IT, not a trace
            self._publish_notice(self._broken)
        self._ready.set()
        if self._desk is None:
            self._refuse_until_stopped()
            return
        self._publish()
        ticked_s = time.monotonic()
        while True:
            self.came_round_s = time.monotonic()
            try:
                item = self._inbox.get(timeout=TICK_S)
            except queue.Empty:
                self._tick()
                ticked_s = time.monotonic()
                continue
            if item is None:
                break
            if isinstance(item, _Command):
                self._obey(item)
            else:
                self._guard(partial(self._hear, item))
            if time.monotonic() - ticked_s >= TICK_LATE_S:
                # Asked without a pause (a long report is being read), it does its idle work all the same.
                self._tick()
                ticked_s = time.monotonic()
        if self._training is not None:
            self._training.close()
        self._desk.close()

    def _refuse_until_stopped(self) -> None:
        while (item := self._inbox.get()) is not None:
            if isinstance(item, _Command):
                item.error = CheckoutRefused(self._broken, code="no_store")
                item.done.set()

    def _obey(self, command: _Command) -> None:
        """One command: its answer or its error goes back to the asker; the snapshot is out before the answer."""
        if command.abandoned or self._desk is None:
            return
        began_s = time.perf_counter()
        try:
            desk = self._desk if command.is_real or self._training is None else self._training.desk
            command.answer = self._try(command.work, desk)
        except CheckoutRefused as refused:
            command.error = refused
        except Exception as error:
            log.exception("till.command")
            command.error = self._desk.failed(error)
        self._publish()
        self.tally.add(command.what, time.perf_counter() - began_s)
        command.done.set()

    @staticmethod
    def _try(work: Callable[[Desk], Any], desk: Desk) -> Any:
        """Do it; once more after the disk was full or had failed and was brought back."""
        try:
            return work(desk)
        except StoreError as error:
            if not desk.recover(error):
                raise
            log.warning("till.again reason=%s", error)
            return work(desk)

    def _guard(self, work: Callable[[Desk], object]) -> None:
        """Work nobody waits for."""
        if self._desk is None:
            return
        try:
            self._try(work, self._desk)
        except CheckoutRefused as refused:
            log.info("till.event refused=%s", refused)
        except StoreError as error:
            self._desk.failed(error)
            if str(error) != self._trouble:  # a disk that has failed fails every second; said once
                self._trouble = str(error)
                log.error("till.store reason=%s", error)  # noqa: TRY400 - a sentence for store IT, not a trace
        except Exception as error:
            log.exception("till.event")
            self._desk.failed(error)
        self._publish()

    def _tick(self) -> None:
        """Idle work of both desks; a training whose time is up ends."""
        if self._training is not None:
            self._guard(self._tick_training)
        self._guard(lambda desk: desk.tick())
        self._guard(self._ask_late)

    def _ask_late(self, desk: Desk) -> None:
        """Whose receipts are that were closed without a line."""
        asked = desk.want_late() if self._training is None else None
        if asked is not None:
            self._lookups.later(asked)  # with too many waiting it is asked some seconds later

    def _tick_training(self, desk: Desk) -> None:
        """A training that fails ends: nothing of it may cost a real receipt."""
        training = self._training
        if training is None:
            return
        try:
            if not training.is_over(desk.clock.now()):
                training.desk.tick()
                return
        except Exception:
            log.exception("training.fault")
        self._end_training()

    def _train(self, desk: Desk, act: Train) -> None:
        """On the till thread, with the real desk: training begins or ends."""
        if not act.on:
            self._end_training()
        elif not act.supervisor:
            raise CheckoutRefused("a supervisor's PIN begins a training", code="needs_supervisor")
        elif self._training is None:
            desk.clear()
            self._training = open_training(desk, lasts=desk.rules.training)
            log.info("training.begun until=%s", self._training.until.isoformat(timespec="seconds"))

    def _end_training(self) -> None:
        if self._training is None:
            return
        training, self._training = self._training, None
        training.close()
        if self._desk is not None:
            self._desk.shown = None  # what was shown last was the training's
        log.info("training.ended")

    def _hear(self, event: Heard, desk: Desk) -> None:
        if isinstance(event, LookupDone) and isinstance(event.asked, AskedLate):
            desk.named_late(event.asked, event.answer)
            self._ask_late(desk)
        elif isinstance(event, CodeScanned | BankCardRead | LookupDone | LookupSlow | CodeDone):
            self.scanned_s = time.monotonic()
            self._hear_of_customer(event, desk if self._training is None else self._training.desk)
        elif isinstance(event, DeviceStateChanged):
            desk.device_changed(event)
            if self._training is not None:
                self._training.desk.device_changed(event)
        elif isinstance(event, LinkChanged):
            desk.link_changed(event.state, event.detail)
            self._ask_late(desk)
        elif isinstance(event, ReplicaChanged):
            desk.replica_changed()
        elif isinstance(event, CareChanged):
            desk.care = event.care
        elif isinstance(event, ReplicaLoading):
            desk.loading_percent = None if event.of == 0 else 100 * event.done // event.of

    def _hear_of_customer(
        self, event: CodeScanned | BankCardRead | LookupDone | LookupSlow | CodeDone, desk: Desk
    ) -> None:
        """What a scanner read, and what the centre says of it."""
        if isinstance(event, LookupDone):
            if isinstance(event.asked, AskedLate):
                return  # heard on the real desk
            desk.scan_asked(event.asked, event.answer, is_awaited=False)
        elif isinstance(event, CodeDone):
            desk.code_answered(event.asked, event.answer)
        elif isinstance(event, LookupSlow):
            desk.asking_takes_long(event.turn)
        else:
            found = desk.scanned(event)
            if found is not None and not self._lookups.later(found):
                desk.scan_asked(found, None, is_awaited=True)

    def _publish(self) -> None:
        """Tell everybody, when something changed."""
        if self._desk is None:
            return
        try:
            shown = self._training if self._training is not None else self._desk
            fresh = shown.snapshot(self._snapshot.version)
        except StoreError as error:
            self._publish_notice(self._desk.notice or str(error))
            return
        if fresh is None:
            return
        self._tell(fresh)

    def _publish_notice(self, sentence: str) -> None:
        """What was last seen, with a sentence: the file cannot be asked now."""
        from msgspec.structs import replace

        if sentence != self._snapshot.notice:
            self._tell(replace(self._snapshot, version=self._snapshot.version + 1, notice=sentence))

    def _tell(self, fresh: Snapshot) -> None:
        self._snapshot = fresh
        for changed in self._subscribers:
            changed(fresh)
