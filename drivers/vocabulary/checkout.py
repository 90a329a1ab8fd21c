"""The checkout contract every till protocol speaks: identify → quote → hold → confirm | cancel → refund.

Everything is keyed by the receipt uid. Any call may be repeated: the same uid with the same body gets the same answer,
with another body it is refused by name. Confirm stands alone: it may arrive without any call before it.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct

from drivers.vocabulary.customer import CertificateFact, Customer, PointsUnit
from drivers.vocabulary.decision import Decision, UnitGroup
from drivers.vocabulary.joining import CONSENTS_MAX, ConsentGiven
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import AwareTime, Receipt, ReceiptUid, TenderKind

__all__ = [
    "AttachAnswer",
    "AttachRequest",
    "CancelAnswer",
    "CancelRequest",
    "CertificateAnswer",
    "CertificateCode",
    "CertificateRefill",
    "Checkout",
    "ConfirmAnswer",
    "ConfirmRequest",
    "EnrolCustomerAnswer",
    "EnrolCustomerRequest",
    "EnrolState",
    "HoldAnswer",
    "HoldRequest",
    "IdentifyAnswer",
    "IdentifyRequest",
    "IdentifyState",
    "LineQuote",
    "PointsBalance",
    "QuoteAnswer",
    "QuoteRequest",
    "RefundAnswer",
    "RefundRequest",
]

CERTIFICATES_MAX: Final = 4  # each is asked on line while the customer waits

Code = Annotated[str, Meta(min_length=1, max_length=200)]
CustomerId = Annotated[str, Meta(min_length=1, max_length=64)]


class _Message(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A message of the contract: an unknown field is an error that names it."""


class IdentifyState(Enum):
    """What became of a code.

    NOT_LOYALTY is a product or a marking code: never looked up as a customer. PARTNER is the card of a partner whose
    cards count here, and of nobody we know; NOT_TAKING_PART is the card of a partner whose cards do not. EXPIRED is an
    app's code that is over or was used here already: a fresh one is needed. RECEIPT names a closed receipt; without a
    receipt uid in the request it is given to the customer at the till.
    """

    FOUND = "found"
    NOT_FOUND = "not_found"
    NOT_LOYALTY = "not_loyalty"
    BLOCKED = "blocked"
    PARTNER = "partner"
    NOT_TAKING_PART = "not_taking_part"
    EXPIRED = "expired"
    RECEIPT = "receipt"


class PointsBalance(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """A customer's points of one unit, as this till sees them.

    Attributes:
        available: active and not expired, own unsent entries counted.
        pending: not active yet.
        expiring: how many expire next, on `expiring_at`.
    """

    unit: PointsUnit
    available: int
    pending: int = 0
    expiring: int = 0
    expiring_at: AwareTime | None = None


class IdentifyRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """Who is it: a scanned or typed code, or a customer the till already knows by id.

    With a receipt uid the customer is attached to that receipt.

    Attributes:
        code: as it was scanned or typed; "" goes with `customer_id`.
        customer_id: who it is, as an earlier answer named them; then there is no code.
        presented: True when the code was scanned from a card or an app, False when digits were typed.
    """

    code: Annotated[str, Meta(max_length=200)] = ""
    customer_id: CustomerId | None = None
    presented: bool = False
    receipt_uid: ReceiptUid | None = None

    def __post_init__(self) -> None:
        if bool(self.code) == (self.customer_id is not None):
            raise ValueError("who is it: either code or customer_id")


class IdentifyAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """Who it is; `seen_at` is when the centre last told us about this customer.

    Attributes:
        partner: whose card it is, when it is not our own: the title in the programme.
    """

    state: IdentifyState
    mask: str = ""
    customer: Customer | None = None
    balances: tuple[PointsBalance, ...] = ()
    seen_at: AwareTime | None = None
    partner: str = ""


class CertificateCode(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """A gift certificate as it was shown; the agent asks the centre what it pays. The code is never written down.

    Attributes:
        pin: digits the customer tells, for a certificate that has them.
    """

    code: Code
    pin: Annotated[str, Meta(pattern=r"^([0-9]{4,12})?$")] = ""

    def __repr__(self) -> str:
        return "CertificateCode(…)"


class CertificateAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one certificate that was shown by its code.

    Attributes:
        mask: the end of its code, to show.
        certificate: what it has, under the name the decision pays with; None when it pays nothing.
        refused: why it pays nothing: "certificate_offline" (the centre could not be asked in time),
            "certificate_unknown", "certificate_blocked", "certificate_pin_needed", "certificate_pin_wrong",
            "certificate_locked", "certificate_empty", "certificate_held" (another receipt has it),
            "certificate_elsewhere" (another till holds it and was asked to give it up: try again in a minute),
            "certificate_restoring" (the centre waits for its tills after a back-up).
        elsewhere: so much more of it is held by another till, which was asked to give it up.
    """

    mask: str
    certificate: CertificateFact | None = None
    refused: str = ""
    elsewhere: Money | None = None


class CertificateRefill(_Message, frozen=True, kw_only=True):
    """Money of a return that goes back onto a certificate, and not into the customer's hand."""

    code: str
    amount: Money


class EnrolState(Enum):
    """What became of an enrolment. KNOWN: the phone is a customer's already, and nothing was written down."""

    ENROLLED = "enrolled"
    KNOWN = "known"
    BLOCKED = "blocked"


class EnrolCustomerRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody wants to become a customer. With a receipt uid the customer is attached to that receipt.

    Attributes:
        phone: as typed.
        name: as the person wishes to be called, or "".
        consents: what the person was asked and said; the shop's own purposes and texts.
        cashier: who asked, as the till names cashiers.
    """

    phone: Annotated[str, Meta(min_length=1, max_length=32)]
    consents: Annotated[tuple[ConsentGiven, ...], Meta(min_length=1, max_length=CONSENTS_MAX)]
    name: Annotated[str, Meta(max_length=200)] = ""
    cashier: Annotated[str, Meta(max_length=80)] = ""
    receipt_uid: ReceiptUid | None = None

    def __repr__(self) -> str:
        return f"EnrolCustomerRequest(cashier={self.cashier!r}, consents={self.consents!r})"


class EnrolCustomerAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """On disk already when it is given; points can be earned under `customer_id` at once.

    Attributes:
        customer_id: the name of the customer; the centre may tell another one later, both mean the same person.
    """

    state: EnrolState
    customer_id: CustomerId
    mask: str
    customer: Customer | None = None
    balances: tuple[PointsBalance, ...] = ()


class QuoteRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """What would this basket cost: the receipt so far, at the till's own prices before loyalty.

    Attributes:
        points: how many points the customer wants to spend; None leaves it to the cashier's panel, 0 spends none.
        points_max: True spends as many as the rules allow.
        points_worth: how much money points are to pay, for a till that asks in money; as many whole points as fit in
            it. It goes before `points` and `points_max`; nothing spends none.
        unit: which points; None means the first the programme lets people spend.
        certificates: gift certificates shown, each with the balance its keeper tells; what they pay is in the answer.
        certificate_codes: gift certificates of the centre, by their codes; the answer says what became of each.
        donate: how many points the customer gives away; None gives none.
        donate_unit: which points; None means the first the programme lets people give.
        announced_tenders: how the customer says it will be paid, before it is; what the receipt states goes before it.
    """

    receipt: Receipt
    customer_id: CustomerId | None = None
    points: Annotated[int, Meta(ge=0)] | None = None
    points_max: bool = False
    points_worth: Money | None = None
    unit: PointsUnit | None = None
    announced_tenders: Annotated[tuple[TenderKind, ...], Meta(max_length=10)] = ()
    certificates: Annotated[tuple[CertificateFact, ...], Meta(max_length=20)] = ()
    certificate_codes: Annotated[tuple[CertificateCode, ...], Meta(max_length=CERTIFICATES_MAX)] = ()
    donate: Annotated[int, Meta(ge=0)] | None = None
    donate_unit: PointsUnit | None = None


class LineQuote(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """What to take off one line, and what remains of it.

    Attributes:
        groups: how to print the line so that quantity × price is the sum (10.00 over 7 pieces: 1 × 1.42, 6 × 1.43);
            empty when nothing is taken off, and for weighed goods that no whole price fits.
    """

    number: int
    discount: Money
    total: Money
    groups: tuple[UnitGroup, ...] = ()


class QuoteAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """What to charge; the till lowers its own prices by it.

    Attributes:
        decision_mark: names this decision; confirm may send it back to say which one was applied.
        certificates: what became of each of `certificate_codes`, in their order.
        spendable_worth: money that `decision.spendable` stands for, per unit.
    """

    receipt_uid: ReceiptUid
    decision_mark: str
    decision: Decision
    lines: tuple[LineQuote, ...]
    payable: Money
    customer_id: CustomerId | None = None
    certificates: tuple[CertificateAnswer, ...] = ()
    spendable_worth: dict[str, Money] = {}


class HoldRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """Reserve points for this receipt until it is confirmed or cancelled."""

    receipt_uid: ReceiptUid
    customer_id: CustomerId
    unit: PointsUnit
    points: Annotated[int, Meta(ge=1)]


class HoldAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """How many points are reserved (all or none) and until when; `reason` says why none."""

    receipt_uid: ReceiptUid
    points: int
    expires_at: AwareTime | None = None
    reason: str = ""
    online: bool = False


class ConfirmRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """The receipt as it was closed: line discounts, total and tenders as printed, the loyalty discount included.

    Attributes:
        customer_id: who bought; None keeps the customer attached by identify or quote.
        code: a card or phone instead of customer_id, for a till that never asked before.
        decision_mark: which quote the till applied; None means the last one for this uid.
        late: True for a sale that was closed some time ago and waited in a queue: whoever is at the till now has
            nothing to do with it, and it is decided as of `receipt.closed_at`.
    """

    receipt: Receipt
    customer_id: CustomerId | None = None
    code: Code | None = None
    decision_mark: str | None = None
    late: bool = False


class ConfirmAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """On disk already when it is given.

    Attributes:
        duplicate: True when this uid was confirmed before; the answer is the first one's.
        claim_code: short code printed on the slip; finds the receipt in the journal and at the centre.
        slip: lines for the customer, ready to print at the till's width.
        difference: paid less quoted, when the till charged something else than the quote said.
    """

    receipt_uid: ReceiptUid
    claim_code: str
    decision: Decision
    customer_id: CustomerId | None = None
    duplicate: bool = False
    balances: tuple[PointsBalance, ...] = ()
    slip: tuple[str, ...] = ()
    difference: Money | None = None


class CancelRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """The sale will not happen: free holds and forget the quote. Cancelling what is unknown is not an error."""

    receipt_uid: ReceiptUid


class CancelAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """`cancelled` is False when there was nothing to cancel."""

    receipt_uid: ReceiptUid
    cancelled: bool


class RefundRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """A return receipt; `receipt.base_uid` names the sale when it is known. The customer may be named instead."""

    receipt: Receipt
    customer_id: CustomerId | None = None


class RefundAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """What the return did to the points; `settled_by_centre` when the original sale is not known here.

    `slip`: lines for the customer, ready to print at the till's width.
    """

    receipt_uid: ReceiptUid
    claim_code: str
    points_given_back: dict[str, int] = {}
    points_taken_back: dict[str, int] = {}
    certificates: tuple[CertificateRefill, ...] = ()
    settled_by_centre: bool = False
    duplicate: bool = False
    slip: tuple[str, ...] = ()


class AttachRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """A closed receipt that was nobody's is to be a customer's.

    Attributes:
        receipt: its uid, the claim code on its slip, or the text of the QR code on the fiscal receipt.
        customer_id: whose it is to be; None takes `code`, and without one the customer at the till.
        code: a card or phone instead of customer_id.
    """

    receipt: Annotated[str, Meta(min_length=1, max_length=200)]
    customer_id: CustomerId | None = None
    code: Code | None = None


class AttachAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """On disk already when it is given.

    Attributes:
        earned: points by unit.
        slip: lines for the customer, ready to print at the till's width.
        duplicate: True when the receipt was this customer's before.
    """

    receipt_uid: ReceiptUid
    customer_id: CustomerId
    earned: dict[str, int] = {}
    balances: tuple[PointsBalance, ...] = ()
    slip: tuple[str, ...] = ()
    duplicate: bool = False


class ReprintRequest(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """The slip of a closed receipt once more; "" is the receipt closed last."""

    receipt_uid: Annotated[str, Meta(max_length=80)] = ""


class ReprintAnswer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of it.

    Attributes:
        printing: whether a printer of ours prints it; without one the lines are for the caller to print.
        trouble: why it does not come at once ("E301 out of paper: …"), or "".
        slip: the lines, at the till's width.
    """

    receipt_uid: ReceiptUid
    printing: bool = False
    trouble: str = ""
    slip: tuple[str, ...] = ()


class Checkout(Protocol):
    """What a till protocol asks of the agent; each call answers within `timeout_s` or raises CheckoutRefused."""

    def identify(self, request: IdentifyRequest, *, timeout_s: float) -> IdentifyAnswer:
        """Who is it."""
        ...

    def enrol(self, request: EnrolCustomerRequest, *, timeout_s: float) -> EnrolCustomerAnswer:
        """Make a customer; on disk before the answer."""
        ...

    def quote(self, request: QuoteRequest, *, timeout_s: float) -> QuoteAnswer:
        """What would this basket cost."""
        ...

    def hold(self, request: HoldRequest, *, timeout_s: float) -> HoldAnswer:
        """Reserve points."""
        ...

    def confirm(self, request: ConfirmRequest, *, timeout_s: float) -> ConfirmAnswer:
        """The receipt is closed; on disk before the answer."""
        ...

    def cancel(self, request: CancelRequest, *, timeout_s: float) -> CancelAnswer:
        """The sale will not happen."""
        ...

    def refund(self, request: RefundRequest, *, timeout_s: float) -> RefundAnswer:
        """A return is closed."""
        ...

    def attach(self, request: AttachRequest, *, timeout_s: float) -> AttachAnswer:
        """Give a closed receipt to a customer; on disk before the answer."""
        ...

    def reprint(self, request: ReprintRequest, *, timeout_s: float) -> ReprintAnswer:
        """The slip of a closed receipt once more."""
        ...
