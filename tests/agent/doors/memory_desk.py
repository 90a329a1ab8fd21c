"""A till in memory: a small real TillDesk with three customers, for tests of the doors and the panel."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from agent import acts
from agent.snapshot import CustomerView, DeviceView, LinkState, QuoteView, Screen, Snapshot
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.decision import Decision, PointsEarned
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money, divide_down
from drivers.vocabulary.receipt import Receipt

ANNA = CustomerView(
    id="c-anna",
    name="Анна П.",
    phone="+7900***01",
    tier="Серебро",
    balances=(
        contract.PointsBalance(
            unit="bonus", available=1240, expiring=150, expiring_at=datetime(2026, 11, 30, 20, 59, tzinfo=UTC)
        ),
    ),
    seen_at="2026-10-18T10:50:00+00:00",
)
BORIS = replace(
    ANNA,
    id="c-boris",
    name="Борис К.",
    phone="+7900***02",
    tier="",
    balances=(contract.PointsBalance(unit="bonus", available=15),),
)
CODES = {"79000000001": ANNA, "CARD-17": ANNA, "2000000000015": ANNA, "CARD-18": BORIS, "79000000002": BORIS}
BLOCKED_CODE = "CARD-66"
PRODUCT_CODE = "4600000000008"


class TestClock:
    """Time that stands still until told."""

    __test__ = False

    def __init__(self) -> None:
        self.boot_id = "boot-1"
        self.wall = datetime(2026, 10, 18, 12, 0, tzinfo=UTC)
        self.uptime = 1000.0
        self._drawn = 0

    def now(self) -> datetime:
        return self.wall

    def uptime_s(self) -> float:
        return self.uptime

    def random_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.sha512(str(self._drawn).encode()).digest()[:count]

    def pass_s(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.uptime += seconds


def first_snapshot(boot_id: str = "boot-1") -> Snapshot:
    return Snapshot(
        version=1,
        boot_id=boot_id,
        screen=Screen.IDLE,
        shop="17",
        till="2",
        link=LinkState.ONLINE,
        offline_since="",
        waiting=0,
        waiting_oldest_at="",
        shelved=0,
        programme_version=3,
        programme_title="За покупки — бонусы 5 %, 1 бонус = 1 ₽",
        currency="RUB",
        devices=(
            DeviceView(name="scanner", driver="serial_scanner", state="on", detail=""),
            DeviceView(name="printer", driver="escpos", state="on", detail=""),
        ),
    )


class MemoryDesk:
    """Obeys the TillDesk protocol; `calls` is what it was asked, `blocked` makes it hang until it is set again."""

    def __init__(self, boot_id: str = "boot-1") -> None:
        self._lock = threading.Lock()
        self._snapshot = first_snapshot(boot_id)
        self._subscribers: list[Callable[[Snapshot], None]] = []
        self._closed: dict[str, tuple[bytes, contract.ConfirmAnswer]] = {}
        self._open: set[str] = set()
        self._offered: CustomerView | None = None
        self.calls: list[tuple[str, Any]] = []
        self.free = threading.Event()
        self.free.set()
        self.ignores_deadline = False
        self.breaks_with: Exception | None = None

    # ── Snapshot ──

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def subscribe(self, changed: Callable[[Snapshot], None]) -> Callable[[], None]:
        self._subscribers.append(changed)
        return lambda: self._subscribers.remove(changed)

    @property
    def subscribers(self) -> int:
        return len(self._subscribers)

    def change(self, **fields: Any) -> Snapshot:
        with self._lock:
            self._snapshot = replace(self._snapshot, version=self._snapshot.version + 1, **fields)
        for changed in tuple(self._subscribers):
            changed(self._snapshot)
        return self._snapshot

    def go_offline(self, *, waiting: int = 7) -> None:
        self.change(link=LinkState.OFFLINE, offline_since="2026-10-18T11:05:00+00:00", waiting=waiting)

    def show_quote(self) -> None:
        self.change(
            quote=QuoteView(
                receipt_uid="17-2-1001",
                total=Money.parse("1293.00 RUB"),
                discount=Money.parse("53.00 RUB"),
                payable=Money.parse("1240.00 RUB"),
                earn={"bonus": 62},
                spend={},
                spendable={"bonus": 372},
            )
        )

    # ── Panel ──

    def panel_identify(self, code: str, *, presented: bool, replace: bool = False, timeout_s: float) -> Snapshot:
        self._begin("panel_identify", (code, presented), timeout_s)
        at_till, other = self._snapshot.customer, self._named(code)
        if at_till is not None and other is not None and other.id != at_till.id and not replace:
            self._offered = other
            return self.change(screen=Screen.ASK, asked=f"****{code[-4:]}")
        self._identify(code)
        return self._snapshot

    def panel_act(self, act: acts.Act, *, timeout_s: float) -> Snapshot:
        """Only what an in-memory customer can show; the real steps are tried on a real desk."""
        self._begin("panel_act", act, timeout_s)
        if isinstance(act, acts.ReplaceCustomer) and self._offered is not None:
            self.change(screen=Screen.FOUND, customer=self._offered, asked="")
        elif self._snapshot.customer is not None:
            self.change(screen=Screen.FOUND, asked="")
        return self._snapshot

    def panel_clear(self, *, timeout_s: float) -> Snapshot:
        self._begin("panel_clear", None, timeout_s)
        return self.change(screen=Screen.IDLE, customer=None, quote=None, mask="", notice="")

    # ── Checkout ──

    def identify(self, request: contract.IdentifyRequest, *, timeout_s: float) -> contract.IdentifyAnswer:
        self._begin("identify", request, timeout_s)
        state = self._identify(request.code)
        if state is not Screen.FOUND or self._snapshot.customer is None:
            return contract.IdentifyAnswer(state=contract.IdentifyState(state.value), mask=self._snapshot.mask)
        view = self._snapshot.customer
        return contract.IdentifyAnswer(
            state=contract.IdentifyState.FOUND,
            customer=Customer(id=view.id, name=view.name, phone=view.phone, tier=view.tier),
            balances=view.balances,
            seen_at=datetime.fromisoformat(view.seen_at),
        )

    def enrol(self, request: contract.EnrolCustomerRequest, *, timeout_s: float) -> contract.EnrolCustomerAnswer:
        self._begin("enrol", request, timeout_s)
        digits = re.sub(r"\D", "", request.phone)
        known = CODES.get("7" + digits[-10:])
        state = contract.EnrolState.ENROLLED if known is None else contract.EnrolState.KNOWN
        name = "n-1" if known is None else known.id
        return contract.EnrolCustomerAnswer(state=state, customer_id=name, mask=f"+7{digits[-10:-7]}***{digits[-2:]}")

    def quote(self, request: contract.QuoteRequest, *, timeout_s: float) -> contract.QuoteAnswer:
        self._begin("quote", request, timeout_s)
        receipt = request.receipt
        self._open.add(receipt.uid)
        decision = _decide(receipt, has_customer=request.customer_id is not None)
        lines = tuple(
            contract.LineQuote(number=line.number, discount=line.total.with_minor(0), total=line.total)
            for line in receipt.lines
        )
        return contract.QuoteAnswer(
            receipt_uid=receipt.uid,
            decision_mark="m1",
            decision=decision,
            lines=lines,
            payable=decision.payable,
            customer_id=request.customer_id,
        )

    def hold(self, request: contract.HoldRequest, *, timeout_s: float) -> contract.HoldAnswer:
        self._begin("hold", request, timeout_s)
        if request.points > ANNA.balances[0].available:
            return contract.HoldAnswer(receipt_uid=request.receipt_uid, points=0, reason="not_enough")
        return contract.HoldAnswer(receipt_uid=request.receipt_uid, points=request.points, online=True)

    def confirm(self, request: contract.ConfirmRequest, *, timeout_s: float) -> contract.ConfirmAnswer:
        self._begin("confirm", request, timeout_s)
        uid, body = request.receipt.uid, codec.encode(request)
        if uid in self._closed:
            before, answer = self._closed[uid]
            if before != body:
                raise CheckoutRefused(
                    f"receipt {uid} was confirmed differently", code="different_body", field="receipt"
                )
            return replace(answer, duplicate=True)
        decision = _decide(request.receipt, has_customer=request.customer_id is not None)
        answer = contract.ConfirmAnswer(
            receipt_uid=uid,
            claim_code="7K4M-22",
            decision=decision,
            customer_id=request.customer_id,
            slip=("СТАЛО 1 302",),
        )
        self._closed[uid] = (body, answer)
        return answer

    def cancel(self, request: contract.CancelRequest, *, timeout_s: float) -> contract.CancelAnswer:
        self._begin("cancel", request, timeout_s)
        if request.receipt_uid in self._closed:
            raise CheckoutRefused("the receipt is closed", code="already_closed", field="receipt_uid")
        known = request.receipt_uid in self._open
        self._open.discard(request.receipt_uid)
        return contract.CancelAnswer(receipt_uid=request.receipt_uid, cancelled=known)

    def refund(self, request: contract.RefundRequest, *, timeout_s: float) -> contract.RefundAnswer:
        self._begin("refund", request, timeout_s)
        if request.receipt.kind.value != "return":
            raise CheckoutRefused("expected a return, got a sale", code="wrong_kind", field="receipt.kind")
        return contract.RefundAnswer(
            receipt_uid=request.receipt.uid, claim_code="7K4M-23", points_taken_back={"bonus": 5}
        )

    def attach(self, request: contract.AttachRequest, *, timeout_s: float) -> contract.AttachAnswer:
        self._begin("attach", request, timeout_s)
        return contract.AttachAnswer(receipt_uid=request.receipt, customer_id=request.customer_id or ANNA.id)

    def reprint(self, request: contract.ReprintRequest, *, timeout_s: float) -> contract.ReprintAnswer:
        self._begin("reprint", request, timeout_s)
        uid = request.receipt_uid or next(reversed(self._closed), "")
        if not uid:
            raise CheckoutRefused("no receipt was closed here yet", code="unknown_receipt")
        return contract.ReprintAnswer(receipt_uid=uid, printing=True, slip=("СТАЛО 1 302",))

    # ── Inside ──

    def _begin(self, name: str, request: Any, timeout_s: float) -> None:
        self.calls.append((name, request))
        if self.breaks_with is not None:
            raise self.breaks_with
        if not self.free.wait(None if self.ignores_deadline else timeout_s):
            raise CheckoutRefused(f"no answer within {timeout_s:.1f} s; the sale may go on, ask again", code="timeout")

    def _named(self, code: str) -> CustomerView | None:
        return CODES.get(code) or CODES.get(_phone_in(code))

    def _identify(self, code: str) -> Screen:
        """Like the real desk: with a customer at the till, a code that names nobody is only a notice."""
        phone, customer = _phone_in(code), self._named(code)
        if customer is not None:
            self.change(screen=Screen.FOUND, customer=customer, mask="", notice="")
            return Screen.FOUND
        mask = f"+{phone[:4]}***{phone[-2:]}" if phone else f"****{code[-4:]}"
        state = {BLOCKED_CODE: Screen.BLOCKED, PRODUCT_CODE: Screen.NOT_LOYALTY}.get(code, Screen.NOT_FOUND)
        if self._snapshot.customer is not None:
            self.change(notice=state.value)
        else:
            self.change(screen=state, mask=mask)
        return state


def _phone_in(code: str) -> str:
    digits = re.sub(r"\D", "", code)
    return "7" + digits[-10:] if len(digits) in (10, 11) and digits[-10] == "9" else ""


def _decide(receipt: Receipt, *, has_customer: bool) -> Decision:
    earned = divide_down(receipt.total.minor * 5, 10_000) if has_customer else 0
    return Decision(
        programme_version=3,
        total=receipt.total,
        discount=receipt.total.with_minor(0),
        payable=receipt.total,
        effects=(PointsEarned(unit="bonus", amount=earned, rule="base"),) if earned else (),
        spendable={"bonus": 0},
    )
