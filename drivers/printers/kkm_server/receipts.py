"""A RegisterCheck and its result → a `Document`; pure.

The receipt is called by fiscal memory, document number and fiscal sign (``f-…``) as everywhere, so that whoever sees it
twice knows it; by its ``IdCommand`` where the server tells no QR code.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, tzinfo
from typing import Final

from drivers.ffd.lines import fiscal_uid, make_line
from drivers.json_amounts import minor_of, text_of, whole_of, write_json
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt, Tender

from .commands import RETURN, SALE, Command, Result, id_of, type_of
from .positions import TENDERS, Sums, read_sums

LAYOUT: Final = "kkm-server-json"
_KINDS: Final = {SALE: DocumentKind.SALE, RETURN: DocumentKind.RETURN}
#: Not kept with a document: who bought, who sold, keys.
_PERSONAL: Final = frozenset({"ClientAddress", "ClientInfo", "ClientINN", "CashierVATIN", "KeySubLicensing"})
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()-]{8,20}")
_MOMENTS: Final = {15: "%Y%m%dT%H%M%S", 13: "%Y%m%dT%H%M"}


def read_receipt(command: Command, result: Result, *, currency: str, zone: tzinfo, columns: int) -> Document:
    """What a finished receipt is; what is wrong with it is a problem in the value, not an exception."""
    raw = write_json({"command": without_people(command), "result": result.answer})
    kind = _KINDS.get(type_of(command))
    if kind is None:
        what = f"TypeCheck {command.get('TypeCheck')}, document {result.number}"
        problem = f"a correction, or a purchase from the customer ({what}): nothing was sold"
        return Document(kind=DocumentKind.OTHER, raw=raw, text=(), problems=(problem,), columns=columns)
    try:
        receipt = make_receipt(kind, read_sums(command), command, result, currency=currency, zone=zone)
    except ValueError as error:
        problem = f"the receipt of document {result.number} cannot be read: {error}"
        return Document(kind=kind, raw=raw, text=(), problems=(problem,), columns=columns)
    return Document(
        kind=kind, raw=raw, text=(), receipt=receipt, layout=LAYOUT, columns=columns, codes=codes_of(command)
    )


def make_receipt(
    kind: DocumentKind,
    sums: Sums,
    command: Command,
    result: Result | None,
    *,
    currency: str,
    zone: tzinfo,
    uid: str = "",
) -> Receipt:
    """The receipt of a command; without a result the one the POS is about to make. Raises ValueError."""
    lines = tuple(
        make_line(
            number,
            position.name,
            position.quantity,
            Money(position.price, currency),
            Money(position.amount, currency),
            barcode=position.barcode,
        )
        for number, position in enumerate(sums.positions, start=1)
    )
    change = sums.paid - sums.total
    if change < 0:
        raise ValueError(f"payments of {sums.paid} minor units do not make the total of {sums.total}")
    if result is not None and result.total and minor_of(result.total, "s of QRCode") != sums.total:
        raise ValueError(f"its QR code says {result.total}, the command {sums.total} minor units: another receipt")
    number = result.number if result is not None else 0
    return Receipt(
        uid=uid or _uid(command, result),
        kind=kind,
        total=Money(sums.total, currency),
        lines=lines,
        tenders=tuple(
            Tender(kind=TENDERS[name], amount=Money(minor, currency), name=name)
            for name, minor in sums.payments.items()
        ),
        change=Money(change, currency) if change else None,
        closed_at=_moment(result, zone),
        cashier=text_of(command.get("CashierName"))[:400],
        shift=(whole_of(result.answer.get("SessionNumber")) or None) if result is not None else None,
        number=str(number) if number else "",
    )


def codes_of(command: Command) -> tuple[str, ...]:
    """The customer's phone, where the receipt is sent to one."""
    address = text_of(command.get("ClientAddress")).strip()
    return (address,) if _PHONE.fullmatch(address) else ()


def without_people(command: Command) -> Command:
    """The command as it may be kept."""
    return {key: value for key, value in command.items() if key not in _PERSONAL}


def _uid(command: Command, result: Result | None) -> str:
    fiscal = result.fiscal if result is not None else None
    if fiscal is not None:
        return fiscal_uid(*fiscal)
    if result is None or not (result.number or id_of(command)):
        raise ValueError("neither QRCode nor CheckNumber nor IdCommand names it")
    # Numbers begin anew in another fiscal memory, so what was sold is part of the name.
    named = write_json([id_of(command), result.number, result.answer.get("SessionNumber"), command.get("CheckStrings")])
    return "kkm-" + hashlib.sha256(named).hexdigest()[:40]


def _moment(result: Result | None, zone: tzinfo) -> datetime | None:
    said = result.moment if result is not None else ""
    # By its length: strptime would read 13:31 without seconds as 13:03:01.
    form = _MOMENTS.get(len(said))
    try:
        return datetime.strptime(said, form).replace(tzinfo=zone) if form is not None else None
    except ValueError:
        return None
