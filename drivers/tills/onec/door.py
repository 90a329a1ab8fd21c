"""Takes the receipt packages that 1C gives its register's driver, and answers the lines to print after each.

``POST /process_check?document=<GUID>[&base=<GUID of the sale>]`` with the package, and with what the register answered.
The package comes when the receipt is closed: points are earned, nothing can be taken off any more. What is to be taken
off, 1C asks over the local API before (`installer/bridges/onec`), under the same name, so that both are one receipt.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final
from xml.sax.saxutils import quoteattr  # nosec - writes only

from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.onec import wire
from drivers.tills.onec.settings import OnecSettings
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind

__all__ = ["OnecDoor", "uid_of"]

XML: Final = "application/xml; charset=utf-8"
_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_LATER: Final = frozenset({"busy", "no_store", "not_recorded", "timeout"})


def uid_of(document: str) -> str:
    """How a document of 1C is called everywhere: its GUID, in small letters."""
    return f"onec:{document.lower()}"


class OnecDoor:
    """The proxy driver's side of `ProcessCheck`."""

    def __init__(self, settings: OnecSettings, context: DoorContext) -> None:
        self._settings = settings
        self._context = context

    def answer(
        self, request: HttpRequest, checkout: contract.Checkout, *, now: datetime, timeout_s: float
    ) -> HttpReply:
        """Answer one package."""
        del now  # the package's document tells no time; it is closed when it arrives
        if request.path != "/process_check" or request.method != "POST":
            return _error(404, "POST /process_check?document=<GUID>")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), self._context.key.encode()):
            return _error(401, "send Authorization: Bearer with the key", trouble="1C shows another key")
        document, base = request.query.get("document", ""), request.query.get("base", "")
        if not _NAME.fullmatch(document) or (base and not _NAME.fullmatch(base)):
            return _error(400, "document (and base) is the GUID of the document in 1C")
        try:
            package = wire.read(request.body, currency=self._context.currency)
            return self._closed(package, uid_of(document), uid_of(base) if base else None, checkout, timeout_s)
        except (wire.PackageError, ValueError) as error:
            return _error(400, str(error), trouble=f"document {document}: {error}")
        except CheckoutRefused as refused:
            return _error(503 if refused.code in _LATER else 409, str(refused))

    def unavailable(self, sentence: str) -> HttpReply:
        """The driver prints nothing and sends the package again with the next one."""
        return _error(503, sentence)

    def _closed(
        self, package: wire.Package, uid: str, base: str | None, checkout: contract.Checkout, timeout_s: float
    ) -> HttpReply:
        receipt = package.receipt(uid, base_uid=base)
        if package.kind is DocumentKind.SALE:
            code = package.customer if self._settings.phone_is_customer else ""
            done = checkout.confirm(contract.ConfirmRequest(receipt=receipt, code=code or None), timeout_s=timeout_s)
            return _lines(done.slip)
        if package.kind is DocumentKind.RETURN:
            return _lines(checkout.refund(contract.RefundRequest(receipt=receipt), timeout_s=timeout_s).slip)
        return _lines(())


def _lines(slip: tuple[str, ...]) -> HttpReply:
    return HttpReply(body=wire.text_document(slip), content_type=XML)


def _error(status: int, sentence: str, *, trouble: str = "") -> HttpReply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error Text={quoteattr(sentence)}/>'.encode()
    headers = {"www-authenticate": "Bearer"} if status == 401 else {"retry-after": "1"} if status == 503 else {}
    return HttpReply(status=status, body=body, content_type=XML, headers=headers, trouble=trouble)
