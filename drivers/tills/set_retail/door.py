"""Answers the plug-in on a Set Retail 10 till out of the checkout contract; keeps nothing of its own.

The plug-in passes on what the till asks its loyalty provider: search a card, discount a receipt, write points off, roll
that back, tell the closed receipt, and tell later what could not be told. Whatever is reckoned is reckoned here. Every
call may be repeated; a write-off is called by its receipt (``txId``), so a repeated one keeps the points once.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from drivers.tills.amounts import decimal_of, money_of
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.set_retail import plugin_wire as wire
from drivers.tills.set_retail.plugin_receipts import basket, closed, uid_of
from drivers.tills.set_retail.settings import SetRetailSettings
from drivers.tills.set_retail.soap_door import PATH, PurchasesDoor
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind

__all__ = ["SetRetailDoor"]

#: The till cannot answer now: the plug-in keeps a closed receipt and sends it again.
_NOT_NOW: Final = frozenset({"busy", "no_store", "not_recorded", "timeout"})
_ALREADY: Final = frozenset({"already_closed"})
BAD_REQUEST: Final = 400
BAD_KEY: Final = 401
REFUSED: Final = 409
NOT_NOW: Final = 503
POINTS: Final = "points"
LEFT_MINOR: Final = 1  # points never pay all of a receipt: the till prints none for nothing
Answer = dict[str, Any]


class _Refused(Exception):  # noqa: N818 - what the cashier is told
    """The plug-in is told no, in words."""

    def __init__(self, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.more = more


@dataclass(frozen=True, slots=True)
class _Asking:
    checkout: contract.Checkout
    now: datetime
    timeout_s: float

    @property
    def half_s(self) -> float:
        """Where two calls share the time."""
        return self.timeout_s / 2


class SetRetailDoor:
    """``POST /<call>``."""

    def __init__(self, settings: SetRetailSettings, context: DoorContext) -> None:
        self._context = context
        self._purchases = PurchasesDoor(settings, context)
        self._calls: Mapping[str, Callable[[bytes, _Asking], Answer]] = {
            "/search": self._search,
            "/discount": self._discount,
            "/write-off": self._write_off,
            "/rollback": self._rollback,
            "/fiscalized": self._fiscalized,
            "/feedback": self._feedback,
        }

    def answer(
        self, request: HttpRequest, checkout: contract.Checkout, *, now: datetime, timeout_s: float
    ) -> HttpReply:
        """Answer the plug-in, or the server that pushes its purchases."""
        if request.path.removesuffix(".wsdl") == PATH:
            return self._purchases.answer(request)
        return self._answer(request, _Asking(checkout, now, timeout_s))

    def _answer(self, request: HttpRequest, asking: _Asking) -> HttpReply:
        """Answer one call: 200, 400 nobody understands it, 401 the key, 409 refused, 503 ask again."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), self._context.key.encode()):
            trouble = "the plug-in shows another key; write that of `tillpoint tills` into its settings"
            return _error(BAD_KEY, "unknown key", trouble=trouble)
        call = self._calls.get(request.path.rstrip("/"))
        if call is None or request.method != "POST":
            return _error(404, f"no {request.method} {request.path[:80]}; calls are POST {', '.join(self._calls)}")
        try:
            return HttpReply(body=wire.write(call(request.body, asking)))
        except _Refused as refused:
            return _error(REFUSED, str(refused), **refused.more)
        except CheckoutRefused as refused:
            return _error(NOT_NOW if refused.code in _NOT_NOW else REFUSED, str(refused), code=refused.code)
        except ValueError as error:  # also a WireError
            return _error(BAD_REQUEST, str(error)[:300], trouble=f"{request.path}: {str(error)[:300]}")

    def unavailable(self, sentence: str) -> HttpReply:
        """The plug-in keeps a closed receipt and sells on; everything else it does without."""
        return _error(NOT_NOW, sentence)

    # ── Before payment ──────────────────────────────────────────────────────────────────────────

    def _search(self, body: bytes, asking: _Asking) -> Answer:
        asked = wire.read(body, wire.Search)
        request = contract.IdentifyRequest(
            code=asked.number, presented=asked.presented, receipt_uid=uid_of(asked.uid) if asked.uid else None
        )
        found = asking.checkout.identify(request, timeout_s=asking.timeout_s)
        if found.customer is None:
            return {"found": False, "state": found.state.value, "mask": found.mask}
        return {
            "found": True,
            "customerId": found.customer.id,
            "name": found.customer.name,
            "mask": found.mask,
            "points": found.balances[0].available if found.balances else 0,
        }

    def _discount(self, body: bytes, asking: _Asking) -> Answer:
        asked = wire.read(body, wire.Priced)
        quote = self._quote(asked.receipt, asked.customerId, money_of(asked.points, self._context.currency), asking)
        most = next(iter(quote.spendable_worth.values()), quote.payable.with_minor(0))
        most = most.with_minor(max(0, min(most.minor, quote.payable.minor - LEFT_MINOR)))
        return {
            "discounts": _discounts(quote),
            "payable": decimal_of(quote.payable),
            "writeOffMax": decimal_of(most),
        }

    def _write_off(self, body: bytes, asking: _Asking) -> Answer:
        """Keep the points that pay exactly so much; nothing is kept when they cannot."""
        asked = wire.read(body, wire.WriteOff)
        wanted = money_of(asked.amount, self._context.currency)
        if wanted.minor < 0:
            raise wire.WireError("amount is below 0 - at `$.amount`")
        quote = self._quote(asked.receipt, asked.customerId, wanted, asking)
        kept = sum(one.worth.minor for one in quote.decision.spent)
        if kept != wanted.minor or quote.payable.minor < LEFT_MINOR:
            most = wanted.with_minor(min(kept, kept + quote.payable.minor - LEFT_MINOR))
            self._quote(asked.receipt, asked.customerId, wanted.with_minor(0), asking)
            raise _Refused(f"points can pay {most} of this receipt; write off that or less", most=decimal_of(most))
        return {"txId": uid_of(asked.receipt.uid), "amount": decimal_of(wanted), "payable": decimal_of(quote.payable)}

    def _rollback(self, body: bytes, asking: _Asking) -> Answer:
        asked = wire.read(body, wire.Rollback)
        if asked.txId != uid_of(asked.txId.removeprefix("set:")):
            raise wire.WireError("txId is none of ours - at `$.txId`")
        done = asking.checkout.cancel(contract.CancelRequest(receipt_uid=asked.txId), timeout_s=asking.timeout_s)
        return {"rolledBack": done.cancelled}

    def _quote(self, receipt: wire.Receipt, customer: str, points: Money, asking: _Asking) -> contract.QuoteAnswer:
        request = contract.QuoteRequest(
            receipt=basket(receipt, self._context), customer_id=customer or None, points_worth=points
        )
        return asking.checkout.quote(request, timeout_s=asking.half_s)

    # ── After payment ───────────────────────────────────────────────────────────────────────────

    def _fiscalized(self, body: bytes, asking: _Asking) -> Answer:
        return self._close(wire.read(body, wire.Closed), asking, late=False)

    def _feedback(self, body: bytes, asking: _Asking) -> Answer:
        """Each kept receipt: done, to be kept on, or never to be asked again (`error` says why)."""
        payloads = wire.read(body, wire.Feedback).payloads
        answers: list[Answer] = []
        share = _Asking(asking.checkout, asking.now, asking.timeout_s / max(1, len(payloads)))
        for payload in payloads:
            try:
                told = wire.read(payload.encode(), wire.Closed)
                answers.append({"done": True, **self._close(told, share, late=True)})
            except CheckoutRefused as refused:
                answers.append({"done": refused.code not in _NOT_NOW, "error": str(refused)})
            except ValueError as error:
                answers.append({"done": True, "error": str(error)[:300]})
        return {"answers": answers}

    def _close(self, told: wire.Closed, asking: _Asking, *, late: bool) -> Answer:
        kind = DocumentKind.RETURN if told.isReturn else DocumentKind.SALE
        receipt = closed(told, self._context, kind=kind, now=asking.now)
        if kind is DocumentKind.RETURN:
            back = asking.checkout.refund(
                contract.RefundRequest(receipt=receipt, customer_id=told.customerId or None), timeout_s=asking.timeout_s
            )
            return {"slip": list(back.slip), "duplicate": back.duplicate}
        request = contract.ConfirmRequest(
            receipt=receipt,
            customer_id=told.customerId or None,
            code=told.card if told.card and not told.customerId else None,
            late=late,
        )
        done = asking.checkout.confirm(request, timeout_s=asking.timeout_s)
        answer: Answer = {"slip": list(done.slip), "duplicate": done.duplicate}
        if done.balances:
            answer["points"] = done.balances[0].available
        points = told.points + sum((one.amount for one in told.discounts if one.kind == POINTS), start=Decimal(0))
        if points and not done.decision.spent:
            answer["message"] = f"points worth {points} were not kept for this receipt; the centre settles it"
        return answer


def _discounts(quote: contract.QuoteAnswer) -> list[Answer]:
    """What is taken off each position, by the card and by points."""
    by_points = quote.decision.points_discounts()
    rows: list[Answer] = []
    for line in quote.lines:
        points = by_points.get(line.number, 0)
        for kind, minor in (("card", line.discount.minor - points), (POINTS, points)):
            if minor:
                amount = decimal_of(line.discount.with_minor(minor))
                rows.append({"position": line.number, "amount": amount, "kind": kind})
    return rows


def _error(status: int, sentence: str, *, trouble: str = "", **more: Any) -> HttpReply:
    return HttpReply(status=status, body=wire.write({"error": sentence, **more}), trouble=trouble)
