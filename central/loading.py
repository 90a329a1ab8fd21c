"""Coupons that members hold and personal offers, from CSV files; each error names its line.

Coupons: columns `serial`, `coupon` (of the programme), `customer`; where wanted `valid_from`, `valid_until`, `uses`.
A serial that is there already stays as it is; one that somebody else holds is an error.

Offers: columns `customer`, `offer` (of the programme), and where wanted `title`, `products` (with spaces between),
`priority`, `valid_from`, `valid_until`. What a file says of a customer replaces all offers this customer had.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TextIO, TypeVar

from sqlalchemy import Connection, insert, select, update

from central import schema
from central.changes import publish
from central.coupons import coupon_row
from central.errors import CentralStartError
from central.member_facts import moment_of
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CouponFact, OfferFact

__all__ = ["load_coupons", "load_offers"]

SERIAL_MAX: Final = 200  # as long as a code that a till may be shown
_CHUNK: Final = 400  # rows of one statement; databases bound the number of parameters
_COUPON: Final = ("serial", "coupon", "customer", "valid_from", "valid_until", "uses")
_OFFER: Final = ("customer", "offer", "title", "products", "priority", "valid_from", "valid_until")

T = TypeVar("T")


def load_coupons(connection: Connection, file: TextIO, *, name: str) -> tuple[int, int]:
    """Give coupons to members: (how many are new, how many were there).

    Raises:
        CentralStartError: a line cannot be read, or names a customer who is not known; nothing is loaded then.
    """
    rows = list(_rows(file, name, _COUPON, required=3, read=_coupon))
    _require_customers(connection, [row["customer"] for _, row in rows], name, [line for line, _ in rows])
    stored = _by_serial(connection, [row["serial"] for _, row in rows])
    fresh: dict[str, dict[str, Any]] = {}
    for line, row in rows:
        before = stored.get(row["serial"]) or fresh.get(row["serial"])
        if before is None:
            fresh[row["serial"]] = row
        elif before["customer"] != row["customer"] or before["coupon"] != row["coupon"]:
            raise CentralStartError(
                f"{name}, line {line}: there is a coupon with the serial {row['serial'][:40]} already; take another one"
            )
    if fresh:
        connection.execute(insert(schema.coupon), list(fresh.values()))
        publish(connection, [("customer", row["customer"]) for row in fresh.values()])
    return len(fresh), len(rows) - len(fresh)


def load_offers(connection: Connection, file: TextIO, *, name: str) -> tuple[int, int]:
    """Set personal offers: (how many offers, of how many customers).

    Raises:
        CentralStartError: a line cannot be read, or names a customer who is not known; nothing is loaded then.
    """
    rows = list(_rows(file, name, _OFFER, required=2, read=_offer))
    _require_customers(connection, [customer for _, (customer, _) in rows], name, [line for line, _ in rows])
    offers: dict[str, list[Any]] = {}
    for _, (customer, offer) in rows:
        offers.setdefault(customer, []).append(codec.to_builtins(offer))
    table = schema.customer
    for customer, own in offers.items():
        connection.execute(update(table).where(table.c.id == customer).values(offers=own))
    publish(connection, [("customer", customer) for customer in offers])
    return len(rows), len(offers)


def _rows(
    file: TextIO, name: str, known: Sequence[str], *, required: int, read: Callable[[dict[str, str]], T]
) -> Iterator[tuple[int, T]]:
    """(line number, what it says); the first `required` columns must be there and filled."""
    reader = csv.DictReader(file, restkey="", strict=True)
    try:
        names = reader.fieldnames or ()
        for column in names:
            if column not in known:
                raise CentralStartError(f"{name}: unknown column {column!r}; known: {', '.join(known)}")
        missing = [column for column in known[:required] if column not in names]
        if missing:
            raise CentralStartError(f"{name}: there is no column {missing[0]!r}; the first line must name the columns")
        for row in reader:
            try:
                yield reader.line_num, read(_texts(row, known[:required]))
            except ValueError as error:
                raise CentralStartError(f"{name}, line {reader.line_num}: {error}") from None
    except csv.Error as error:
        raise CentralStartError(f"{name}, line {reader.line_num}: {error}") from None


def _texts(row: dict[str, str | None], required: Sequence[str]) -> dict[str, str]:
    if "" in row:
        raise ValueError("more fields than columns")
    texts = {column: (value or "").strip() for column, value in row.items()}
    empty = [column for column in required if not texts[column]]
    if empty:
        raise ValueError(f"{empty[0]} is empty")
    return texts


def _coupon(texts: dict[str, str]) -> dict[str, Any]:
    if len(texts["serial"]) > SERIAL_MAX:
        raise ValueError(f"the serial has more than {SERIAL_MAX} characters")
    uses = texts.get("uses", "")
    if uses and not (uses.isascii() and uses.isdigit() and int(uses[:9]) >= 1 and len(uses) <= 9):
        raise ValueError(f"uses must be a whole number from 1 on, not {uses[:20]!r}")
    fact = CouponFact(
        code=texts["serial"],
        coupon=_checked(texts["coupon"], "coupon", 38),
        valid_from=_moment(texts, "valid_from"),
        valid_until=_moment(texts, "valid_until"),
        uses=int(uses) if uses else None,
    )
    return coupon_row(
        fact.code,
        fact.coupon,
        customer=texts["customer"],
        valid_from=fact.valid_from,
        valid_until=fact.valid_until,
        uses=fact.uses,
    )


def _offer(texts: dict[str, str]) -> tuple[str, OfferFact]:
    priority = texts.get("priority", "") or "0"
    if not priority.removeprefix("-").isascii() or not priority.removeprefix("-").isdigit() or len(priority) > 9:
        raise ValueError(f"priority must be a whole number, not {priority[:20]!r}")
    offer = OfferFact(
        offer=_checked(texts["offer"], "offer", 38),
        title=_checked(texts.get("title", ""), "title", 40),
        products=tuple(texts.get("products", "").split()),
        priority=int(priority),
        valid_from=_moment(texts, "valid_from"),
        valid_until=_moment(texts, "valid_until"),
    )
    return texts["customer"], offer


def _checked(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"{what} has more than {longest} characters")
    return text


def _moment(texts: dict[str, str], column: str) -> datetime | None:
    text = texts.get(column, "")
    return moment_of(text, column) if text else None


def _require_customers(connection: Connection, ids: Sequence[str], name: str, lines: Sequence[int]) -> None:
    wanted = sorted(set(ids))
    known: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        known |= set(connection.scalars(select(schema.customer.c.id).where(schema.customer.c.id.in_(chunk))))
    for line, customer in zip(lines, ids, strict=True):
        if customer not in known:
            raise CentralStartError(f"{name}, line {line}: no member {customer[:64]!r}; load the members first")


def _by_serial(connection: Connection, serials: Sequence[str]) -> dict[str, dict[str, Any]]:
    table = schema.coupon
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(serials), _CHUNK):
        chunk = serials[start : start + _CHUNK]
        for row in connection.execute(select(table).where(table.c.serial.in_(chunk))).mappings():
            found[row["serial"]] = dict(row)
    return found
