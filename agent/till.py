"""What doors, drivers and sync may ask of a till; each call is work for its one thread, in one order.

The centre is asked on the caller's thread, within the caller's time, and never while the till waits for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from agent.acts import Act, EnterSum, Pay, Train
from agent.asking import LookupAsker
from agent.checkout.customers import sale_codes
from agent.checkout.customers.guests import Asked
from agent.checkout.customers.spend_proofs import CodeQuestion
from agent.checkout.desk import Desk
from agent.checkout.in_hand.certificates import is_silent, recognise
from agent.checkout.observed.inside import request_of
from agent.code_asking import CodeAsker
from agent.snapshot import Snapshot
from agent.till_loop import Command, TillLoop
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import HoldGrant, LookupWanted
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer
from drivers.vocabulary.receipt import DocumentKind, TenderKind
from drivers.vocabulary.spend_codes import CodeSent, CodeVerdict
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted

__all__ = ["Till"]

log = logging.getLogger(__name__)
T = TypeVar("T")

LEAST_WAIT_S: Final = 0.2  # what is left for the till itself when the centre took all the time there was


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


def _no_line(wanted: CertificateWanted | CouponsWanted | LookupWanted | CodeQuestion) -> None:
    """What a till without a centre hears of a certificate, a coupon, a customer or a one-time code."""
    del wanted


class Till(TillLoop):
    """A till with its thread.

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
        super().__init__(open_desk, first=first, ask_lookup=ask_lookup, ask_code=ask_code)
        self._ask_hold = self._outside(ask_hold)
        self._ask_certificate = self._outside(ask_certificate)
        self._ask_coupons = self._outside(ask_coupons)

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
            return self._ask(
                lambda desk: desk.printed(device, document), timeout_s, abandon=False, counts=True, what="print"
            )
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
        # With a full inbox it is dropped: the quote ends by itself, and what is held for it.
        self._put(Command(lambda desk: desk.cancel(contract.CancelRequest(receipt_uid=quoted))))
