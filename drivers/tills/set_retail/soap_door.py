"""The web service to which Set Retail 10 pushes its purchases; it counts nothing itself, but says what was told.

A package is taken as a whole: a body that is cut, not understood or not ours is refused with a fault, and Set Retail
sends it again. A purchase that does not add up is kept for a person and does not keep back the others.
"""

from __future__ import annotations

import binascii
import hmac
from typing import Final

from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.reports import ReportContext
from drivers.tills.set_retail import soap
from drivers.tills.set_retail.report import PurchasesBook
from drivers.tills.set_retail.settings import SetRetailSettings

__all__ = ["PATH", "PurchasesDoor"]

PATH: Final = f"/{soap.SERVICE}"
XML: Final = "text/xml; charset=utf-8"
FAULT: Final = 500  # SOAP 1.1 §6.2: every fault
FAULT_12: Final = 400  # SOAP 1.2 part 2 §7.4: the sender's
BAD_KEY: Final = 401
NOT_NOW: Final = 503


class PurchasesDoor:
    """``POST /Set10PurchasesService``, and its description."""

    def __init__(self, settings: SetRetailSettings, context: DoorContext) -> None:
        self._settings = settings
        self._context = context

    def answer(self, request: HttpRequest) -> HttpReply:
        """The answer to one request; what is `reported` in it must be kept before it is given."""
        plain = soap.Envelope()
        if not self._shows_key(request):
            trouble = "Set Retail shows another key; write that of `tillpoint tills` as the service's password"
            return HttpReply(
                status=BAD_KEY, body=plain.fault("unknown key"), content_type=XML, trouble=trouble,
                headers={"www-authenticate": 'Basic realm="tillpoint"'},
            )  # fmt: skip
        if request.method == "GET":
            host = request.headers.get("host", "127.0.0.1")
            return HttpReply(body=soap.wsdl(f"http://{host}{self._root(request)}"), content_type=XML)
        if not self._settings.soap:
            return self._refused(plain, "purchases by SOAP are off: set soap = true in this till system's settings")
        try:
            call = soap.read(request.body)
        except soap.SoapError as error:
            return self._refused(plain, str(error))
        return self._taken(call)

    def _taken(self, call: soap.Call) -> HttpReply:
        envelope = call.envelope
        done = HttpReply(body=envelope.taken(), content_type=envelope.content_type)
        if not call.is_of_sales:
            return done
        context = ReportContext(zone=self._context.zone, currency=self._context.currency)
        book = PurchasesBook(self._settings.reports, context)
        file = book.file("the package")
        told = [*file.feed(call.purchases), *file.end()]
        if file.problem or file.held:
            return self._refused(envelope, file.problem or "the package ends in the middle; send it again, whole")
        unkept = HttpReply(
            status=NOT_NOW,
            body=envelope.fault("the till cannot take it now; send it again", is_ours=True),
            content_type=envelope.content_type,
            headers={"retry-after": "5"},
        )
        return HttpReply(
            body=done.body, content_type=done.content_type, trouble=book.complaint, reported=tuple(told), unkept=unkept
        )

    def _refused(self, envelope: soap.Envelope, sentence: str) -> HttpReply:
        return HttpReply(
            status=FAULT if envelope.content_type == XML else FAULT_12,
            body=envelope.fault(sentence),
            content_type=envelope.content_type,
            trouble=f"purchases by SOAP: {sentence}",
        )

    def _shows_key(self, request: HttpRequest) -> bool:
        """The password of Basic, or ``?key=`` in the address where a sender knows no password."""
        shown = request.query.get("key", "")
        scheme, _, coded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                shown = binascii.a2b_base64(coded.encode()).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        return hmac.compare_digest(shown.encode(), self._context.key.encode())

    def _root(self, request: HttpRequest) -> str:
        """The address without the question: below /tills/<name> on the local API's port, at the root of its own."""
        return f"{request.root}{PATH}"
