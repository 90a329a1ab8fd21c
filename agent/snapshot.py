"""What the panel and the status API may know: one immutable value, published by the till thread after each change."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from msgspec import Struct

from agent.acts import Act
from drivers.vocabulary.checkout import Checkout, PointsBalance
from drivers.vocabulary.money import Money

__all__ = [
    "CaseView",
    "CodeState",
    "CodeView",
    "ConsentView",
    "CustomerView",
    "DeviceView",
    "LimitView",
    "LinkState",
    "PickView",
    "QuoteView",
    "RedeemView",
    "SaleView",
    "Screen",
    "Snapshot",
    "TillDesk",
    "TrainingView",
    "WishView",
]


class Screen(Enum):
    """Which screen the panel shows; the state machine lives in the agent, so a reload shows the same.

    REDEEM (how many points), ASK (another card was shown) and LIMIT (why so often) are steps with a customer at the
    till, ENROL one without.
    """

    IDLE = "idle"
    FOUND = "found"
    REDEEM = "redeem"
    ASK = "ask"
    LIMIT = "limit"
    ENROL = "enrol"
    PICK = "pick"
    CASE = "case"
    REISSUE = "reissue"
    WITHDRAWN = "withdrawn"
    NOT_FOUND = "not_found"
    BLOCKED = "blocked"
    NOT_LOYALTY = "not_loyalty"


class LinkState(Enum):
    """Whether the centre answers."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    OFFLINE = "offline"
    NOT_ENROLLED = "not_enrolled"


class CustomerView(Struct, frozen=True, kw_only=True):
    """The customer at the till, masked; `seen_at` is when the centre last told us (RFC 3339), `members` of a family."""

    id: str
    name: str
    phone: str
    tier: str
    balances: tuple[PointsBalance, ...]
    seen_at: str
    members: int = 1


class TrainingView(Struct, frozen=True, kw_only=True):
    """Nothing counts; it ends by itself (RFC 3339)."""

    until: str


class PickView(Struct, frozen=True, kw_only=True):
    """Somebody with the digits that were typed, masked; `seen_at` is when they were here last (RFC 3339)."""

    name: str
    phone: str
    seen_at: str


class CaseView(Struct, frozen=True, kw_only=True):
    """What is done for the customer besides a sale, on CASE, REISSUE and WITHDRAWN.

    Attributes:
        needs_supervisor: on REISSUE: nobody has answered for it yet; afterwards the new card is awaited.
        number: on WITHDRAWN: what the customer is told.
    """

    needs_supervisor: bool
    number: str
    may_withdraw_offers: bool


class LimitView(Struct, frozen=True, kw_only=True):
    """A limit against misuse that the customer at the till met: which, how many, and whether it was answered for."""

    limit: str
    count: int
    is_hard: bool
    is_answered: bool


class CodeState(Enum):
    """How far a one-time code is: being sent, with the customer, being looked at, or of no use."""

    ASKING = "asking"
    SENT = "sent"
    CHECKING = "checking"
    FAILED = "failed"


class CodeView(Struct, frozen=True, kw_only=True):
    """The one-time code on REDEEM.

    Attributes:
        reason: why there is none, or why it was not the code; "" for none.
        mask: of the phone it went to.
        digits: after so many it is sent by itself.
        again_at: when another one may be asked for (RFC 3339), "" at once.
    """

    state: CodeState
    reason: str
    mask: str
    digits: int
    tries_left: int
    again_at: str


class RedeemView(Struct, frozen=True, kw_only=True):
    """How many points may be spent, on REDEEM.

    Attributes:
        unit: which points, as the programme calls them to people.
        most: as many as the receipt in progress takes; without one, the balance.
        has_receipt: whether `most` is that of a receipt.
        needs_proof: nothing was shown yet that proves whose points these are.
        can_code: a one-time code may be asked for; False without a line.
        code: the one under way.
    """

    unit: str
    most: int
    has_receipt: bool
    needs_proof: bool
    can_code: bool = False
    code: CodeView | None = None


class WishView(Struct, frozen=True, kw_only=True):
    """What the customer wants to spend; `points` None is the most there may be.

    Attributes:
        is_in_quote: the till has asked for a price since, and the price has it in it.
    """

    unit: str
    points: int | None
    is_in_quote: bool


class ConsentView(Struct, frozen=True, kw_only=True):
    """One thing a person is asked for on ENROL; `text` "" leaves the words to the panel's catalogue."""

    purpose: str
    version: str
    text: str
    required: bool
    given: bool


class QuoteView(Struct, frozen=True, kw_only=True):
    """The last quote for the receipt in progress.

    Attributes:
        notes: what to tell the customer: coupons and certificates that count or do not, gifts, what is still missing.
    """

    receipt_uid: str
    total: Money
    discount: Money
    payable: Money
    earn: dict[str, int]
    spend: dict[str, int]
    spendable: dict[str, int]
    notes: tuple[str, ...] = ()


class SaleView(Struct, frozen=True, kw_only=True):
    """A receipt of the panel's own, where no till system makes one; empty until a sum was typed.

    Attributes:
        earn: points by what people call them.
    """

    total: Money | None = None
    discount: Money | None = None
    payable: Money | None = None
    earn: dict[str, int] = {}


class DeviceView(Struct, frozen=True, kw_only=True):
    """One device and how it is."""

    name: str
    driver: str
    state: str
    detail: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything shown; `version` grows by one with each change, for the life of the process.

    Attributes:
        boot_id: differs after each start of the agent, so a panel notices a restart.
        mask: what was typed or scanned, masked, on NOT_FOUND, BLOCKED and NOT_LOYALTY.
        offline_since: RFC 3339, "" when online.
        link_detail: why the centre cannot be reached or relied on, for store IT; "" when online.
        waiting: envelopes not yet acknowledged; `waiting_oldest_at` is the birth of the oldest.
        shelved: envelopes the centre refused.
        loading_percent: how much of the members is loaded while a till fills its replica; None when it does not.
        notice: a sentence for the cashier, or what became of the last code while a customer stays; "" for none.
        last_receipt: what the last closed receipt did, for a glance.
        programme_trouble: which programme is in force and why a newer one is not, for store IT; "" when all is well.
        may_join: whether this till can take up somebody new.
        has_phone: on ENROL: the number that was looked up is still known, and need not be typed again.
        asked: on ASK: the card that was shown, masked.
        limit: against misuse, that the customer met.
        picks: on PICK: whom the cashier chooses from, three at most.
        case: what is done for the customer besides a sale.
        training: all that is shown is invented; None when it is real.
        sale: the receipt whose sum was typed; None where a till system makes the receipts.
        counts: what was done at the panel today, without a word about whom.
        care: what store IT should see to soon: "disk", "clock"; nothing a cashier has to do anything about.
    """

    version: int
    boot_id: str
    screen: Screen
    shop: str
    till: str
    link: LinkState
    offline_since: str
    waiting: int
    waiting_oldest_at: str
    shelved: int
    programme_version: int
    programme_title: str
    currency: str
    devices: tuple[DeviceView, ...]
    customer: CustomerView | None = None
    mask: str = ""
    quote: QuoteView | None = None
    notice: str = ""
    link_detail: str = ""
    loading_percent: int | None = None
    last_receipt: dict[str, str] = {}
    programme_trouble: str = ""
    may_join: bool = False
    has_phone: bool = False
    asked: str = ""
    limit: LimitView | None = None
    picks: tuple[PickView, ...] = ()
    case: CaseView | None = None
    training: TrainingView | None = None
    redeem: RedeemView | None = None
    wish: WishView | None = None
    consents: tuple[ConsentView, ...] = ()
    sale: SaleView | None = None
    counts: dict[str, int] = {}
    care: tuple[str, ...] = ()


class TillDesk(Checkout, Protocol):
    """What the doors need of the till: the checkout contract, the panel's own actions, and the snapshot."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot; never waits."""
        ...

    def subscribe(self, changed: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call `changed` (on the till thread; it must not wait) after each change; returns how to stop."""
        ...

    def panel_identify(self, code: str, *, presented: bool, replace: bool, timeout_s: float) -> Snapshot:
        """The panel scanned or typed a code; the snapshot says what became of it.

        Another customer than the one at the till is asked about first (ASK), unless `replace` says that it was.
        """
        ...

    def panel_act(self, act: Act, *, timeout_s: float) -> Snapshot:
        """The cashier did something at the panel; raises CheckoutRefused with the reason why it cannot be."""
        ...

    def panel_clear(self, *, timeout_s: float) -> Snapshot:
        """Back to IDLE: detach the customer from the receipt in progress and free what was held."""
        ...
