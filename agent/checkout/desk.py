"""The desk: what one till does with a receipt in progress; lives on the till thread and writes through one store.

It knows no thread, no HTTP and no device; time comes from the clock it is given. Closing a receipt is in `closing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agent.checkout import closing, quoting, returning, view, writing
from agent.checkout.records import AwaitingPrint, Closed, Current, Hold, Open, read, read_all, write
from agent.checkout.state import DeskState
from agent.snapshot import DeviceView, LinkState, Screen, Snapshot
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import DeviceStateChanged, Document
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
