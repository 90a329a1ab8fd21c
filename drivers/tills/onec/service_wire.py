"""What an HTTP service of 1C's extension tells of closed receipts, as documents; a codec.

A receipt is the package of the driver standard (`wire`) in JSON, with the number under which the infobase counts it.
The service itself is ours too: `installer/bridges/onec/TillpointHTTP.bsl`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from drivers.tills.onec import wire
from drivers.tills.onec.door import uid_of
from drivers.tills.reports import Reported
from drivers.vocabulary import codec
from drivers.vocabulary.errors import ProtocolError
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind

__all__ = ["Base", "Last", "Told", "documents", "read", "span"]

T = TypeVar("T")
LAYOUT: Final = "1c http service"
Guid = Annotated[str, Meta(pattern=r"^[0-9a-fA-F-]{32,40}$")]
Number = Annotated[int, Meta(ge=0, le=2**53)]


class Base(Struct, frozen=True, kw_only=True):
    """``GET /ping``: which infobase it is, and of which version its service."""

    base: Guid
    version: Annotated[int, Meta(ge=1)] = 1


class Last(Struct, frozen=True, kw_only=True):
    """``GET /last?before=…``: the newest number that was closed before, 0 for none."""

    number: Number


class Row(Struct, frozen=True, kw_only=True):
    """One closed receipt.

    Attributes:
        number: of the infobase's own register of closed receipts; grows, and each is given once.
        document: its GUID.
        sale: the GUID of the sale that a return takes back, "" when it names none.
        closed_at: by the clock of 1C, without a zone: the shop's.
        package: the `CheckPackage`, or a `ProcessCheck` with what the register answered.
        cards: of the customer, as 1C has them.
    """

    number: Number
    document: Guid
    closed_at: datetime
    package: Annotated[str, Meta(max_length=1_000_000)]
    sale: str = ""
    cards: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=10)] = ()


class Told(Struct, frozen=True, kw_only=True):
    """``GET /receipts?after=…``: closed receipts by number, of one infobase."""

    base: Guid
    receipts: tuple[Row, ...]


def read(data: bytes, wanted: type[T]) -> T:
    """An answer of the service; raises ProtocolError."""
    try:
        return codec.decode(data.removeprefix(b"\xef\xbb\xbf"), wanted)  # 1C writes a mark unless it is told not to
    except codec.WireError as error:
        raise ProtocolError(f"1C's HTTP service answers what nobody understands: {error}") from None


def span(missing: Sequence[tuple[int, int]]) -> str:
    """Numbers that are asked for again, as the service takes them: ``3-3,7-9``."""
    return ",".join(f"{first}-{last}" for first, last in missing)


def documents(told: Told, *, zone: tzinfo, currency: str, phone_is_customer: bool) -> list[Reported]:
    """What was closed, by number."""
    return [
        Reported(
            counter=told.base.lower(),
            number=one.number,
            closed_at=_moment(one, zone),
            read=partial(_document, one, zone=zone, currency=currency, phone_is_customer=phone_is_customer),
        )
        for one in sorted(told.receipts, key=lambda row: row.number)
    ]


def _moment(row: Row, zone: tzinfo) -> datetime:
    return row.closed_at if row.closed_at.tzinfo is not None else row.closed_at.replace(tzinfo=zone)


def _document(row: Row, *, zone: tzinfo, currency: str, phone_is_customer: bool) -> Document:
    """Its receipt is None, with problems, when the package is none or does not add up."""
    try:
        package = wire.read(row.package.encode(), currency=currency)
        receipt = package.receipt(uid_of(row.document), base_uid=uid_of(row.sale) if row.sale else None)
    except ValueError as error:  # also a PackageError
        raw = row.package.encode()
        problems = (f"document {row.document} of 1C: {error}",)
        return Document(kind=DocumentKind.SALE, raw=raw, text=(), problems=problems, layout=LAYOUT)
    if package.kind is DocumentKind.OTHER:
        return Document(kind=package.kind, raw=b"", text=(), layout=LAYOUT)
    phone = (package.customer,) if phone_is_customer and package.customer else ()
    return Document(
        kind=package.kind,
        raw=b"",
        text=(),
        receipt=replace(receipt, closed_at=_moment(row, zone)),
        layout=LAYOUT,
        codes=tuple(dict.fromkeys((*(card.strip() for card in row.cards if card.strip()), *phone))),
    )
