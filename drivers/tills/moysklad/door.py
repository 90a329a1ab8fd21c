"""Answers МойСклад's Loyalty API 1.0 out of the checkout contract; stateless, for the central server.

The till app asks what a basket costs without naming it, and names the sale only when it is closed. So there is one
basket in progress for each customer at each point of sale: a later question replaces the one before, with the points
kept for it. The sale takes that basket over under its own name, is decided once more, and closed. Nothing else
reserves points between the question and the sale: the protocol has no call for it.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from drivers.tills.amounts import decimal_of
from drivers.tills.clouds import CentreCheckout
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.moysklad import wire
from drivers.tills.moysklad.answers import AWAY, KEY, NO_ROUTE, REFUSED, UNREADABLE, Turn, error, reply
from drivers.tills.moysklad.people import People
from drivers.tills.moysklad.receipts import (
    document_uid,
    lines_before,
    lines_of,
    moment_of,
    receipt_of,
    rows_of,
    tenders_of,
    undiscounted,
)
from drivers.tills.moysklad.settings import MoySkladSettings
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["MoySkladDoor"]

_CARD_STATES: Final = {"certificate_empty": "REDEEMED"}


class MoySkladDoor:
    """The base address that the account is told."""

    def __init__(self, settings: MoySkladSettings, context: DoorContext) -> None:
        self._settings = settings
        self._context = context
        self._people = People(settings, context)
        self._routes: dict[tuple[str, str], Callable[[Turn], HttpReply]] = {
            ("POST", "/counterparty"): self._people.register,
            ("GET", "/counterparty"): self._people.search,
            ("POST", "/counterparty/detail"): self._people.detail,
            ("POST", "/counterparty/verify"): self._people.verify_joining,
            ("POST", "/retaildemand/recalc"): self._recalc,
            ("POST", "/retaildemand/verify"): self._people.verify_spending,
            ("POST", "/retaildemand"): self._sale,
            ("POST", "/retailsalesreturn"): self._return,
            ("GET", "/giftcard"): self._gift_card,
        }

    def answer(
        self, request: HttpRequest, checkout: contract.Checkout, *, now: datetime, timeout_s: float
    ) -> HttpReply:
        """Answer one request."""
        shown = request.headers.get(wire.AUTH_HEADER, "")
        if not hmac.compare_digest(shown.encode(), self._context.key.encode()):
            trouble = "the account shows another token than this shop's key"
            return error(401, KEY, "Неверный токен", trouble, trouble=trouble)
        route = self._routes.get((request.method, request.path.rstrip("/")))
        if route is None:
            return error(404, NO_ROUTE, "Нет такого метода", f"{request.method} {request.path[:80]} is not answered")
        try:
            return route(Turn(request=request, checkout=checkout, now=now, timeout_s=timeout_s))
        except wire.WireError as wrong:
            return error(400, UNREADABLE, "Запрос не прочитан", str(wrong), trouble=f"{request.path}: {wrong}")
        except CheckoutRefused as refused:
            status = 503 if refused.code == "busy" else 412
            return error(status, REFUSED, "Отказано", str(refused), trouble=str(refused))
        except ValueError as wrong:
            return error(400, UNREADABLE, "Чек не сходится", str(wrong), trouble=f"{request.path}: {wrong}")

    def unavailable(self, sentence: str) -> HttpReply:
        """The app shows the text; whether it goes on without loyalty, its documentation does not say."""
        return error(503, AWAY, "Программа лояльности не отвечает", sentence)

    # ── Sales ───────────────────────────────────────────────────────────────────────────────────

    def _recalc(self, turn: Turn) -> HttpReply:
        told = turn.told
        asked = wire.read(told, wire.Recalc)
        customer = self._people.who(turn, asked.agent)
        uid = _basket_uid(asked.retail_store, asked.agent)
        receipt = receipt_of(
            uid,
            DocumentKind.SALE,
            lines_before(asked.positions, self._context.currency),
            currency=self._context.currency,
            store=asked.retail_store.name,
        )
        balance = self._people.balance(turn, customer, uid)
        quote, notice = self._quote(turn, receipt, customer, asked)
        rows = [
            row
            for one, line, priced in zip(told["positions"], receipt.lines, quote.lines, strict=True)
            for row in rows_of(one, line, priced)
        ]
        spent = sum(one.amount for one in quote.decision.spent if one.unit == self._settings.unit)
        earned = sum(one.amount for one in quote.decision.earned if one.unit == self._settings.unit)
        worth = sum((decimal_of(one.worth) for one in quote.decision.spent), start=decimal_of(receipt.total) * 0)
        program = {
            "transactionType": asked.bonus_program.transaction_type,
            "agentBonusBalance": balance,
            "bonusValueToSpend": spent,
            "bonusValueToEarn": earned,
            "agentBonusBalanceAfter": balance - spent + earned,
            "paidByBonusPoints": worth,
            "receiptExtraInfo": notice or _extra_info(customer, balance - spent + earned, earned),
        }
        answer = {
            "agent": told.get("agent") or {},
            "positions": rows,
            "bonusProgram": program,
            "needVerification": bool(spent) and self._settings.verify_spending,
        }
        return reply(answer)

    def _quote(
        self, turn: Turn, receipt: Receipt, customer: str | None, asked: wire.Recalc
    ) -> tuple[contract.QuoteAnswer, str]:
        """The decision, and what the receipt should say when points cannot be spent this way."""
        spending = asked.bonus_program.transaction_type == "SPENDING" and customer is not None
        wish = asked.bonus_program.preferred_bonus_to_spend
        wish = wish if wish is not None else asked.preferred_bonus_to_spend
        unit = self._settings.unit if spending else None
        request = contract.QuoteRequest(
            receipt=receipt,
            customer_id=customer,
            points=max(0, int(wish)) if spending and wish is not None else 0,
            points_max=spending and wish is None,
            unit=unit,
        )
        quote = turn.checkout.quote(request, timeout_s=turn.timeout_s)
        if quote.decision.spent and quote.payable != _sum(quote):
            # Points beside money leave the prices alone, and prices are all that this protocol carries.
            plain = contract.QuoteRequest(receipt=receipt, customer_id=customer, points=0)
            return turn.checkout.quote(plain, timeout_s=turn.timeout_s), "Оплата баллами здесь недоступна"
        return quote, ""

    def _sale(self, turn: Turn) -> HttpReply:
        sale = wire.read(turn.told, wire.Sale)
        uid = document_uid("ms", sale.meta.name, store=sale.retail_store.meta.name, name=sale.name, moment=sale.moment)
        lines = lines_of(sale.positions, self._context.currency)
        total = Money(sum(line.total.minor for line in lines), self._context.currency)
        closed = receipt_of(
            uid,
            DocumentKind.SALE,
            lines,
            currency=self._context.currency,
            closed_at=moment_of(sale.moment, self._context.zone),
            store=sale.retail_store.name,
            number=sale.name,
            tenders=tenders_of(sale, total),
        )
        customer = self._people.who(turn, sale.agent)
        mark = self._decide_again(turn, sale, uid, customer)
        done = turn.checkout.confirm(
            contract.ConfirmRequest(receipt=closed, customer_id=customer, decision_mark=mark), timeout_s=turn.timeout_s
        )
        trouble = ""
        if done.difference is not None:
            trouble = f"sale {sale.name or uid}: {done.difference} more was paid than was told before it"
        return HttpReply(status=201, trouble=trouble)

    def _decide_again(self, turn: Turn, sale: wire.Sale, uid: str, customer: str | None) -> str | None:
        """The quote of this very sale, with what was kept for its basket; None when it is closed already.

        Its mark goes with the confirm when something of value was paid: then it counts whatever the total is.
        """
        if isinstance(turn.checkout, CentreCheckout):
            turn.checkout.carry_over(_basket_uid(sale.retail_store, sale.agent), uid, timeout_s=turn.timeout_s)
        before = receipt_of(
            uid,
            DocumentKind.SALE,
            tuple(undiscounted(line) for line in lines_of(sale.positions, self._context.currency)),
            currency=self._context.currency,
            store=sale.retail_store.name,
        )
        spend = max(0, int(sale.bonus_program.bonus_value_to_spend or 0)) if customer is not None else 0
        request = contract.QuoteRequest(
            receipt=before,
            customer_id=customer,
            points=spend,
            unit=self._settings.unit if spend else None,
            certificate_codes=tuple(
                contract.CertificateCode(code=card.name) for card in sale.gift_cards[:4] if card.name
            ),
        )
        try:
            quote = turn.checkout.quote(request, timeout_s=turn.timeout_s)
            if sale.gift_cards:
                paid = self._cards(sale, quote)
                again = contract.QuoteRequest(
                    receipt=before, customer_id=customer, points=spend, unit=request.unit, certificates=paid
                )
                quote = turn.checkout.quote(again, timeout_s=turn.timeout_s)
        except CheckoutRefused as refused:
            if refused.code == "already_closed":
                return None
            raise
        return quote.decision_mark if spend or sale.gift_cards else None

    def _cards(self, sale: wire.Sale, quote: contract.QuoteAnswer) -> tuple[CertificateFact, ...]:
        """Each gift card with what it was charged, and no more than it has."""
        facts = []
        for card, told in zip(sale.gift_cards, quote.certificates, strict=False):
            if told.certificate is None:
                continue
            charged = told.certificate.balance.with_minor(int(card.payment_sum))
            facts.append(CertificateFact(code=told.certificate.code, balance=min(charged, told.certificate.balance)))
        return tuple(facts)

    def _return(self, turn: Turn) -> HttpReply:
        back = wire.read(turn.told, wire.Return)
        store = back.retail_store.meta.name
        base = back.demand.meta.name if back.demand is not None else ""
        receipt = receipt_of(
            document_uid("msr", back.meta.name, store=store, name=back.name, moment=back.moment),
            DocumentKind.RETURN,
            lines_of(back.positions, self._context.currency),
            currency=self._context.currency,
            closed_at=moment_of(back.moment, self._context.zone),
            store=back.retail_store.name,
            number=back.name,
            base_uid=document_uid("ms", base, store="", name="", moment="") if base else None,
        )
        customer = self._people.who(turn, back.agent)
        request = contract.RefundRequest(receipt=receipt, customer_id=customer)
        turn.checkout.refund(request, timeout_s=turn.timeout_s)
        return HttpReply(status=201)

    # ── Gift cards ──────────────────────────────────────────────────────────────────────────────

    def _gift_card(self, turn: Turn) -> HttpReply:
        """A receipt of nothing asks what the certificate has; it is dropped at once."""
        name = turn.request.query.get("name", "").strip()
        if not name:
            return error(400, UNREADABLE, "Нужен номер", "name is the number of the certificate", parameter="name")
        uid = f"msg:{hashlib.sha256(name.encode()).hexdigest()[:32]}"
        nothing = receipt_of(uid, DocumentKind.SALE, (), currency=self._context.currency)
        request = contract.QuoteRequest(receipt=nothing, certificate_codes=(contract.CertificateCode(code=name[:200]),))
        told = turn.checkout.quote(request, timeout_s=turn.timeout_s).certificates[0]
        turn.checkout.cancel(contract.CancelRequest(receipt_uid=uid), timeout_s=turn.timeout_s)
        answer: dict[str, Any] = {"name": name, "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"tillpoint:card:{name}"))}
        fact = told.certificate
        if fact is None:
            return reply(answer | {"status": _CARD_STATES.get(told.refused, "INVALID")})
        over = fact.valid_until is not None and fact.valid_until <= turn.now
        if fact.valid_until is not None:
            answer["expireDate"] = fact.valid_until.strftime("%Y-%m-%d %H:%M:%S")
        early = fact.valid_from is not None and fact.valid_from > turn.now
        state = "EXPIRED" if over else "INVALID" if early else "CAN_BE_USED"
        return reply(answer | {"status": state, "currentBalance": fact.balance.minor})


def _basket_uid(store: wire.RetailStore, agent: wire.Counterparty | None) -> str:
    """One basket in progress for each customer at each point of sale."""
    who = agent.names[0] if agent is not None and agent.names else (agent.phone or "") if agent is not None else ""
    return f"msq:{hashlib.sha256(f'{store.meta.name}|{who}'.encode()).hexdigest()[:40]}"


def _sum(quote: contract.QuoteAnswer) -> Any:
    return quote.payable.with_minor(sum(line.total.minor for line in quote.lines))


def _extra_info(customer: str | None, after: int, earned: int) -> str:
    if customer is None:
        return ""
    return f"Начислено баллов: {earned}\nБаланс баллов: {after}"
