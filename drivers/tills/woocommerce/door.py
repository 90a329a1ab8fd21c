"""Takes WooCommerce's order webhooks, answers at once and works afterwards; prices a basket for the shop's page."""

from __future__ import annotations

import json
from datetime import datetime

from drivers.tills.clouds import Worked
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.web_orders import Consenting, WebShop, loads
from drivers.tills.woocommerce.settings import WooSettings
from drivers.tills.woocommerce.wire import delivery_of, is_ping, is_signed, order_of
from drivers.vocabulary.checkout import Checkout
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["WooDoor"]

SIGNATURE = "x-wc-webhook-signature"


class WooDoor:
    """``POST /`` is a webhook, ``POST /quote`` asks what a basket costs; both are signed over the raw body."""

    def __init__(self, settings: WooSettings, context: DoorContext) -> None:
        self._context = context
        self._paid = frozenset(one.strip() for one in settings.paid.split(","))
        self._shop = WebShop(
            prefix="wc",
            shop=context.name,
            currency=context.currency,
            unit=settings.unit,
            consent=Consenting(purpose=settings.consent_purpose, version=settings.consent_version),
        )

    def answer(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> HttpReply:
        """Answer one request."""
        del now
        path = request.path.rstrip("/") or "/"
        if path == "/" and is_ping(request.body):
            return HttpReply(body=b"{}")
        refused = self._refused(request, path)
        if refused is not None:
            return refused
        try:
            return self._read(request, path, checkout, timeout_s=timeout_s)
        except CheckoutRefused as error:
            return _problem(409, str(error))
        except ValueError as error:
            return _problem(400, str(error), trouble=f"{request.path}: {error}")

    def _refused(self, request: HttpRequest, path: str) -> HttpReply | None:
        if request.method != "POST" or path not in ("/", "/quote"):
            return _problem(404, "POST / or POST /quote")
        if not is_signed(request.body, self._context.key, request.headers.get(SIGNATURE, "")):
            return _problem(401, "the signature is not of this shop's key", trouble="a request with a wrong signature")
        return None

    def _read(self, request: HttpRequest, path: str, checkout: Checkout, *, timeout_s: float) -> HttpReply:
        told = loads(request.body)
        if path == "/quote":
            return _reply(self._shop.quote(told, checkout, timeout_s=timeout_s))
        if not request.headers.get("x-wc-webhook-topic", "order.updated").startswith("order."):
            return _reply({"passed_over": True})
        order_of(told, self._paid)  # what cannot be read is told now, while somebody listens
        return HttpReply(body=b"{}", later=delivery_of(dict(request.headers), request.body))

    def work(self, request: HttpRequest, checkout: Checkout, *, now: datetime, timeout_s: float) -> Worked:
        """Do what a kept order asks for."""
        del now
        try:
            order = order_of(loads(request.body), self._paid)
        except ValueError as error:
            return Worked(refused=str(error))
        return self._shop.apply(order, checkout, timeout_s=timeout_s)

    def unavailable(self, sentence: str) -> HttpReply:
        """WooCommerce counts it as failed; after five in a row it switches the webhook off."""
        return _problem(503, sentence)


def _reply(value: object) -> HttpReply:
    return HttpReply(body=json.dumps(value, ensure_ascii=False).encode())


def _problem(status: int, message: str, *, trouble: str = "") -> HttpReply:
    body = json.dumps({"error": message}, ensure_ascii=False).encode()
    return HttpReply(status=status, body=body, trouble=trouble)
