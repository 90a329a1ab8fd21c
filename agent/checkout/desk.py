"""The desk: what one till does with a receipt in progress; lives on the till thread and writes through one store.

It knows no thread, no HTTP and no device; time comes from the clock it is given. Closing a receipt is in `closing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from msgspec.structs import replace

from agent.checkout import closing, quoting, returning, view, writing
from agent.checkout.codes import Recogniser
from agent.checkout.knowledge import Knowledge, Known
from agent.checkout.records import AwaitingPrint, Closed, Current, Hold, Open, read, read_all, write
from agent.clock import Clock
from agent.loyalty import Programme, SpendAsk, evaluate
from agent.slips.compose import SlipStyle
from agent.snapshot import DeviceView, LinkState, Screen, Snapshot
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import DeviceStateChanged, Document
from drivers.vocabulary.receipt import Receipt
from offline_queue.errors import StoreFull, StoreUnavailable
from offline_queue.store import TillStore

__all__ = ["Desk", "DeskRules", "TillName"]

OPEN_KEPT: Final = timedelta(hours=24)  # a receipt that was neither confirmed nor cancelled within a day never will be
PRUNE_EVERY: Final = timedelta(hours=1)
PRUNE_CHUNKS_MAX: Final = 20  # 2 560 envelopes an hour: more than a till makes, less than a sale would notice
TEND_EVERY: Final = timedelta(seconds=10)
JOURNAL_BYTES_MAX: Final = 512 * 1024 * 1024  # a year of a busy till; a small disk must never fill with history


@dataclass(frozen=True, slots=True, kw_only=True)
class TillName:
    """Which till this is, as the centre named it at enrolment."""

    shop: str
    till: str
    epoch: int
    enrolled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """Settings the desk works by."""

    currency: str
    zone: tzinfo
    hide_after: timedelta
    forget_after: timedelta
    points_cap: int
    hold_for: timedelta
    keep: timedelta
    columns: int
    slip: SlipStyle


@dataclass(slots=True, kw_only=True)
class Desk:
    """One till's desk.

    Attributes:
        recogniser: what a code is (card, phone, product …); pure.
        prints_are_seen: True when an in-line printer shows us what the POS prints: a confirmed sale awaits its print.
        load_programme: reads and compiles the programme in the replica; None when there is none or it is unusable.
    """

    store: TillStore
    knowledge: Knowledge
    clock: Clock
    name: TillName
    rules: DeskRules
    recogniser: Recogniser
    load_programme: Callable[[], Programme | None]
    devices: dict[str, DeviceView] = field(default_factory=dict)
    link: LinkState = LinkState.UNKNOWN
    offline_since: datetime | None = None
    programme: Programme | None = None
    current: Current | None = None
    notice: str = ""
    link_detail: str = ""
    last_receipt: dict[str, str] = field(default_factory=dict)
    pruned_at: datetime | None = None
    tended_at: datetime | None = None
    prints_are_seen: bool = False
    shown: Snapshot | None = None

    def __post_init__(self) -> None:
        self.programme = self.load_programme()
        self.current = read(self.store, "desk", "current", Current)
        self.last_receipt = read(self.store, "desk", "last", dict[str, str]) or {}

    def close(self) -> None:
        """Give the files back."""
        self.knowledge.replica.close()
        self.store.close()

    def slip_style(self) -> SlipStyle:
        """How slips look; the title is the programme's."""
        title = self.programme.title if self.programme is not None else ""
        return replace(self.rules.slip, title=title if self.rules.slip.title else "")

    def tier_title(self, tier: str) -> str:
        """A tier by the name people know."""
        tiers = self.programme.tiers if self.programme is not None else ()
        return next((one.title or one.id for one in tiers if one.id == tier), tier)

    # ── Who ─────────────────────────────────────────────────────────────────────────────────────

    def identify(self, request: contract.IdentifyRequest) -> contract.IdentifyAnswer:
        """Recognise a code and look the customer up; what was found becomes the customer at the till."""
        now = self.clock.now()
        recognised = self.recogniser.recognise(request.code, presented=request.presented)
        if recognised.identifier is None:
            return self._show(Screen.NOT_LOYALTY, contract.IdentifyState.NOT_LOYALTY, recognised.product, now)
        mask = recognised.identifier.mask
        customer_id = self.knowledge.find(recognised.identifier)
        known = None if customer_id is None else self.known(customer_id)
        if known is None:
            return self._show(Screen.NOT_FOUND, contract.IdentifyState.NOT_FOUND, mask, now)
        if known.customer.blocked:
            return self._show(Screen.BLOCKED, contract.IdentifyState.BLOCKED, mask, now)
        presented = recognised.identifier.presented
        self._attach(known.customer.id, presented=presented, mask=mask, receipt_uid=request.receipt_uid, now=now)
        return contract.IdentifyAnswer(
            state=contract.IdentifyState.FOUND,
            mask=mask,
            customer=known.customer,
            balances=known.balances(now),
            seen_at=datetime.fromisoformat(known.seen_at),
        )

    def clear(self) -> None:
        """Nobody is at the till any more."""
        if self.current is not None:
            with self.store.transaction() as tx:
                tx.delete("desk", "current")
            self.current = None
        self.notice = ""

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

    def _show(
        self,
        screen: Screen,
        state: contract.IdentifyState,
        mask: str,
        now: datetime,
    ) -> contract.IdentifyAnswer:
        """A code that names nobody: a customer who is already at the till stays."""
        if self.current is None or self.current.customer_id is None:
            self._set_current(Current(screen=screen.value, touched_at=now, mask=mask))
        else:
            self.notice = screen.value
        return contract.IdentifyAnswer(state=state, mask=mask)

    def _attach(self, customer_id: str, *, presented: bool, mask: str, receipt_uid: str | None, now: datetime) -> None:
        current = Current(
            screen=Screen.FOUND.value, touched_at=now, customer_id=customer_id, presented=presented, mask=mask
        )
        opened = None
        if receipt_uid is not None:
            before = read(self.store, "checkout", receipt_uid, Open) or Open(uid=receipt_uid, touched_at=now)
            opened = replace(before, customer_id=customer_id, presented=presented, touched_at=now)
        self.notice = ""
        self._set_current(current, opened)

    def _set_current(self, current: Current, opened: Open | None = None) -> None:
        with self.store.transaction() as tx:
            write(tx, "desk", "current", current)
            if opened is not None:
                write(tx, "checkout", opened.uid, opened)
        self.current = current

    # ── How much ────────────────────────────────────────────────────────────────────────────────

    def quote(self, request: contract.QuoteRequest) -> contract.QuoteAnswer:
        """Decide on the basket as it is now."""
        return quoting.quote(self, request)

    def hold(self, request: contract.HoldRequest, grant: HoldGrant | None) -> contract.HoldAnswer:
        """Reserve points: as the centre granted, or within the offline cap when it could not be asked."""
        return quoting.hold(self, request, grant)

    def decide(
        self,
        receipt: Receipt,
        known: Known | None,
        now: datetime,
        *,
        ask: SpendAsk | None = None,
        closed: bool = False,
    ) -> Decision:
        """The engine's decision; without a programme nothing is taken off and nothing is earned.

        `closed` takes the receipt as it is: only earning acts.
        """
        if self.programme is None:
            nothing = receipt.total.with_minor(0)
            return Decision(programme_version=0, total=receipt.total, discount=nothing, payable=receipt.total)
        customer = known.customer if known is not None else None
        return evaluate(self.programme, receipt, customer, now, points=ask or SpendAsk.none(), closed=closed)

    # ── Closing ─────────────────────────────────────────────────────────────────────────────────

    def confirm(self, request: contract.ConfirmRequest, *, source: str) -> contract.ConfirmAnswer:
        """The receipt is closed."""
        return closing.confirm(self, request, source=source)

    def refund(self, request: contract.RefundRequest, *, source: str) -> contract.RefundAnswer:
        """A return is closed."""
        return returning.refund(self, request, source=source)

    def printed(self, device: str, document: Document) -> tuple[str, ...]:
        """A document ended on a printer's stream; the lines to print with it."""
        return closing.printed(self, device, document)

    def cancel(self, request: contract.CancelRequest) -> contract.CancelAnswer:
        """Free holds, forget the quote, send the customer away."""
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
            for key, hold in holds:
                tx.delete("hold", key)
                if hold.id:
                    writing.append_release(self, tx, hold)
            tx.delete("desk", "current")
        self.current = None
        self.notice = ""
        return contract.CancelAnswer(receipt_uid=uid, cancelled=True)

    def check_currency(self, receipt: Receipt) -> None:
        """A till has one currency; another is a wiring mistake that must be named."""
        wanted = self.programme.currency if self.programme is not None else self.rules.currency
        if receipt.currency != wanted:
            raise CheckoutRefused(
                f"the receipt is in {receipt.currency}, this till works in {wanted}", code="wrong_money", field="total"
            )

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

    def replica_changed(self) -> None:
        """Balances or the programme changed."""
        fresh = self.load_programme()
        if fresh is not None and (self.programme is None or fresh.version > self.programme.version):
            self.programme = fresh

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
        if self.current is not None and now - self.current.touched_at > self._stays():
            self.clear()
        if self.tended_at is None or now - self.tended_at >= TEND_EVERY:
            self.tended_at = now
            self.store.tend()
        if self.pruned_at is not None and now - self.pruned_at < PRUNE_EVERY:
            return
        self.pruned_at = now
        old = [
            ("checkout", key) for key, one in read_all(self.store, "checkout", Open) if now - one.touched_at > OPEN_KEPT
        ]
        old += [("hold", key) for key, one in read_all(self.store, "hold", Hold) if one.expires_at <= now]
        old += [
            ("print", key)
            for key, one in read_all(self.store, "print", AwaitingPrint)
            if now - one.closed_at > OPEN_KEPT
        ]
        if old:
            with self.store.transaction() as tx:
                for collection, key in old:
                    tx.delete(collection, key)
        writing.prune_closed(self, now - self.rules.keep)
        for _ in range(PRUNE_CHUNKS_MAX):
            if not self.store.prune(now=now, keep_days=self.rules.keep.days, keep_bytes=JOURNAL_BYTES_MAX):
                break

    def _stays(self) -> timedelta:
        """How long the screen stays without use: a customer long enough to scan a full trolley, a message shortly."""
        is_customer = self.current is not None and self.current.customer_id is not None
        return self.rules.forget_after if is_customer else self.rules.hide_after

    def snapshot(self, version: int) -> Snapshot | None:
        """A fresh snapshot, or None when nothing that is shown has changed."""
        fresh = view.snapshot(self, version + 1)
        if self.shown is not None and replace(fresh, version=self.shown.version) == self.shown:
            return None
        self.shown = fresh
        return fresh
