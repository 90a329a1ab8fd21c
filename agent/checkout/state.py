"""What a desk knows and what every step asks of it: who is known, what the engine decides, how slips look.

It changes nothing; the steps (`quoting`, `closing`, `returning`) do, on the till thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.checkout.codes.recogniser import Recogniser
from agent.checkout.customers.consents import SHIPPED_CONSENTS, ConsentText
from agent.checkout.customers.knowledge import Knowledge, Known
from agent.checkout.customers.limits import LimitRules, stands
from agent.checkout.customers.sale_codes import SaleCode
from agent.checkout.in_hand.coupon_guard import guarded
from agent.checkout.in_hand.coupons import coupon_facts
from agent.checkout.programmes import Programmes
from agent.checkout.records import Closed, Current, Open, read
from agent.clock import Clock
from agent.loyalty import Programme, SpendAsk, evaluate, fiscal_discounts
from agent.slips.compose import SlipStyle
from agent.slips.names import names_of
from agent.snapshot import DeviceView, LinkState, Snapshot
from drivers.vocabulary.customer import CertificateFact, CouponFact
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import Receipt, TenderKind
from drivers.vocabulary.value_leases import ValueKind
from offline_queue.store import TillStore

if TYPE_CHECKING:
    from agent.checkout.slips_again import SlipOutlet

__all__ = ["DeskRules", "DeskState", "TillName"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillName:
    """Which till this is, as the centre named it at enrolment."""

    shop: str
    till: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """Settings the desk works by.

    Attributes:
        refuses_single_use: without a line, coupons of one use count only under a lease.
        leased: what this till would like to have in its hand, to take it without a line.
        awaits_print: how long a sale confirmed over the API waits for its print; a register that is read out may be
            away for weeks.
        consents: what somebody is asked for who would like to join at the panel.
        panel_language: what the panel's own sentences are in; "" is the slip's.
        standalone: no till system makes the receipts: the cashier types their sums.
        qr_keys: public keys (base64) of whoever signs the codes of the customers' app.
        attach_within: how old a receipt may be that becomes somebody's.
        same_code_s: the same code within so many seconds is one scan.
        limits: against misuse of cards.
        training: how long a training lasts, unless it is ended before.
        codes: the centre sends one-time codes that prove whose points are spent.
    """

    currency: str
    hide_after: timedelta
    forget_after: timedelta
    points_cap: int
    refuses_single_use: bool
    leased: frozenset[ValueKind] = frozenset(ValueKind)
    hold_for: timedelta
    keep: timedelta
    columns: int
    slip: SlipStyle
    awaits_print: timedelta = timedelta(hours=24)
    consents: tuple[ConsentText, ...] = SHIPPED_CONSENTS
    panel_language: str = ""
    standalone: bool = False
    qr_keys: tuple[str, ...] = ()
    attach_within: timedelta = timedelta(days=14)
    same_code_s: float = 2.0
    codes: bool = False
    limits: LimitRules = field(default_factory=LimitRules)
    training: timedelta = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class DeskState:
    """One till's desk, as far as it only knows.

    Attributes:
        recogniser: what a code is (card, phone, product …); pure.
        prints_are_seen: True when an in-line printer shows us what the POS prints: a confirmed sale awaits its print.
        reports_are_read: True when a POS's reports are read: a receipt may be told twice, under two names.
        programmes: which programme is in force, and why a newer one is not.
        turn: grows with each code, and whenever somebody else may be at the till from now on.
        asking: the turn for which the centre is being asked; 0 for none.
        slips: printers of our own, None without any.
        unnamed_at: when the centre was last asked whose a closed receipt is, and has not answered; None otherwise.
        sale_codes: one-time codes that a POS asked for, by the receipt's uid.
        slips_wait: what they are told of when the commit of several receipts is on disk; None while each has its own.
        care: what store IT should see to soon, for the panel (`agent.service.health`).
        written: how many envelopes of each kind were written since the start.
        sealing_key: the centre's public key (hex): a phone at an enrolment is sealed to it; "" before it was told.
        leases_asked: for which (customer, unit) leases were asked for and an answer came: at which uptime, and which
            visit of the customer was the last then.
        leases_asking: what the last report asks for, with that visit.
        leases_wanted_whole: the centre wants to know every lease this till holds.
        scanned_last: a number made of the code that was scanned last, and at which uptime.
        codes_none_until_s: until this uptime the centre is not asked for one-time codes: it said that it sends none.
        typed: the number nobody was found by, in memory alone, so that joining need not ask for it again.
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
    reports_are_read: bool = False
    sealing_key: str = ""
    care: tuple[str, ...] = ()
    written: dict[str, int] = field(default_factory=dict)
    slips: SlipOutlet | None = None
    slips_wait: list[tuple[str, Closed]] | None = None
    unnamed_at: datetime | None = None
    sale_codes: dict[str, SaleCode] = field(default_factory=dict, repr=False)
    shown: Snapshot | None = None
    turn: int = 0
    asking: int = 0
    leases_asked: dict[tuple[str, str], tuple[float, datetime]] = field(default_factory=dict)
    leases_asking: dict[tuple[str, str], datetime] = field(default_factory=dict)
    leases_wanted_whole: bool = False
    scanned_last: tuple[int, float] | None = field(default=None, repr=False)
    codes_none_until_s: float = 0.0
    typed: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self.programme = self.programmes.current
        self.current = read(self.store, "desk", "current", Current)
        self.last_receipt = read(self.store, "desk", "last", dict[str, str]) or {}

    @property
    def may_join(self) -> bool:
        """Whether somebody new can be taken up here: their phone needs the centre's key to be sealed to."""
        return bool(self.knowledge.tenant_keys and self.sealing_key)

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
        """Whose receipt it is: as asked, else as identified for this receipt, else whoever is at the till.

        Nobody's, when a hard limit against misuse stands and no supervisor has answered for it.
        """
        at_till = self.current.customer_id if self.current is not None else None
        found = asked or (opened.customer_id if opened is not None else None) or at_till
        return None if found == at_till and stands(self.current) else found

    def is_presented(self, customer_id: str) -> bool:
        """Whether this customer is at the till and showed a card or an app."""
        return self.current is not None and self.current.customer_id == customer_id and self.current.presented

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
        coupons_refused: Mapping[str, str] = MappingProxyType({}),
    ) -> Decision:
        """The engine's decision; without a programme nothing is taken off and nothing is earned.

        `closed` takes the receipt as it is: only earning acts. `coupons_refused` is why coupons are not to be had for
        this receipt, by serial.
        """
        if self.programme is None:
            nothing = receipt.total.with_minor(0)
            return Decision(programme_version=0, total=receipt.total, discount=nothing, payable=receipt.total)
        customer = known.customer if known is not None else None
        coupons = self.coupons_of(receipt, known)
        customer, coupons = guarded(self, receipt.uid, customer, coupons, coupons_refused)
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

    def coupons_of(self, receipt: Receipt, known: Known | None) -> dict[str, CouponFact]:
        """What is known here of the codes shown for a receipt."""
        customer = known.customer if known is not None else None
        return coupon_facts(self.programme, self.store, self.knowledge.replica, receipt.coupons, customer)

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
