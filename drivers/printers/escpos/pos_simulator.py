"""The other twin: a till that prints; receipts to ESC/POS bytes in several layouts and languages, for demos and tests.

It does not read: what it prints is what real tills of that kind print, words and columns, so that the reader can be
held to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

from .text import clip, width_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TillStyle:
    """How a kind of till prints.

    Attributes:
        shape: "two-lines", "one-line", "columns" or "quantity-first".
        codec: Python codec, and `page`, the number ESC t selects it with (Epson's), None to select none.
        decimal_mark, thousands: how amounts look; `prefix` stands before them (``=``).
        cut: the bytes that end a document, b"" for a till that never cuts.
    """

    name: str
    language: str
    shape: str
    codec: str
    page: int | None
    columns: int = 32
    decimal_mark: str = "."
    thousands: str = ""
    prefix: str = ""
    times: str = " x "
    cut: bytes = b"\x1dVB\x00"


STYLES: Final[dict[str, TillStyle]] = {
    style.name: style
    for style in (
        TillStyle(name="ru-two-lines", language="ru", shape="two-lines", codec="cp866", page=17, prefix="=",
                  times=" x "),
        TillStyle(name="ru-fiscal", language="ru", shape="two-lines", codec="cp1251", page=46, columns=48,
                  prefix="=", times="*", decimal_mark=".", cut=b"\x1bi"),
        TillStyle(name="ru-one-line", language="ru", shape="one-line", codec="cp866", page=17, columns=48,
                  decimal_mark=",", thousands=" "),
        TillStyle(name="ru-columns", language="ru", shape="columns", codec="cp866", page=17, columns=48,
                  decimal_mark=","),
        TillStyle(name="en-one-line", language="en", shape="one-line", codec="cp437", page=None, columns=42,
                  thousands=","),
        TillStyle(name="en-quantity-first", language="en", shape="quantity-first", codec="cp437", page=0, columns=42,
                  cut=b"\x1bm"),
        TillStyle(name="en-two-lines", language="en", shape="two-lines", codec="cp1252", page=16, columns=32,
                  cut=b"\x1dV\x00"),
        TillStyle(name="th-quantity-first", language="th", shape="quantity-first", codec="cp874", page=21, columns=32,
                  thousands=","),
        TillStyle(name="th-one-line", language="th", shape="one-line", codec="cp874", page=21, columns=42),
        TillStyle(name="th-no-cut", language="th", shape="two-lines", codec="cp874", page=21, columns=32, cut=b""),
        TillStyle(name="de-two-lines", language="de", shape="two-lines", codec="cp858", page=19, columns=42,
                  decimal_mark=",", thousands="."),
    )
}  # fmt: skip

WORDS: Final[dict[str, dict[str, str]]] = {
    "ru": {
        "sale": "КАССОВЫЙ ЧЕК", "return": "ВОЗВРАТ ПРИХОДА", "void": "ЧЕК АННУЛИРОВАН", "report": "Z-ОТЧЕТ",
        "kitchen": "ЗАКАЗ НА КУХНЮ", "copy": "КОПИЯ ЧЕКА", "other": "ПРЕДВАРИТЕЛЬНЫЙ ЧЕК",
        "number": "ЧЕК №", "shift": "СМЕНА №", "cashier": "КАССИР: ", "total": "ИТОГ", "subtotal": "ПОДЫТОГ",
        "discount": "СКИДКА", "receipt_discount": "СКИДКА НА ЧЕК", "surcharge": "НАДБАВКА", "cash": "НАЛИЧНЫМИ",
        "card": "БЕЗНАЛИЧНЫМИ", "points": "БОНУСАМИ", "certificate": "СЕРТИФИКАТ", "prepaid": "АВАНС",
        "credit": "КРЕДИТ", "other_tender": "ИНАЯ ФОРМА", "change": "СДАЧА", "thanks": "СПАСИБО ЗА ПОКУПКУ!",
        "shop": 'ООО "Пример"',
    },
    "en": {
        "sale": "SALE", "return": "REFUND", "void": "TRANSACTION VOIDED", "report": "Z REPORT",
        "kitchen": "KITCHEN ORDER", "copy": "REPRINT", "other": "GUEST CHECK",
        "number": "RECEIPT #", "shift": "SHIFT ", "cashier": "CASHIER: ", "total": "TOTAL", "subtotal": "SUBTOTAL",
        "discount": "DISCOUNT", "receipt_discount": "RECEIPT DISCOUNT", "surcharge": "SURCHARGE", "cash": "CASH",
        "card": "CARD", "points": "POINTS", "certificate": "GIFT CARD", "prepaid": "DEPOSIT", "credit": "ON ACCOUNT",
        "other_tender": "OTHER", "change": "CHANGE", "thanks": "THANK YOU!", "shop": "Example Store",
    },
    "th": {
        "sale": "ใบเสร็จรับเงิน", "return": "คืนสินค้า", "void": "ยกเลิกบิล", "report": "รายงานปิดกะ",
        "kitchen": "ใบสั่งอาหาร", "copy": "สำเนาใบเสร็จ", "other": "ใบแจ้งรายการ",
        "number": "เลขที่ ", "shift": "กะ ", "cashier": "พนักงาน: ", "total": "ยอดสุทธิ", "subtotal": "รวมย่อย",
        "discount": "ส่วนลด", "receipt_discount": "ส่วนลดท้ายบิล", "surcharge": "ค่าบริการ", "cash": "เงินสด",
        "card": "บัตรเครดิต", "points": "แต้ม", "certificate": "บัตรของขวัญ", "prepaid": "มัดจำ", "credit": "เครดิต",
        "other_tender": "อื่นๆ", "change": "เงินทอน", "thanks": "ขอบคุณค่ะ", "shop": "ร้านตัวอย่าง",
    },
    "de": {
        "sale": "KASSENBON", "return": "RÜCKGABE", "void": "BON STORNIERT", "report": "Z-BERICHT",
        "kitchen": "KÜCHENBON", "copy": "BELEGKOPIE", "other": "ZWISCHENRECHNUNG",
        "number": "BON-NR. ", "shift": "SCHICHT ", "cashier": "BEDIENER: ", "total": "SUMME",
        "subtotal": "ZWISCHENSUMME",
        "discount": "RABATT", "receipt_discount": "BONRABATT", "surcharge": "ZUSCHLAG", "cash": "BAR",
        "card": "KARTE", "points": "GUTSCHEIN", "certificate": "GUTSCHEIN", "prepaid": "GUTSCHEIN",
        "credit": "GUTSCHEIN", "other_tender": "GUTSCHEIN", "change": "RÜCKGELD", "thanks": "VIELEN DANK!",
        "shop": "Musterladen",
    },
}  # fmt: skip

_TENDER_WORDS: Final = {kind: kind.value for kind in TenderKind} | {TenderKind.OTHER: "other_tender"}
_RESET: Final = b"\x1b@"
_CENTRE, _LEFT = b"\x1ba\x01", b"\x1ba\x00"
_BIG, _SMALL = b"\x1b!\x30", b"\x1b!\x00"
_FEED: Final = b"\x1bd\x04"
_DRAWER: Final = b"\x1bp\x00\x19\xfa"


def compose_receipt(receipt: Receipt, style: TillStyle | str, *, heading: str = "") -> bytes:
    """The bytes a till of this style sends for this receipt.

    `heading` is printed as the kind of document; "" prints the style's own word for `receipt.kind`.
    """
    till = STYLES[style] if isinstance(style, str) else style
    words = WORDS[till.language]
    page = _Page(till)
    page.head(words["shop"], heading or words[receipt.kind.value])
    page.fields(receipt, words)
    page.ruler()
    if till.shape == "columns":
        page.text("Наименование  Кол  Цена  Сумма")
        page.ruler()
    for line in receipt.lines:
        page.item(line, words)
    page.ruler()
    if receipt.adjustment is not None:
        gross = receipt.total - receipt.adjustment
        page.pair(words["subtotal"], page.money(gross))
        is_off = receipt.adjustment.minor < 0
        word = words["receipt_discount"] if is_off else words["surcharge"]
        page.pair(
            word, ("-" if is_off else "") + page.money(receipt.adjustment.with_minor(abs(receipt.adjustment.minor)))
        )
    page.total(words["total"], receipt.total)
    for tender in receipt.tenders:
        page.pair(words[_TENDER_WORDS[tender.kind]], page.money(tender.amount))
    if receipt.change is not None:
        page.pair(words["change"], page.money(receipt.change))
    page.text("")
    page.text(words["thanks"])
    return page.finish(opens_drawer=any(tender.kind is TenderKind.CASH for tender in receipt.tenders))


def sample_receipt(currency: str = "RUB") -> Receipt:
    """A receipt with everything a till prints: a weighed line, a discount, a receipt discount, cash and change."""

    def money(amount: str) -> Money:
        return Money.of(amount, currency)

    lines = (
        Line(number=1, name="Milk 3.2% 1L", quantity=Quantity.parse("2"), price=money("89.90"), total=money("169.80"),
             discount=money("10.00")),
        Line(number=2, name="Coffee beans", quantity=Quantity.ONE, price=money("1234.50"), total=money("1234.50")),
        Line(number=3, name="Bag", quantity=Quantity.parse("3"), price=money("5.00"), total=money("15.00")),
    )  # fmt: skip
    return Receipt(
        uid="sample",
        kind=DocumentKind.SALE,
        lines=lines,
        adjustment=money("-9.30"),
        total=money("1410.00"),
        tenders=(Tender(kind=TenderKind.CASH, amount=money("1500.00")),),
        change=money("90.00"),
        closed_at=datetime(2026, 5, 12, 12, 30, 5, tzinfo=timezone(timedelta(hours=3))),
        number="123",
        shift=7,
        cashier="Petrova",
    )


def compose_kitchen_ticket(lines: Sequence[tuple[int, str]], style: TillStyle | str, *, number: str) -> bytes:
    """A kitchen ticket: counts and names, no prices."""
    till = STYLES[style] if isinstance(style, str) else style
    page = _Page(till)
    page.head("", WORDS[till.language]["kitchen"])
    page.text(f"{WORDS[till.language]['number']}{number}")
    for count, name in lines:
        page.text(f"{count} x {name}")
    return page.finish(opens_drawer=False)


def compose_text(lines: Sequence[str], style: TillStyle | str, *, kind: DocumentKind | None = None) -> bytes:
    """Any document: a report, a card slip, an advertisement."""
    till = STYLES[style] if isinstance(style, str) else style
    page = _Page(till)
    if kind is not None:
        page.head("", WORDS[till.language][kind.value])
    for line in lines:
        page.text(line)
    return page.finish(opens_drawer=False)


class _Page:
    """Collects the bytes of one document."""

    def __init__(self, style: TillStyle) -> None:
        self._style = style
        select = b"" if style.page is None else b"\x1bt" + bytes([style.page])
        self._out = bytearray(_RESET + select)

    def text(self, line: str) -> None:
        self._out += self._encoded(clip(line, self._style.columns)) + b"\n"

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._style.codec, errors="replace")

    def head(self, shop: str, heading: str) -> None:
        self._out += _CENTRE
        if shop:
            self.text(shop)
        self._out += _BIG
        self.text(heading)
        self._out += _SMALL + _LEFT

    def ruler(self) -> None:
        self.text("-" * self._style.columns)

    def fields(self, receipt: Receipt, words: dict[str, str]) -> None:
        if receipt.number:
            self.text(words["number"] + receipt.number)
        if receipt.shift is not None and self._style.language != "de":
            self.text(f"{words['shift']}{receipt.shift}")
        if receipt.cashier:
            self.text(words["cashier"] + receipt.cashier)
        if receipt.closed_at is not None:
            self.text(receipt.closed_at.strftime("%d.%m.%Y %H:%M:%S"))

    def money(self, amount: Money) -> str:
        whole, _, fraction = amount.amount.partition(".")
        digits = whole.lstrip("-")
        if self._style.thousands:
            groups: list[str] = []
            while len(digits) > 3:
                groups.insert(0, digits[-3:])
                digits = digits[:-3]
            digits = self._style.thousands.join([digits, *groups])
        return (
            ("-" if whole.startswith("-") else "") + digits + (self._style.decimal_mark + fraction if fraction else "")
        )

    def pair(self, left: str, right: str) -> None:
        """Left and right of one line, two blanks apart at least; the name gives way, never the number."""
        right = self._style.prefix + right
        room = self._style.columns - width_of(right) - 2
        left = clip(left, room)
        self.text(left + " " * (self._style.columns - width_of(left) - width_of(right)) + right)

    def total(self, word: str, total: Money) -> None:
        self._out += b"\x1bE\x01"
        self.pair(word, self.money(total))
        self._out += b"\x1bE\x00"

    def item(self, line: Line, words: dict[str, str]) -> None:
        style = self._style
        gross = self.money(line.gross)
        quantity = str(line.quantity).replace(".", style.decimal_mark)
        price = self.money(line.price)
        if style.shape == "two-lines":
            self.text(line.name)
            self.pair(f"  {quantity}{style.times}{price}", gross)
        elif style.shape == "one-line":
            counted = f"{quantity}{style.times}{price}"
            room = style.columns - width_of(counted) - width_of(gross) - 4
            self.pair(f"{clip(line.name, room)}  {counted}", gross)
        elif style.shape == "columns":
            tail = f"{quantity:>8}{price:>12}{gross:>12}"
            room = style.columns - width_of(tail) - 1
            name = clip(line.name, room)
            self.text(name + " " * (style.columns - width_of(tail) - width_of(name)) + tail)
        else:
            self.pair(f"{quantity} {line.name}", gross)
        if line.discount is not None:
            self.pair(words["discount"], "-" + self.money(line.discount))

    def finish(self, *, opens_drawer: bool) -> bytes:
        self._out += _FEED + self._style.cut
        if opens_drawer:
            self._out += _DRAWER
        return bytes(self._out)
