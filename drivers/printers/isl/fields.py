"""The DATA of each command as values, written and read in the dialects of the makers; no I/O.

Layouts: Datecs P protocol 1.00, C 2.04 and X 2.02, Daisy 1.0, Eltrade 1.1.1, Incotex, by facts. Text is cp1251. Reading
is generous: `;` and `$` before an absolute discount, Cyrillic and Latin tax letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .models import Dialect, Model

ENCODING: Final = "cp1251"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What opens a receipt; `base` is the document a return takes back."""

    operator: str = "1"
    password: str = ""
    till: str = "1"
    unp: str = ""
    is_return: bool = False
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifier:
    """A discount (below 0) or a surcharge, in percent or as an amount of whole units."""

    value: Decimal
    is_percent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One item; a price below 0 takes back an earlier one. `tax` is A to H, `department` where there is no letter."""

    name: str
    price: Decimal
    quantity: Decimal = Decimal(1)
    tax: str = "B"
    department: str = ""
    modifier: Modifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment; without an amount it is all that is still due."""

    letter: str = ""
    amount: Decimal | None = None


_AMOUNT: Final = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_ITEM: Final = re.compile(
    r"(?P<price>[+-]?\d{1,10}(?:\.\d{1,4})?)(?:\*(?P<quantity>\d{1,8}(?:\.\d{1,4})?)(?:#[^,;$]*)?)?"
    r"(?:(?P<mark>[,;$])(?P<value>[+-]?\d{1,10}(?:\.\d{1,4})?))?",
    re.ASCII,
)
_PAYMENT: Final = re.compile(r"(?P<letter>[A-Za-z]?)(?P<amount>[+-]?\d{1,12}(?:\.\d{1,4})?)?", re.ASCII)
#: Unique number of a sale (Bulgaria): device, operator, count.
_UNP: Final = re.compile(r"[A-Za-z]{2}\d{6}-[0-9A-Za-z]{4}-\d{7}", re.ASCII)
_STORNO_BASE: Final = re.compile(r"[ERT](\d{1,7})(?:#.*)?", re.ASCII)  # type of return and the document's number
_CYRILLIC_TAXES: Final = "АБВГДЕЖЗ"
_LATIN_TAXES: Final = "ABCDEFGH"
#: discType of Datecs X: what it is and in which direction.
_X_MODIFIERS: Final = {"1": (True, 1), "2": (True, -1), "3": (False, 1), "4": (False, -1)}


def text_of(data: bytes) -> str:
    """Bytes as letters; never raises."""
    return data.decode(ENCODING, "replace")


def bytes_of(text: str) -> bytes:
    """Letters as bytes; what cp1251 has not becomes a question mark."""
    return text.encode(ENCODING, "replace")


def number_of(text: str) -> Decimal | None:
    """A plain decimal number, None when it is none."""
    text = text.strip()
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def fields_of(model: Model, data: bytes) -> list[str]:
    """The fields of DATA; the TAB that ends the last one makes no empty field."""
    text = text_of(data)
    if model.dialect is Dialect.COMMA:
        return text.split(",")
    return text.removesuffix("\t").split("\t")


# ── 30h, 2Eh, 2Bh, 90h: open ────────────────────────────────────────────────────────────────────


def write_opening(model: Model, opening: Opening) -> tuple[int, bytes]:
    """The command and its data that open a sale or a return."""
    values = {
        "operator": opening.operator,
        "password": opening.password or model.operator_pin,
        "till": opening.till,
        "unp": opening.unp,
        "base": opening.base or "0",
    }
    fields = [values[name] for name in model.open_fields]
    if model.dialect is Dialect.TAB:
        fields = [field for name, field in zip(model.open_fields, fields, strict=True) if field or name != "unp"]
        if opening.is_return:
            fields += ["1", opening.base or "0", "", "", "", "", "", opening.unp]
            return model.storno_command, _tabbed(fields)
        return model.open_command, _tabbed([*fields, ""])
    if not opening.unp and "unp" in model.open_fields[-1:]:
        fields.pop()
    text = ",".join(fields)
    if not opening.is_return:
        return model.open_command, bytes_of(text)
    if model.storno_command != model.open_command:  # Datecs: type (refund) and number of the document
        return model.storno_command, bytes_of(f"{text},R{opening.base or '0'}")
    if "base" in model.open_fields:  # Incotex: a document number other than 0 makes it a return
        return model.storno_command, bytes_of(text)
    return model.storno_command, bytes_of(f"{text}\tR0,{opening.base or '0'},01-01-26 12:00:00\t00000000")


def read_opening(model: Model, code: int, data: bytes) -> Opening:
    """What was opened; fields that are not there stay empty. Never raises."""
    text = text_of(data)
    head, _, tail = text.partition("\t")
    if model.dialect is Dialect.TAB:
        fields = fields_of(model, data)
        names = model.open_fields if len(fields) > 2 and "-" in fields[2] else ("operator", "password", "till")
    else:
        fields, names = head.split(","), model.open_fields
    values = dict(zip(names, fields, strict=False))
    values["unp"] = next((field for field in fields if _UNP.fullmatch(field)), "")
    is_return = code == model.storno_command != model.open_command
    base = values.get("base", "")
    if is_return and model.dialect is Dialect.COMMA:
        found = [match[1] for field in fields if (match := _STORNO_BASE.fullmatch(field))]
        base = found[0] if found else ""
    if model.storno_command == model.open_command:
        is_return = tail.startswith("R") or base not in ("", "0")
        if tail.startswith("R"):
            base = tail.split(",")[1] if "," in tail else ""
    return Opening(
        operator=values.get("operator", ""),
        password=values.get("password", ""),
        till=values.get("till", ""),
        unp=values.get("unp", ""),
        is_return=is_return,
        base=base if base != "0" else "",
    )


# ── 31h, 34h: item ──────────────────────────────────────────────────────────────────────────────


def write_sale(model: Model, sale: Sale) -> bytes:
    """`name TAB tax price*quantity,percent` or `;amount`; on Datecs X fields with TABs."""
    modifier = sale.modifier
    if model.dialect is Dialect.TAB:
        kind, value = _x_modifier(modifier)
        tax = str(_LATIN_TAXES.index(sale.tax) + 1)
        fields = [sale.name, tax, f"{sale.price:f}", f"{sale.quantity:f}", kind, value, sale.department or "0"]
        return _tabbed(fields)
    where = f"{sale.department}\t" if sale.department else _CYRILLIC_TAXES[_LATIN_TAXES.index(sale.tax)]
    text = f"{sale.name}\t{where}{sale.price:f}"
    if sale.quantity != 1:
        text += f"*{sale.quantity:f}"
    if modifier is not None:
        text += f"{',' if modifier.is_percent else model.discount_mark}{modifier.value:f}"
    return bytes_of(text)


def read_sale(model: Model, data: bytes) -> Sale | None:
    """The item; None when the data are none."""
    if model.dialect is Dialect.TAB:
        return _read_sale_x(fields_of(model, data))
    name, tab, rest = text_of(data).partition("\t")
    department, second_tab, after = rest.partition("\t")
    if second_tab and department.isascii() and department.isdigit():
        tax, rest = "", after
    else:
        department, tax, rest = "", _tax_letter(rest[:1]), rest[1:]
    match = _ITEM.fullmatch(rest.strip())
    if not tab or match is None or not (tax or department):
        return None
    modifier = None
    if match["value"] is not None:
        modifier = Modifier(value=Decimal(match["value"]), is_percent=match["mark"] == ",")
    return Sale(
        name=" ".join(name.split()),
        price=Decimal(match["price"]),
        quantity=Decimal(match["quantity"] or 1),
        tax=tax,
        department=department,
        modifier=modifier,
    )


def _read_sale_x(fields: list[str]) -> Sale | None:
    if len(fields) < 3:
        return None
    fields = [*fields, *[""] * (7 - len(fields))]
    price, quantity = number_of(fields[2]), number_of(fields[3] or "1")
    tax = int(fields[1]) if fields[1] in tuple("12345678") else 0
    if price is None or quantity is None or not tax:
        return None
    modifier = _read_x_modifier(fields[4], fields[5])
    name = " ".join(fields[0].split())
    department = fields[6] if fields[6] != "0" else ""
    return Sale(
        name=name, price=price, quantity=quantity, tax=_LATIN_TAXES[tax - 1], department=department, modifier=modifier
    )


def _tax_letter(letter: str) -> str:
    if letter in _CYRILLIC_TAXES and letter:
        return _LATIN_TAXES[_CYRILLIC_TAXES.index(letter)]
    return letter if letter and letter in _LATIN_TAXES else ""


# ── 33h: subtotal; 35h: payment ─────────────────────────────────────────────────────────────────


def write_subtotal(model: Model, modifier: Modifier | None = None) -> bytes:
    """`10,percent` or `10;amount`: printed, not shown."""
    if model.dialect is Dialect.TAB:
        kind, value = _x_modifier(modifier)
        return _tabbed(["1", "0", kind, value])
    if modifier is None:
        return b"10"
    return bytes_of(f"10{',' if modifier.is_percent else model.subtotal_mark}{modifier.value:f}")


def read_subtotal(model: Model, data: bytes) -> Modifier | None:
    """The discount or surcharge that goes with the subtotal, None for none."""
    if model.dialect is Dialect.TAB:
        fields = [*fields_of(model, data), "", "", "", ""]
        return _read_x_modifier(fields[2], fields[3])
    match = re.search(r"[,;$]", text_of(data))
    value = number_of(text_of(data)[match.end() :]) if match is not None else None
    if match is None or value is None:
        return None
    return Modifier(value=value, is_percent=match.group() == ",")


def write_payment(model: Model, payment: Payment) -> bytes:
    """`TAB letter amount`; TAB alone is all in cash."""
    amount = "" if payment.amount is None else f"{payment.amount:f}"
    if model.dialect is Dialect.TAB:
        mode, kind = ("2", "12") if payment.letter == "12" else (payment.letter or "0", "")
        return _tabbed([mode, amount, kind])
    return bytes_of(f"\t{payment.letter}{amount}")


def read_payment(model: Model, data: bytes) -> Payment | None:
    """The payment; None when the data are none. `12` is the pinpad's payment with points (Datecs X)."""
    if model.dialect is Dialect.TAB:
        fields = [*fields_of(model, data), "", "", ""]
        amount = number_of(fields[1])
        if fields[1] and amount is None:
            return None
        return Payment(letter="12" if fields[2] == "12" else fields[0] or "0", amount=amount)
    text = text_of(data).rpartition("\t")[2] if b"\t" in data else ""
    match = _PAYMENT.fullmatch(text.strip())
    if match is None:
        return None
    return Payment(letter=match["letter"], amount=Decimal(match["amount"]) if match["amount"] else None)


def _x_modifier(modifier: Modifier | None) -> tuple[str, str]:
    if modifier is None:
        return "", ""
    for kind, (is_percent, sign) in _X_MODIFIERS.items():
        if is_percent == modifier.is_percent and (sign < 0) == (modifier.value < 0):
            return kind, f"{abs(modifier.value):f}"
    raise AssertionError("four kinds cover both signs and both units")


def _read_x_modifier(kind: str, value: str) -> Modifier | None:
    number = number_of(value)
    if kind not in _X_MODIFIERS or number is None:
        return None
    is_percent, sign = _X_MODIFIERS[kind]
    return Modifier(value=sign * abs(number), is_percent=is_percent)


def _tabbed(fields: list[str]) -> bytes:
    return bytes_of("".join(f"{field}\t" for field in fields))
