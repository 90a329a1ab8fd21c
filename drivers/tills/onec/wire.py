"""The receipt package of 1C's driver standard, both generations, as an exact receipt; and a text document in answer.

Source: «Требования к разработке драйверов подключаемого оборудования», versions 2.5 to 4.5: `ProcessCheck` gives the
driver an XML `CheckPackage`; `PrintTextDocument` takes an XML `Document`. Newer packages tell prices with discounts and
the discount beside them; older ones tell a price and an amount, which need not fit each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.etree import ElementTree as ET

from drivers.tills.amounts import money_of, quantity_of
from drivers.vocabulary.money import Money, Quantity, divide_half_up, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["Package", "PackageError", "Printed", "read", "text_document"]

SALE: Final = {"1"}
RETURN: Final = {"2"}
_TENDERS: Final = {
    "Cash": TenderKind.CASH,
    "ElectronicPayment": TenderKind.CARD,
    "PrePayment": TenderKind.PREPAID,
    "PostPayment": TenderKind.CREDIT,
    "Barter": TenderKind.OTHER,
    "CashLessType1": TenderKind.CARD,
    "CashLessType2": TenderKind.CARD,
    "CashLessType3": TenderKind.CARD,
}
_EXACT: Final = 1_000_000  # a quantity is kept in millionths


class PackageError(ValueError):
    """The package cannot be read; the message names the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One receipt as 1C gave it to its driver.

    Attributes:
        kind: SALE or RETURN; OTHER for what is neither (a correction, an expense).
        customer: the phone that the receipt is sent to, "" for none.
        printed: what the register answered, None when it was not sent along.
    """

    kind: DocumentKind
    lines: tuple[Line, ...]
    total: Money
    tenders: tuple[Tender, ...]
    change: Money | None
    cashier: str
    customer: str
    printed: Printed | None

    def receipt(self, uid: str, *, base_uid: str | None = None) -> Receipt:
        """The receipt of the vocabulary, under the name it goes by."""
        return Receipt(
            uid=uid,
            kind=self.kind,
            total=self.total,
            lines=self.lines,
            tenders=self.tenders,
            change=self.change,
            cashier=self.cashier[:400],
            shift=self.printed.shift if self.printed is not None else None,
            number=self.printed.number if self.printed is not None else "",
            base_uid=base_uid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """`DocumentOutputParameters` of the register: which fiscal document the package became."""

    shift: int | None
    number: str
    sign: str


def read(data: bytes, *, currency: str) -> Package:
    """A `CheckPackage`, alone or inside a `ProcessCheck` with `DocumentOutputParameters`; raises PackageError."""
    root = _parsed(data)
    package = root if root.tag == "CheckPackage" else root.find("CheckPackage")
    if package is None:
        raise PackageError(f"the root is <{root.tag}>, not <CheckPackage> or <ProcessCheck>")
    parameters = package.find("Parameters")
    if parameters is None:
        raise PackageError("<Parameters> is missing")
    lines = tuple(_lines(package, currency))
    if not lines:
        raise PackageError("<Positions> has no <FiscalString>")
    total = Money(sum(one.total.minor for one in lines), currency)
    tenders = tuple(_tenders(package, currency))
    paid = sum(one.amount.minor for one in tenders)
    if tenders and paid < total.minor:
        raise PackageError(f"<Payments> make {total.with_minor(paid)}, the lines make {total}")
    customer = parameters.get("CustomerPhone", "")
    return Package(
        kind=_kind(parameters),
        lines=lines,
        total=total,
        tenders=tenders,
        change=total.with_minor(paid - total.minor) if paid > total.minor else None,
        cashier=parameters.get("CashierName", ""),
        customer=customer if re.fullmatch(r"\+?[0-9 ()-]{10,20}", customer) else "",
        printed=_printed(root),
    )


def text_document(lines: Sequence[str]) -> bytes:
    """Lines as the `Document` that `PrintTextDocument` takes."""
    document = ET.Element("Document")
    positions = ET.SubElement(document, "Positions")
    for line in lines:
        ET.SubElement(positions, "TextString", Text=line)
    written: bytes = ET.tostring(document, encoding="UTF-8", xml_declaration=True)
    return written


def _parsed(data: bytes) -> ET.Element:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise PackageError("a package has no DOCTYPE and no ENTITY")
    try:
        return ET.fromstring(data)  # noqa: S314 - without entities there is nothing to blow up
    except (ET.ParseError, ValueError, LookupError) as error:
        raise PackageError(f"not XML: {error}") from None


def _kind(parameters: ET.Element) -> DocumentKind:
    told = parameters.get("OperationType") or parameters.get("PaymentType") or ""
    return DocumentKind.SALE if told in SALE else DocumentKind.RETURN if told in RETURN else DocumentKind.OTHER


def _lines(package: ET.Element, currency: str) -> Iterator[Line]:
    for number, one in enumerate(package.iterfind("Positions/FiscalString"), start=1):
        try:
            yield _line(number, one, currency)
        except ValueError as error:
            raise PackageError(f"position {number}: {error}") from None


def _line(number: int, one: ET.Element, currency: str) -> Line:
    quantity = _quantity(one)
    new, old = _money(one, "AmountWithDiscount", currency), _money(one, "Amount", currency)
    asked = new if new is not None else old
    if asked is None:
        raise ValueError("neither AmountWithDiscount nor Amount")
    off = _money(one, "DiscountAmount", currency)
    off_minor = max(0, off.minor) if off is not None else 0
    gross = asked.with_minor(asked.minor + off_minor)
    told = None if off_minor else _money(one, "Price" if new is None else "PriceWithDiscount", currency)
    price, count = _priced(gross, quantity, told)
    return Line(
        number=number,
        name=one.get("Name", "")[:400],
        quantity=count,
        price=price,
        total=asked,
        discount=gross.with_minor(off_minor) if off_minor else None,
    )


def _priced(gross: Money, quantity: Quantity, told: Money | None) -> tuple[Money, Quantity]:
    """A price for one that makes the sum. The sum is what was paid, so it stands and the price gives way."""
    if told is not None and abs(line_total(told, quantity).minor - gross.minor) <= 1:
        return told, quantity
    made = gross.with_minor(divide_half_up(gross.minor * _EXACT, quantity.steps))
    if abs(line_total(made, quantity).minor - gross.minor) <= 1:
        return made, quantity
    return gross, Quantity.ONE  # no whole price makes this sum of this quantity: told as one piece


def _tenders(package: ET.Element, currency: str) -> Iterator[Tender]:
    payments = package.find("Payments")
    for name in payments.keys() if payments is not None else ():
        kind = _TENDERS.get(name)
        amount = _money(payments, name, currency) if payments is not None and kind is not None else None
        if kind is not None and amount is not None and amount.minor > 0:
            yield Tender(kind=kind, amount=amount, name=name)


def _printed(root: ET.Element) -> Printed | None:
    found = root.find("DocumentOutputParameters")
    if found is None:
        return None
    inner = found.find("Parameters")
    told = inner if inner is not None else found
    shift = told.get("ShiftNumber", "")
    number = told.get("CheckNumber", "")[:20]
    return Printed(shift=int(shift) if shift.isdecimal() else None, number=number, sign=told.get("FiscalSign", "")[:40])


def _decimal(one: ET.Element, name: str) -> Decimal | None:
    text = one.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise PackageError(f'{name}="{text[:40]}" is no number') from None
    if not found.is_finite():
        raise PackageError(f'{name}="{text[:40]}" is no number')
    return found


def _money(one: ET.Element, name: str, currency: str) -> Money | None:
    found = _decimal(one, name)
    return None if found is None else money_of(found, currency)


def _quantity(one: ET.Element) -> Quantity:
    found = _decimal(one, "Quantity")
    return Quantity.ONE if found is None else quantity_of(found)
