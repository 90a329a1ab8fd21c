"""Answers a POS that speaks the Priority API out of the checkout contract; keeps nothing of its own.

calculate is a quote, payByBonus a quote that spends, cancelBonusPayment one that spends less, confirm the sale or the
return as it was closed. What the POS cannot be told in the protocol it is told in `cashierInformation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drivers.tills.amounts import decimal_of, spread
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.priority import receipts, wire
from drivers.tills.priority.answers import (
    Answer,
    blocks,
    by_points,
    code_of,
    echo,
    is_late,
    reply_of,
    shares_of,
    slip_answer,
    spent_on,
)
from drivers.tills.priority.joining import FormRefused, form, read_form
from drivers.tills.priority.proving import unproven
from drivers.tills.priority.receipts import Place
from drivers.tills.priority.settings import PrioritySettings
from drivers.tills.priority.wire import Client, ClientRequest, DocumentRequest, FormRequest
from drivers.tills.priority.words import of_refusal, say
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.checkout import Checkout
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["PriorityDoor"]

REFUSED: Final = 1
BAD_REQUEST: Final = 2
BAD_KEY: Final = 3
NOT_NOW: Final = 4
#: The till cannot answer now: an HTTP status, so that a POS with a queue sends it again.
_NOT_NOW: Final = frozenset({"busy", "no_store", "not_recorded", "timeout"})


@dataclass(frozen=True, slots=True)
class _Asking:
    """One request's side of the till."""

    checkout: Checkout
    now: datetime
    timeout_s: float

    @property
    def half_s(self) -> float:
        """Where two calls share the time."""
        return self.timeout_s / 2


class _Refused(Exception):  # noqa: N818 - what the cashier is told
    """The POS is told no, in words."""


class PriorityDoor:
    """The server's side of the Priority API.

    Args:
        settings: the room's own table.
        context: key, zone and currency.
    """

    def __init__(self, settings: PrioritySettings, context: DoorContext) -> None:
        self._settings = settings
        self._key = context.key
        self._place = Place(currency=context.currency, zone=context.zone)
        self._actions: Mapping[str, Callable[[DocumentRequest, _Asking], Answer]] = {
            "calculate/receipt": self._calculate,
            "payByBonus/receipt": self._pay,
            "cancelBonusPayment/receipt": self._cancel_payment,
            "confirm/receipt": self._confirm,
            "confirm/refundReceipt": self._refund,
        }

    # ── The door ────────────────────────────────────────────────────────────────────────────────

    def answer(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> HttpReply:
        """Answer one request; errors are HTTP 200 with `code` and `error`, but for a wrong key and for "not now"."""
        if not wire.is_signed(request.headers.get("authorization", ""), self._key, request.body):
            sentence = self._say("bad_key")
            headers = {"www-authenticate": "FrontolAuth"}
            trouble = "a request with a wrong access key; set the key of `tillpoint tills` at the POS"
            return reply_of({"code": BAD_KEY, "error": sentence}, status=401, headers=headers, trouble=trouble)
        asking = _Asking(checkout, now, timeout_s)
        try:
            return reply_of({"code": 0, **self._dispatch(request, asking)})
        except (_Refused, FormRefused) as refused:
            return reply_of({"code": REFUSED, "error": str(refused)})
        except CheckoutRefused as refused:
            if refused.code in _NOT_NOW:
                return self.unavailable(of_refusal(self._settings.language, refused))
            return reply_of({"code": REFUSED, "error": of_refusal(self._settings.language, refused)})
        except ValueError as error:  # also a WireError: the body is not what the protocol says
            sentence = self._say("bad_request", error=str(error)[:300])
            return reply_of({"code": BAD_REQUEST, "error": sentence}, trouble=f"a request nobody understands: {error}")

    def unavailable(self, sentence: str) -> HttpReply:
        """503 with the protocol's own body: a POS with a queue asks again, another one tells the cashier."""
        return reply_of({"code": NOT_NOW, "error": sentence}, status=503, headers={"retry-after": "1"})

    def _dispatch(self, request: HttpRequest, asking: _Asking) -> Answer:
        path = request.path.rstrip("/")
        if request.method == "POST" and path.endswith("/extra/client"):
            return self._form(wire.decode(request.body, FormRequest), asking)
        if request.method == "POST" and path.endswith("/client"):
            return self._client(wire.decode(request.body, ClientRequest), asking)
        if request.method == "POST" and path.endswith("/document"):
            document = wire.decode(request.body, DocumentRequest)
            action = self._actions.get(f"{document.action}/{document.type}")
            if action is not None:
                return action(document, asking)
            raise _Refused(self._say("no_such", what=f"{document.action[:40]}/{document.type[:40]}"))
        raise _Refused(self._say("no_such", what=f"{request.method} {path[:80]}"))

    # ── Before payment ──────────────────────────────────────────────────────────────────────────

    def _calculate(self, request: DocumentRequest, asking: _Asking) -> Answer:
        basket = receipts.basket(request, self._place)
        found = self._identify(request.client, basket.uid, asking)
        prior = receipts.bonus_of(request.payments, self._place)
        quote = self._quote(basket, found, prior, asking)
        answer: Answer = {
            "document": {
                "positions": [
                    {"index": index, "discountAmount": decimal_of(line.discount - by_points(quote, line.number))}
                    for index, line in zip(receipts.indexes(request), quote.lines, strict=True)
                    if line.discount
                ]
            }
        }
        told = self._told(found)
        if quote.customer_id is not None:
            most = self._most(quote)
            answer["client"] = {**echo(request.client), "availableAmount": decimal_of(most)}
            if most:
                told.append(self._say("spendable", amount=most.amount))
        if told:
            answer["cashierInformation"] = blocks(told)
        return answer

    def _pay(self, request: DocumentRequest, asking: _Asking) -> Answer:
        """Spend exactly what the POS will take as a payment, or nothing and say how much may be."""
        if request.payment is None:
            raise wire.WireError("payByBonus needs its payment - at `$.payment`")
        basket = receipts.basket(request, self._place)
        found = self._identify(request.client, basket.uid, asking)
        if request.client is None or (found is not None and found.state is not contract.IdentifyState.FOUND):
            raise _Refused(" ".join(self._told(found)) or self._say("no_client"))
        self._require_proof(request.client, found, basket.uid, asking)
        prior = receipts.bonus_of(request.payments, self._place)
        wanted = prior + receipts.bonus_of([request.payment], self._place)
        quote = self._quote(basket, found, wanted, asking)
        spent = spent_on(quote, basket)
        if spent != wanted:
            self._quote(basket, found, prior, asking)
            raise _Refused(
                self._say("too_much", amount=(spent - prior if spent > prior else spent.with_minor(0)).amount)
            )
        shares = shares_of(quote, wanted, basket)
        before = spread(prior.minor, shares) if prior else [0] * len(shares)
        return {
            "document": {
                "positions": [
                    {"index": index, "paidAmount": decimal_of(spent.with_minor(share - earlier))}
                    for index, share, earlier in zip(receipts.indexes(request), shares, before, strict=True)
                    if share - earlier
                ]
            }
        }

    def _require_proof(self, client: Client, found: contract.IdentifyAnswer | None, uid: str, asking: _Asking) -> None:
        """A card that was read is its own proof; a phone that was told needs a code, where the shop wants one."""
        if not self._settings.spend_needs_code or code_of(client)[1] or found is None or found.customer is None:
            return
        code = str(client.validation_code or "").strip()
        customer, language = found.customer.id, self._settings.language
        refusal = unproven(asking.checkout, uid, customer, code, language=language, timeout_s=asking.half_s)
        if refusal:
            raise _Refused(refusal)

    def _cancel_payment(self, request: DocumentRequest, asking: _Asking) -> Answer:
        """Spend what the other payments by points still are; `payments` may name the cancelled one or not."""
        basket = receipts.basket(request, self._place)
        found = self._identify(request.client, basket.uid, asking)
        rest = [one for one in request.payments or () if one.type == receipts.BONUS]
        if request.payment is not None:
            gone = next((one for one in rest if one.amount == request.payment.amount), None)
            rest = [one for one in rest if one is not gone]
        self._quote(basket, found, receipts.bonus_of(rest, self._place), asking)
        return {}

    def _quote(
        self, basket: Receipt, found: contract.IdentifyAnswer | None, points: Money, asking: _Asking
    ) -> contract.QuoteAnswer:
        customer = found.customer.id if found is not None and found.customer is not None else None
        request = contract.QuoteRequest(receipt=basket, customer_id=customer, points_worth=points)
        return asking.checkout.quote(request, timeout_s=asking.half_s)

    def _identify(self, client: Client | None, uid: str | None, asking: _Asking) -> contract.IdentifyAnswer | None:
        """Whom the POS names; None when it names nobody."""
        code, is_read = code_of(client)
        if not code:
            return None
        request = contract.IdentifyRequest(code=code, presented=is_read, receipt_uid=uid)
        return asking.checkout.identify(request, timeout_s=asking.half_s)

    # ── After payment ───────────────────────────────────────────────────────────────────────────

    def _confirm(self, request: DocumentRequest, asking: _Asking) -> Answer:
        receipt = receipts.closed(request, self._place, kind=DocumentKind.SALE, now=asking.now)
        confirm = contract.ConfirmRequest(
            receipt=receipt, code=code_of(request.client)[0] or None, late=is_late(receipt, asking.now)
        )
        done = asking.checkout.confirm(confirm, timeout_s=asking.timeout_s)
        told: list[str] = []
        with_points = receipts.bonus_of(request.payments, self._place)
        if with_points and not done.decision.spent:
            told.append(self._say("late_points", amount=with_points.amount, number=receipt.number))
        if done.difference is not None:
            told.append(self._say("difference", amount=done.difference.amount))
        return slip_answer(done.slip, told)

    def _refund(self, request: DocumentRequest, asking: _Asking) -> Answer:
        receipt = receipts.closed(request, self._place, kind=DocumentKind.RETURN, now=asking.now)
        customer = None
        if not is_late(receipt, asking.now):
            found = self._identify(request.client, None, asking)
            customer = found.customer.id if found is not None and found.customer is not None else None
        done = asking.checkout.refund(
            contract.RefundRequest(receipt=receipt, customer_id=customer), timeout_s=asking.half_s
        )
        return slip_answer(done.slip, [])

    # ── The customer ────────────────────────────────────────────────────────────────────────────

    def _client(self, request: ClientRequest, asking: _Asking) -> Answer:
        found = self._identify(request.client, None, asking)
        if found is None:
            raise _Refused(self._say("no_client"))
        return {"cashierInformation": blocks(self._told(found))}

    def _form(self, request: FormRequest, asking: _Asking) -> Answer:
        if request.action == "describe":
            return {"form": form(self._settings, request.client)}
        if request.action not in {"check", "execute"}:
            raise _Refused(self._say("no_such", what=f"extra/client {request.action[:40]}"))
        who = request.cashier
        cashier = "" if who is None else str(who.name or who.text or who.code or "")
        enrolment = read_form(self._settings, request.client, request.values, cashier=cashier)
        if request.action == "check":
            return {}
        done = asking.checkout.enrol(enrolment, timeout_s=asking.timeout_s)
        if done.state is contract.EnrolState.BLOCKED:
            raise _Refused(self._say("blocked", mask=done.mask))
        word = "joined" if done.state is contract.EnrolState.ENROLLED else "known"
        return {"cashierInformation": blocks([self._say(word, mask=done.mask)])}

    # ── Words ───────────────────────────────────────────────────────────────────────────────────

    def _told(self, found: contract.IdentifyAnswer | None) -> list[str]:
        """What the cashier reads of whoever was named."""
        if found is None:
            return []
        if found.state is contract.IdentifyState.FOUND and found.customer is not None:
            lines = [self._say("client", name=found.customer.name or found.mask)]
            return lines + [self._say("balance", points=str(one.available)) for one in found.balances[:1]]
        if found.state in {contract.IdentifyState.PARTNER, contract.IdentifyState.NOT_TAKING_PART}:
            return [self._say(found.state.value, title=found.partner)]
        if found.state is contract.IdentifyState.RECEIPT:
            return []
        return [self._say(found.state.value, mask=found.mask)]

    def _most(self, quote: contract.QuoteAnswer) -> Money:
        """Money that points may pay on this receipt; the unit that is spent when nobody says which."""
        return next(iter(quote.spendable_worth.values()), quote.payable.with_minor(0))

    def _say(self, word: str, **values: str) -> str:
        return say(self._settings.language, word, **values)
