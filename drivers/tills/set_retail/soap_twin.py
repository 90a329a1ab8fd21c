"""A shop's Set Retail 10 server that pushes its purchases: what it posts for one sale and a return of a part; a codec.

A package that is not answered true is sent again, as it was; the sale was closed long before and waits for nothing.
"""

from __future__ import annotations

import binascii
from collections.abc import Generator
from typing import Any, Final
from xml.etree import ElementTree as ET

from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, TwinContext
from drivers.tills.set_retail.report_twin import PurchasesTwin
from drivers.tills.set_retail.soap import NAMESPACE
from drivers.tills.set_retail.soap_door import PATH
from drivers.vocabulary.money import Money, line_total

__all__ = ["PurchasesPusher", "package"]

TRIES: Final = 4
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"


class PurchasesPusher:
    """Plays a story through ``Set10PurchasesService``."""

    def __init__(self, settings: Any, context: TwinContext) -> None:
        self._context = context
        self._file = PurchasesTwin(settings, context)

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """One package with the sale and what came back of it."""
        nothing = Money(0, self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        if story.abandon:
            return seen
        sold = [line_total(line.price, line.quantity).minor for line in story.lines]
        back = [line_total(story.lines[place - 1].price, quantity).minor for place, quantity in story.refund]
        seen.paid = nothing.with_minor(sum(sold))
        seen.refunded = nothing.with_minor(sum(back)) if story.refund else None
        purchases = self._file.header() + self._file.play(story) + self._file.footer()
        login = binascii.b2a_base64(f"set:{self._context.key}".encode(), newline=False).decode()
        request = HttpRequest(
            method="POST",
            path=PATH,
            headers={"authorization": f"Basic {login}", "content-type": "text/xml; charset=utf-8", "soapaction": '""'},
            body=package(purchases),
        )
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            refusal = _refusal(reply)
            if refusal:
                seen.failures.append(refusal)
            return seen
        seen.failures.append("no answer")
        return seen


def package(purchases: bytes, call: str = "processPurchasesWithTI") -> bytes:
    """The envelope around purchases."""
    inside = binascii.b2a_base64(purchases, newline=False).decode()
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<S:Envelope xmlns:S="{SOAP}"><S:Body><ns2:{call} xmlns:ns2="{NAMESPACE}">'
        f"<purchases>{inside}</purchases><version>1.0</version></ns2:{call}></S:Body></S:Envelope>"
    ).encode()


def _refusal(reply: HttpReply) -> str:
    """Why the package was not taken, "" when it was."""
    try:
        body = ET.fromstring(reply.body)  # noqa: S314 - the agent's own
    except ET.ParseError:
        return f"answered {reply.status}"
    if body.findtext(".//return") == "true":
        return ""
    return body.findtext(".//faultstring") or f"answered {reply.status}"
