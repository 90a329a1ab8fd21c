"""Answers kilbil requests out of the checkout contract.

A sale is called by its `move_id`. What it cost before its payment is asked under a name of the door's own, because
`searchclient` does not say which sale it asks for; that question is dropped once the sale is named. What `_bill_data`
carries back to us is the name of the sale, so that a return finds it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from drivers.tills.amounts import decimal_of, money_of, quantity_of, spread
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.kilbil import wire
from drivers.tills.kilbil.settings import KilbilSettings
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven
from drivers.vocabulary.money import Money, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt

__all__ = ["KilbilDoor"]

#: `state` of a client, as the protocol counts: 0 is empty, 3 registered, 4 gave its card away.
ACTIVE: Final = 1
BLOCKED: Final = 2
REFUSED: Final = 1  # any result_code but 0 is shown to the cashier with its text
_ALREADY: Final = frozenset({"already_closed", "different_body"})
_NOT_HERE: Final = {
    "manualadd": "points are added and taken by hand at the centre's page, not at a till",
    "getmovesbyclient": "the history of a customer is at the centre's page",
    "getconfirmationcode": "codes are sent by the centre; ask for one at the panel",
    "askconfirmphone": "codes are sent by the centre; let the customer join at the panel",
    "checkconfirmphone": "codes are sent by the centre; let the customer join at the panel",
    "searchpromocode": "send promo_codes together with the goods; the answer says what each is worth",
}
_SALE: Final = re.compile(r"kilbil:[A-Za-z0-9._:{}-]{1,73}")  # a receipt's name, as `_uid` makes them
READ_MODES: Final = {0: "phone", 1: "card", 2: "card", 3: "id"}


class _NotUsable(Exception):  # noqa: N818 - an answer of the protocol, not a fault
    """The request cannot be done; the cashier is shown why."""


@dataclass(slots=True)
class _Turn:
    """One request: the till, and what is left of its time."""

    checkout: contract.Checkout
    ends_s: float

    @property
    def left_s(self) -> float:
        return max(0.05, self.ends_s - time.monotonic())


class KilbilDoor:
    """``POST /load/<function>?h=<key>``."""

    def __init__(self, settings: KilbilSettings, context: DoorContext) -> None:
        self._settings = settings
        self._context = context
        self._functions: dict[str, Callable[[bytes, _Turn], dict[str, Any]]] = {
            "searchclient": self._search,
            "processsale": self._process,
            "addclient": self._add,
            "getclientfullbalance": self._balance,
        }

    def answer(
        self, request: HttpRequest, checkout: contract.Checkout, *, now: datetime, timeout_s: float
    ) -> HttpReply:
        """Answer one request."""
        del now  # a sale of this protocol tells no time; it is closed when it arrives
        root, _, name = request.path.removeprefix("/").partition("/")
        if root != "load" or request.method != "POST":
            return _reply({"error": "POST /load/<function>?h=<key>"}, status=404)
        if not hmac.compare_digest(request.query.get("h", "").encode(), self._context.key.encode()):
            trouble = "the POS shows another key than that of its till_systems block"
            return _reply({"error": "unknown key"}, status=403, trouble=trouble)
        if name not in self._functions and name not in _NOT_HERE:
            return _reply({"error": f"unknown function {name[:40]!r}"}, status=500)
        return self._call(name, request.body, _Turn(checkout, time.monotonic() + timeout_s))

    def _call(self, name: str, body: bytes, turn: _Turn) -> HttpReply:
        """One function's answer, or why there is none."""
        if name in _NOT_HERE:
            return _refused(_NOT_HERE[name])
        try:
            return _reply(self._functions[name](body, turn))
        except wire.WireError as error:
            return _refused(f"the request cannot be read: {error}", trouble=f"{name}: {error}")
        except (CheckoutRefused, _NotUsable) as refused:
            return _refused(str(refused))
        except (ValueError, InvalidOperation) as error:
            return _refused(f"the goods do not add up: {error}", trouble=f"{name}: {error}")

    def unavailable(self, sentence: str) -> HttpReply:
        """The POS shows the text and goes on without loyalty."""
        return _refused(sentence)

    # ── Functions ───────────────────────────────────────────────────────────────────────────────

    def _search(self, body: bytes, turn: _Turn) -> dict[str, Any]:
        asked = wire.read(body, wire.SearchClient)
        mode, value = _number(asked.search_mode, "search_mode"), str(asked.search_value).strip()
        if mode not in READ_MODES or not value:
            raise wire.WireError(f"search_mode {mode} is not one of 0, 1, 2, 3, or search_value is empty")
        if READ_MODES[mode] == "id":
            request = contract.IdentifyRequest(customer_id=value)
        else:
            request = contract.IdentifyRequest(code=value, presented=mode != 0)
        found = turn.checkout.identify(request, timeout_s=turn.left_s)
        if found.customer is None:
            state = BLOCKED if found.state is contract.IdentifyState.BLOCKED else None
            return {"client_id": None, "state": state, "bonus_balance": 0, "result_text": found.state.value}
        balance = self._available(found.balances)
        answer: dict[str, Any] = {
            "client_id": found.customer.id,
            "state": ACTIVE,
            "name": found.customer.name,
            "bonus_balance": balance,
        }
        goods = wire.goods_of(asked.goods_data)
        if goods:
            receipt = self._receipt(self._preview(), goods, asked.promo_codes)
            quote = turn.checkout.quote(
                contract.QuoteRequest(receipt=receipt, customer_id=found.customer.id, points=0), timeout_s=turn.left_s
            )
            most = quote.decision.spendable.get(self._settings.unit, 0)
            answer |= self._priced(goods, quote, {"preview": receipt.uid})
            answer |= {"max_bill_bonus_out": most, "max_bonus_out": min(most, balance)}
        return answer

    def _process(self, body: bytes, turn: _Turn) -> dict[str, Any]:
        asked = wire.read(body, wire.ProcessSale)
        uid = _uid(str(asked.move_id))
        goods = wire.goods_of(asked.goods_data)
        if not goods:
            raise wire.WireError("goods_data is empty")
        if _number(asked.type, "type") == 1:
            return self._refund(asked, goods, uid, turn)
        mode = _number(asked.mode, "mode")
        turn.checkout.cancel(contract.CancelRequest(receipt_uid=self._preview()), timeout_s=turn.left_s)
        if mode == 2:
            return self._confirm(asked, goods, uid, turn, mark=None)
        try:
            quote = turn.checkout.quote(self._quote_request(asked, goods, uid), timeout_s=turn.left_s)
        except CheckoutRefused as refused:
            if refused.code not in _ALREADY:
                raise
            return self._confirm(asked, goods, uid, turn, mark=None)  # it was answered before, and the answer was lost
        wanted, spent = _number(asked.bonus_out, "bonus_out"), sum(one.amount for one in quote.decision.spent)
        if spent != wanted:
            turn.checkout.cancel(contract.CancelRequest(receipt_uid=uid), timeout_s=turn.left_s)
            raise _NotUsable(f"{spent} of {wanted} bonuses may be spent on this receipt; ask for fewer")
        if mode == 1:
            return {**self._priced(goods, quote, {"sale": uid}), "result_code": 0, "result_text": ""}
        return self._confirm(asked, goods, uid, turn, mark=quote.decision_mark if spent else None)

    def _quote_request(self, asked: wire.ProcessSale, goods: Sequence[wire.Goods], uid: str) -> contract.QuoteRequest:
        return contract.QuoteRequest(
            receipt=self._receipt(uid, goods, asked.promo_codes),
            customer_id=str(asked.client_id) or None,
            points=_number(asked.bonus_out, "bonus_out"),
            unit=self._settings.unit,
        )

    def _confirm(
        self, asked: wire.ProcessSale, goods: Sequence[wire.Goods], uid: str, turn: _Turn, *, mark: str | None
    ) -> dict[str, Any]:
        """The sale as the POS charged it: its discounted totals, less the bonuses, spread over the lines."""
        receipt = self._charged(uid, goods, _number(asked.bonus_out, "bonus_out"), asked.promo_codes)
        done = turn.checkout.confirm(
            contract.ConfirmRequest(receipt=receipt, customer_id=str(asked.client_id) or None, decision_mark=mark),
            timeout_s=turn.left_s,
        )
        return {
            "result_code": 0,
            "result_text": "\n".join(done.slip),
            "bonus_balance": self._available(done.balances),
            "bonus_in": sum(one.amount for one in done.decision.earned if one.unit == self._settings.unit),
            "_bill_data": json.dumps({"sale": uid}),
        }

    def _refund(self, asked: wire.ProcessSale, goods: Sequence[wire.Goods], uid: str, turn: _Turn) -> dict[str, Any]:
        receipt = self._charged(uid, goods, 0, asked.promo_codes, kind=DocumentKind.RETURN, base=_sale_of(asked))
        done = turn.checkout.refund(
            contract.RefundRequest(receipt=receipt, customer_id=str(asked.client_id) or None), timeout_s=turn.left_s
        )
        return {
            "result_code": 0,
            "result_text": "\n".join(done.slip),
            "bonus_in": done.points_given_back.get(self._settings.unit, 0),
            "bonus_out": done.points_taken_back.get(self._settings.unit, 0),
        }

    def _add(self, body: bytes, turn: _Turn) -> dict[str, Any]:
        asked = wire.read(body, wire.AddClient)
        if not self._settings.consent_purpose:
            raise _NotUsable("joining by this POS is switched off; let the customer join at the panel")
        consent = ConsentGiven(
            purpose=self._settings.consent_purpose,
            text_version=self._settings.consent_version,
            channel=ConsentChannel.CASHIER,
        )
        name = " ".join(part for part in (asked.last_name, asked.first_name, asked.middle_name) if part)
        done = turn.checkout.enrol(
            contract.EnrolCustomerRequest(phone=str(asked.phone), name=name, consents=(consent,)), timeout_s=turn.left_s
        )
        if done.state is contract.EnrolState.BLOCKED:
            raise _NotUsable("this customer is blocked; the centre knows why")
        return {"client_id": done.customer_id, "state": ACTIVE, "result_code": 0, "result_text": ""}

    def _balance(self, body: bytes, turn: _Turn) -> dict[str, Any]:
        asked = wire.read(body, wire.ByClient)
        found = turn.checkout.identify(
            contract.IdentifyRequest(customer_id=str(asked.client_id)), timeout_s=turn.left_s
        )
        if found.customer is None:
            raise _NotUsable("no such client")
        own = [one for one in found.balances if one.unit == self._settings.unit]
        return {
            "result_code": 0,
            "bonus_balance": self._available(found.balances),
            "bonus_pending": sum(one.pending for one in own),
        }

    # ── Money ───────────────────────────────────────────────────────────────────────────────────

    def _preview(self) -> str:
        return f"kilbil:{self._context.name}:preview"

    def _available(self, balances: Sequence[contract.PointsBalance]) -> int:
        return sum(one.available for one in balances if one.unit == self._settings.unit)

    def _money(self, amount: Decimal) -> Money:
        return money_of(amount, self._context.currency)

    def _receipt(self, uid: str, goods: Sequence[wire.Goods], promo_codes: list[str] | str) -> Receipt:
        """The goods at the POS's own prices, before loyalty."""
        lines = tuple(self._line(number, one, off=0) for number, one in enumerate(goods, start=1))
        total = sum((one.total.minor for one in lines), start=0)
        return Receipt(
            uid=uid, kind=DocumentKind.SALE, total=Money(total, self._context.currency), lines=lines,
            coupons=_codes(promo_codes),
        )  # fmt: skip

    def _charged(
        self,
        uid: str,
        goods: Sequence[wire.Goods],
        bonus_out: int,
        promo_codes: list[str] | str,
        *,
        kind: DocumentKind = DocumentKind.SALE,
        base: str | None = None,
    ) -> Receipt:
        """The goods as charged. One bonus is one whole unit of money, as everywhere with kilbil."""
        whole = [self._line(number, one, off=0) for number, one in enumerate(goods, start=1)]
        stated = [
            line.total.minor if one.discounted_total is None else self._money(one.discounted_total).minor
            for one, line in zip(goods, whole, strict=True)
        ]
        by_points = spread(self._money(Decimal(bonus_out)).minor, stated)
        lines = tuple(
            self._line(number, one, off=line.total.minor - asked + points)
            for number, (one, line, asked, points) in enumerate(
                zip(goods, whole, stated, by_points, strict=True), start=1
            )
        )
        total = Money(sum(one.total.minor for one in lines), self._context.currency)
        return Receipt(uid=uid, kind=kind, total=total, lines=lines, coupons=_codes(promo_codes), base_uid=base)

    def _line(self, number: int, one: wire.Goods, *, off: int) -> Line:
        price, quantity = self._money(one.price), quantity_of(one.quantity)
        gross = line_total(price, quantity)
        if one.total is not None and abs(self._money(one.total).minor - gross.minor) <= 1:
            gross = self._money(one.total)  # the POS's own rounding of a weighed line
        elif one.total is not None:
            raise ValueError(f"position {number}: {one.quantity} x {one.price} is not {one.total}")
        floor = self._money(one.minPrice) if one.minPrice else None
        return Line(
            number=number,
            name=one.name[:400],
            product_id=str(one.code)[:400],
            quantity=quantity,
            price=price,
            total=gross.with_minor(gross.minor - off),
            discount=gross.with_minor(off) if off else None,
            price_floor=floor,
        )

    def _priced(self, goods: Sequence[wire.Goods], quote: contract.QuoteAnswer, bill: dict[str, str]) -> dict[str, Any]:
        """What each position costs after discounts. Bonuses spent are a sum of their own in this protocol."""
        by_points = quote.decision.points_discounts()
        priced = []
        for one, line in zip(goods, quote.lines, strict=True):
            total = line.total.with_minor(line.total.minor + by_points.get(line.number, 0))
            priced.append({"code": one.code, "discounted_total": decimal_of(total)})
        return {
            "discounted_total": sum((one["discounted_total"] for one in priced), start=Decimal(0)),
            "goods_data": priced,
            "_bill_data": json.dumps(bill),
        }


def _uid(move_id: str) -> str:
    """The receipt's name: the move's own where its letters allow it, else a digest of it."""
    if not move_id:
        raise wire.WireError("move_id is empty")
    plain = move_id.isascii() and len(move_id) <= 64 and all(one.isalnum() or one in "._:-{}" for one in move_id)
    return f"kilbil:{move_id if plain else hashlib.sha256(move_id.encode()).hexdigest()[:32]}"


def _sale_of(asked: wire.ProcessSale) -> str | None:
    """The sale a return takes back, when the POS sends back what it was told of it."""
    given = asked.bill_data_in
    if isinstance(given, str):
        try:
            given = json.loads(given) if given else {}
        except ValueError:
            return None
    sale = given.get("sale") if isinstance(given, dict) else None
    return sale if isinstance(sale, str) and _SALE.fullmatch(sale) else None


def _codes(given: list[str] | str) -> tuple[str, ...]:
    codes = [given] if isinstance(given, str) else given
    return tuple(one for one in codes if one)


def _number(given: Any, name: str) -> int:
    """A whole number that may come as text; "" is 0."""
    try:
        value = Decimal(given if given != "" else 0)
        if value != value.to_integral_value() or value < 0 or value > 10**9:
            raise ValueError  # noqa: TRY301 - one sentence for everything that is wrong with it
    except (InvalidOperation, ValueError, TypeError):
        raise wire.WireError(f"{name} is a whole number, not {str(given)[:40]!r}") from None
    return int(value)


def _reply(answer: dict[str, Any], *, status: int = 200, trouble: str = "") -> HttpReply:
    return HttpReply(status=status, body=wire.write(answer), trouble=trouble)


def _refused(sentence: str, *, trouble: str = "") -> HttpReply:
    return _reply({"result_code": REFUSED, "result_text": sentence, "state": None}, trouble=trouble)
