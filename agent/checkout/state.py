"""What a desk knows and what every step asks of it: who is known, what the engine decides, how slips look.

It changes nothing; the steps (`quoting`, `closing`, `returning`) do, on the till thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from agent.checkout.codes import Recogniser
from agent.checkout.coupons import coupon_facts, without_single_use
from agent.checkout.knowledge import Knowledge, Known
from agent.checkout.programmes import Programmes
from agent.checkout.records import Current, Open, read
from agent.clock import Clock
from agent.loyalty import Programme, SpendAsk, evaluate, fiscal_discounts
from agent.slips.compose import SlipStyle
from agent.slips.names import names_of
from agent.snapshot import DeviceView, LinkState, Snapshot
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import Receipt, TenderKind
from offline_queue.store import TillStore

__all__ = ["DeskRules", "DeskState", "TillName"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillName:
    """Which till this is, as the centre named it at enrolment."""

    shop: str
    till: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """Settings the desk works by."""

    currency: str
    hide_after: timedelta
    forget_after: timedelta
    points_cap: int
    refuses_single_use: bool
    hold_for: timedelta
    keep: timedelta
    columns: int
    slip: SlipStyle


@dataclass(slots=True, kw_only=True)
class DeskState:
    """One till's desk, as far as it only knows.

    Attributes:
        recogniser: what a code is (card, phone, product …); pure.
        prints_are_seen: True when an in-line printer shows us what the POS prints: a confirmed sale awaits its print.
        programmes: which programme is in force, and why a newer one is not.
        turn: grows with each code, and whenever somebody else may be at the till from now on.
        asking: the turn for which the centre is being asked; 0 for none.
        sealing_key: the centre's public key (hex): a phone at an enrolment is sealed to it; "" before it was told.
    """

    store: TillStore
    knowledge: Knowledge
    clock: Clock
    name: TillName
    rules: DeskRules
    recogniser: Recogniser
    programmes: Programmes
    devices: dict[str, DeviceView] = field(default_factory=dict)
    link: LinkState = LinkState.UNKNOWN
    offline_since: datetime | None = None
    programme: Programme | None = None
    current: Current | None = None
    notice: str = ""
    link_detail: str = ""
    loading_percent: int | None = None
    last_receipt: dict[str, str] = field(default_factory=dict)
    pruned_at: datetime | None = None
    tended_at: datetime | None = None
    prints_are_seen: bool = False
    sealing_key: str = ""
    shown: Snapshot | None = None
    turn: int = 0
    asking: int = 0

    def __post_init__(self) -> None:
        self.programme = self.programmes.current
        self.current = read(self.store, "desk", "current", Current)
        self.last_receipt = read(self.store, "desk", "last", dict[str, str]) or {}

    def close(self) -> None:
        """Give the files back."""
        self.knowledge.replica.close()
        self.store.close()

    def slip_style(self) -> SlipStyle:
        """How slips look; the title is the programme's."""
        title = self.programme.title if self.programme is not None else ""
        names = names_of(self.programme, self.rules.slip.language)
        return replace(self.rules.slip, title=title if self.rules.slip.title else "", names=names)

    def tier_title(self, tier: str) -> str:
        """A tier by the name people know."""
        tiers = self.programme.tiers if self.programme is not None else ()
        return next((one.title or one.id for one in tiers if one.id == tier), tier)

    def partner_title(self, partner: str) -> str:
        """A partner by the name people know; "" for one whose cards do not count here."""
        partners = self.programme.file.partners if self.programme is not None else {}
        return partners[partner].title or partner if partner in partners else ""

    def partner_of(self, opened: Open | None) -> str:
        """Whose card was shown for a receipt, or lately at the till; "" is none but our own."""
        if opened is not None and opened.partner:
            return opened.partner
        return self.current.partner if self.current is not None else ""

    def known(self, customer_id: str, *, for_receipt: str = "") -> Known | None:
        """What this till knows of a customer."""
        return self.knowledge.known(customer_id, self.clock.now(), for_receipt=for_receipt)

    def customer_of(self, asked: str | None, opened: Open | None) -> str | None:
        """Whose receipt it is: as asked, else as identified for this receipt, else whoever is at the till."""
        if asked is not None:
            return asked
        if opened is not None and opened.customer_id is not None:
            return opened.customer_id
        return self.current.customer_id if self.current is not None else None

    def decide(
        self,
        receipt: Receipt,
        known: Known | None,
        now: datetime,
        *,
        ask: SpendAsk | None = None,
        closed: bool = False,
        announced_tenders: tuple[TenderKind, ...] = (),
        certificates: tuple[CertificateFact, ...] = (),
        partner: str = "",
        donation: SpendAsk | None = None,
    ) -> Decision:
        """The engine's decision; without a programme nothing is taken off and nothing is earned.

        `closed` takes the receipt as it is: only earning acts.
        """
        if self.programme is None:
            nothing = receipt.total.with_minor(0)
            return Decision(programme_version=0, total=receipt.total, discount=nothing, payable=receipt.total)
        customer = known.customer if known is not None else None
        coupons = coupon_facts(self.programme, self.store, self.knowledge.replica, receipt.coupons, customer)
        if self.rules.refuses_single_use and self.link is not LinkState.ONLINE:
            customer, coupons = without_single_use(self.programme, customer, coupons)
        return evaluate(
            self.programme,
            receipt,
            customer,
            now,
            points=ask or SpendAsk.none(),
            closed=closed,
            announced_tenders=announced_tenders,
            certificates=certificates,
            partner=partner,
            donation=donation or SpendAsk.none(),
            coupons=coupons,
        )

    def charged_off(self, receipt: Receipt, decision: Decision) -> dict[int, int]:
        """Minor units the till takes off each line, as a fiscal receipt can print them."""
        least = self.programme.file.line_left_least if self.programme is not None else None
        return fiscal_discounts(receipt, decision.line_discounts(), left_least=least.minor if least is not None else 0)

    def check_currency(self, receipt: Receipt) -> None:
        """A till has one currency; another is a wiring mistake that must be named."""
        wanted = self.programme.currency if self.programme is not None else self.rules.currency
        if receipt.currency != wanted:
            raise CheckoutRefused(
                f"the receipt is in {receipt.currency}, this till works in {wanted}", code="wrong_money", field="total"
            )
