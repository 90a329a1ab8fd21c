"""Takes orders of a 1C-Bitrix site, answers at once and works afterwards; prices a basket for the site's page."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from drivers.tills.bitrix.settings import BitrixSettings
from drivers.tills.bitrix.wire import DELIVERY, SIGNATURE, TIMESTAMP, order_of, sign
from drivers.tills.clouds import Worked
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.web_orders import Consenting, WebShop, loads
from drivers.vocabulary.checkout import Checkout
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["BitrixDoor"]


class BitrixDoor:
    """``POST /`` is an order, ``POST /quote`` asks what a basket costs; both are signed with their time."""

    def __init__(self, settings: BitrixSettings, context: DoorContext) -> None:
        self._context = context
        self._skew_s = settings.skew_s
        self._shop = WebShop(
            prefix="bx",
            shop=context.name,
            currency=context.currency,
            unit=settings.unit,
            consent=Consenting(purpose=settings.consent_purpose, version=settings.consent_version),
        )

    def answer(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> HttpReply:
        """Answer one request."""
        path = request.path.rstrip("/") or "/"
        if request.method != "POST" or path not in ("/", "/quote"):
            return _problem(404, "POST / or POST /quote")
        refusal = self._refusal(request, now)
        if refusal:
            return _problem(401, refusal, trouble=refusal)
        try:
            told = loads(request.body)
            if path == "/quote":
                return _reply(self._shop.quote(told, checkout, timeout_s=timeout_s))
            order_of(told, self._context.zone)
        except CheckoutRefused as refused:
            return _problem(409, str(refused))
        except ValueError as error:
            return _problem(400, str(error), trouble=f"{request.path}: {error}")
        told_name = request.headers.get(DELIVERY, "").strip()[:100]
        return HttpReply(body=b"{}", later=told_name or f"sha256:{hashlib.sha256(request.body).hexdigest()}")

    def _refusal(self, request: HttpRequest, now: datetime) -> str:
        """Why these bytes are not taken for the site's, "" when they are."""
        timestamp = request.headers.get(TIMESTAMP, "").strip()
        wanted = sign(request.body, self._context.key, timestamp)
        if not hmac.compare_digest(wanted.encode(), request.headers.get(SIGNATURE, "").strip().encode()):
            return "the signature is not of this shop's key"
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            return f"{TIMESTAMP} is no time in seconds"
        if abs(int(timestamp) - now.timestamp()) > self._skew_s:
            return "the request is too old, or the site's clock is wrong; set it by the network"
        return ""

    def work(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> Worked:
        """Do what a kept order asks for."""
        del now
        try:
            order = order_of(loads(request.body), self._context.zone)
        except ValueError as error:
            return Worked(refused=str(error))
        return self._shop.apply(order, checkout, timeout_s=timeout_s)

    def unavailable(self, sentence: str) -> HttpReply:
        """Our handler keeps the order and sends it again with the next event."""
        return _problem(503, sentence)


def _reply(value: object) -> HttpReply:
    return HttpReply(body=json.dumps(value, ensure_ascii=False).encode())


def _problem(status: int, message: str, *, trouble: str = "") -> HttpReply:
    body = json.dumps({"error": message}, ensure_ascii=False).encode()
    return HttpReply(status=status, body=body, trouble=trouble)
