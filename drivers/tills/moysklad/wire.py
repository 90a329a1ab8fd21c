"""Bodies of МойСклад's Loyalty API 1.0 and JSON API 1.2, as values; does no I/O.

Loyalty API: dev.moysklad.ru/doc/api/loyalty/1.0. Money there is in roubles, but for gift cards and for what a return
gives back without cash, which are in kopecks. JSON API: dev.moysklad.ru/doc/api/remap/1.2, sums in kopecks.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "AUTH_HEADER",
    "CODE_WANTED",
    "Counterparty",
    "Position",
    "Recalc",
    "Return",
    "Sale",
    "VerifySpending",
    "WireError",
    "encode",
    "errors",
    "loads",
    "read",
]

AUTH_HEADER: Final = "lognex-discount-api-auth-token"
CODE_WANTED: Final = 28001  # with status 412: ask the customer for a code
T = TypeVar("T")


class WireError(Exception):
    """A body that is none of the protocol's."""


class _Wire(Struct, frozen=True, kw_only=True, rename="camel"):
    """Unknown fields are left alone: the API grows."""


class Ref(_Wire, frozen=True, kw_only=True, rename="camel"):
    """`meta` of anything."""

    href: str = ""
    id: str = ""

    @property
    def name(self) -> str:
        """The id, also where only the address is told."""
        return self.id or self.href.rstrip("/").rpartition("/")[2]


class RetailStore(_Wire, frozen=True, kw_only=True, rename="camel"):
    """A point of sale."""

    meta: Ref = Ref()
    name: str = ""


class Counterparty(_Wire, frozen=True, kw_only=True, rename="camel"):
    """A customer as the till app knows one; a return names it without `meta`."""

    meta: Ref = Ref()
    id: str = ""
    href: str = ""
    name: str | None = None
    discount_card_number: str | None = None
    phone: str | None = None
    sync_id: str | None = None
    legal_first_name: str | None = None
    legal_last_name: str | None = None
    status_check: str = "IGNORE"
    retail_store: RetailStore = RetailStore()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of theirs for this customer."""
        own = (self.meta.name, Ref(href=self.href, id=self.id).name, self.sync_id or "")
        return tuple(dict.fromkeys(one for one in own if one))

    @property
    def full_name(self) -> str:
        """As a person wishes to be called, the first name first."""
        parts = " ".join(one for one in (self.legal_first_name, self.legal_last_name) if one)
        return (parts or self.name or "")[:200]


class Assortment(_Wire, frozen=True, kw_only=True, rename="camel"):
    """Goods by reference."""

    meta: Ref = Ref()
    sync_id: str = ""

    @property
    def name(self) -> str:
        """The id of the goods."""
        return self.meta.name or self.sync_id


class Pack(_Wire, frozen=True, kw_only=True, rename="camel"):
    """A packing of goods."""

    id: str = ""
    barcode: str | None = None


class Position(_Wire, frozen=True, kw_only=True, rename="camel"):
    """One row; `discounted_price` is what one unit costs in the end."""

    assortment: Assortment
    quantity: Decimal
    price: Decimal
    discounted_price: Decimal | None = None
    pack: Pack | None = None


class BonusProgram(_Wire, frozen=True, kw_only=True, rename="camel"):
    """What is asked of points, or what was done."""

    transaction_type: str = "EARNING"
    preferred_bonus_to_spend: Decimal | None = None
    bonus_value_to_spend: Decimal | None = None


Positions = Annotated[list[Position], Meta(max_length=2_000)]


class Recalc(_Wire, frozen=True, kw_only=True, rename="camel"):
    """``POST /retaildemand/recalc``."""

    retail_store: RetailStore = RetailStore()
    agent: Counterparty | None = None
    positions: Positions
    bonus_program: BonusProgram = BonusProgram()
    # The documentation draws it beside bonusProgram and tells of it inside.
    preferred_bonus_to_spend: Decimal | None = None


class GiftCard(_Wire, frozen=True, kw_only=True, rename="camel"):
    """A gift card that paid; kopecks."""

    name: str = ""
    payment_sum: Decimal = Decimal(0)


class Sale(_Wire, frozen=True, kw_only=True, rename="camel"):
    """``POST /retaildemand``; sums in roubles."""

    retail_store: RetailStore = RetailStore()
    name: str = ""
    moment: str = ""
    meta: Ref = Ref()
    agent: Counterparty | None = None
    positions: Positions
    bonus_program: BonusProgram = BonusProgram()
    cash_sum: Decimal = Decimal(0)
    no_cash_sum: Decimal = Decimal(0)
    gift_cards: list[GiftCard] = []


class Linked(_Wire, frozen=True, kw_only=True, rename="camel"):
    """A document by reference."""

    meta: Ref = Ref()


class Return(_Wire, frozen=True, kw_only=True, rename="camel"):
    """``POST /retailsalesreturn``."""

    retail_store: RetailStore = RetailStore()
    name: str = ""
    moment: str = ""
    meta: Ref = Ref()
    demand: Linked | None = None
    agent: Counterparty | None = None
    positions: Positions


class VerifySpending(_Wire, frozen=True, kw_only=True, rename="camel"):
    """``POST /retaildemand/verify``."""

    counterparty_id: str = ""
    phone: str = ""


def loads(body: bytes) -> Any:
    """JSON with its numbers exact.

    Raises:
        WireError: it is none.
    """
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the body is no JSON in UTF-8: {str(error)[:120]}") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def read(told: Any, wanted: type[T]) -> T:
    """What was told as a value; raises WireError naming the field."""
    try:
        return msgspec.convert(told, wanted, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise WireError(str(error)[:200]) from None


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    """An answer; decimals as numbers."""
    return _encoder.encode(value)


def errors(title: str, message: str, *, code: int, parameter: str = "") -> bytes:
    """The protocol's own form of an error."""
    one: dict[str, Any] = {"error": title, "code": code, "error_message": message}
    return encode({"errors": [one | ({"parameter": parameter} if parameter else {})]})
