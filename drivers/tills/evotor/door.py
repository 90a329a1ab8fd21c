"""Takes Эвотор's receipt webhooks: kept and answered within its ten seconds, done afterwards, each receipt once."""

from __future__ import annotations

import hmac
import json
from datetime import datetime

from drivers.tills.clouds import CentreCheckout, Worked
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.evotor.settings import EvotorSettings
from drivers.tills.evotor.wire import Found, loads, webhook_of
from drivers.vocabulary.checkout import Checkout, ConfirmRequest, RefundRequest
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind

__all__ = ["EvotorDoor"]

PATH = "/api/v2/receipts"
#: Other events of the same cloud; they are thanked for, and change nothing.
OTHERS = ("/api/v1/", "/api/v2/", "/partner/")


class EvotorDoor:
    """``POST /api/v2/receipts`` below the shop's address."""

    def __init__(self, settings: EvotorSettings, context: DoorContext) -> None:
        self._settings = settings
        self._context = context

    def answer(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> HttpReply:
        """Answer one request."""
        del checkout, now, timeout_s
        if not self._is_known(request):
            sentence = "the cloud shows another token than this shop's key"
            return _problem(401, sentence, trouble=sentence)
        if request.path.rstrip("/") != PATH:
            is_other = request.path.startswith(OTHERS)
            return HttpReply(body=b"{}") if is_other else _problem(404, f"POST {PATH}")
        try:
            told = loads(request.body)
            found = webhook_of(told, self._context.currency)
        except ValueError as error:
            return _problem(400, str(error), trouble=f"{PATH}: {error}")
        return HttpReply(body=b"{}", later=found.receipt.uid if found is not None else "")

    def _is_known(self, request: HttpRequest) -> bool:
        """The cloud shows the token it was given in one of these headers."""
        shown = request.headers.get("authorization", "") or request.headers.get("x-authorization", "")
        bare = shown.partition(" ")[2] or shown
        return hmac.compare_digest(bare.strip().encode(), self._context.key.encode())

    def work(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> Worked:
        """Do what a kept receipt asks for."""
        try:
            found = webhook_of(loads(request.body), self._context.currency)
        except ValueError as error:
            return Worked(refused=str(error))
        if found is None:
            return Worked()
        closed_at, delay_s = found.receipt.closed_at, self._settings.delay_s
        if delay_s and closed_at is not None and (now - closed_at).total_seconds() < delay_s:
            return Worked(again="waits for what the agent at the terminal says of it")
        try:
            return self._take(found, checkout, timeout_s=timeout_s)
        except CheckoutRefused as refused:
            return Worked(again=str(refused)) if refused.code == "busy" else Worked(refused=str(refused))

    def _take(self, found: Found, checkout: Checkout, *, timeout_s: float) -> Worked:
        receipt = found.receipt
        if isinstance(checkout, CentreCheckout) and checkout.knows(receipt.uid, timeout_s=timeout_s):
            return Worked()
        if receipt.kind is DocumentKind.SALE:
            checkout.confirm(ConfirmRequest(receipt=receipt, code=found.code or None), timeout_s=timeout_s)
        elif receipt.base_uid is not None or not self._context.token:
            checkout.refund(RefundRequest(receipt=receipt), timeout_s=timeout_s)
        # A return that does not say of which sale: its document does, and is read.
        return Worked()

    def unavailable(self, sentence: str) -> HttpReply:
        """The cloud sends it again."""
        return _problem(503, sentence)


def _problem(status: int, message: str, *, trouble: str = "") -> HttpReply:
    body = json.dumps({"errors": [{"message": message}]}, ensure_ascii=False).encode()
    return HttpReply(status=status, body=body, trouble=trouble)
