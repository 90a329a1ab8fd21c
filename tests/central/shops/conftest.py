"""A centre with a programme, one member and one shop, and the shop's checkout; time is set by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from central import schema
from central.accounts import imbalances
from central.database import Database
from central.members import Member, load_members
from central.programmes import set_programme
from central.shops.checkout import ShopCheckout
from central.shops.shop import Shop, add_shop, shop_of
from drivers import registry
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest, TillSystem
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PHONE = "+79000000001"
CARD = "2900000000001"
WAIT_S = 5.0
PROGRAMME = """
version = 1
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
line_left_least = 0.01
units.bonus = { worth = "1.00 RUB" }
tiers = [ { id = "silver", title = "Silver", spent_from = "0 RUB" } ]

[coupons.welcome]
title = "Welcome"
uses = 1

[[rules]]
kind = "tier_discount"
id = "card"
percents = { silver = 5 }

[[rules]]
kind = "amount_discount"
id = "coupon"
amount = 50
target = "receipt"
when = { coupons = ["welcome"] }

[[rules]]
kind = "earn_points"
id = "base"
unit = "bonus"
percent = 10
when.customer = "identified"

[[rules]]
kind = "spend_points"
id = "redeem"
unit = "bonus"
share = 30
"""


def rub(text: str) -> Money:
    return Money.of(text, "RUB")


@dataclass
class Bench:
    """The centre's side of one shop."""

    database: Database
    system: str
    clock: list[datetime] = field(default_factory=lambda: [NOON])
    told: list[None] = field(default_factory=list)
    name: str = "shop-1"

    @property
    def now(self) -> datetime:
        return self.clock[0]

    def pass_s(self, seconds: float) -> None:
        self.clock[0] += timedelta(seconds=seconds)

    @property
    def shop(self) -> Shop:
        with self.database.read() as connection:
            found = shop_of(connection, self.name)
        assert found is not None
        return found

    @property
    def checkout(self) -> ShopCheckout:
        return ShopCheckout(self.database, self.shop, lambda: self.now, lambda: self.told.append(None))

    @property
    def room(self) -> TillSystem:
        system = registry.load_system(self.system)
        assert isinstance(system, TillSystem), system
        return system

    def door(self, **settings: Any) -> Any:
        assert self.room.door is not None
        return self.room.door(codec.convert(settings, self.room.settings_type), self.context)

    @property
    def context(self) -> DoorContext:
        return DoorContext(
            name=self.name, key="the-key", zone=ZoneInfo("Europe/Moscow"), currency="RUB", token="the-token"
        )

    def ask(self, door: Any, method: str, path: str, body: Any = None, **more: Any) -> tuple[HttpReply, Any]:
        request = HttpRequest(
            method=method,
            path=path,
            query=more.get("query", {}),
            headers=more.get("headers", {}),
            body=body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode(),
        )
        reply = door.answer(request, self.checkout, now=self.now, timeout_s=WAIT_S)
        return reply, json.loads(reply.body) if reply.body else None

    # ── What the centre has ─────────────────────────────────────────────────────────────────────

    def points(self, customer: str = "anna", unit: str = "bonus") -> int:
        table = schema.lot
        mine = (table.c.customer == customer) & (table.c.unit == unit)
        with self.database.read() as connection:
            assert imbalances(connection) == []
            return connection.scalar(select(func.sum(table.c.amount)).where(mine)) or 0

    def rows(self, name: str) -> Sequence[Any]:
        with self.database.read() as connection:
            return connection.execute(select(getattr(schema, name))).all()

    def held(self) -> int:
        return sum(row.points for row in self.rows("hold") if row.state == "open")

    def receipts(self) -> dict[str, str]:
        return {row.uid: row.kind for row in self.rows("receipt")}

    # ── Small receipts ──────────────────────────────────────────────────────────────────────────

    def receipt(self, uid: str, *amounts: str, kind: DocumentKind = DocumentKind.SALE, **more: Any) -> Receipt:
        lines = tuple(
            Line(number=place, name="", quantity=Quantity.ONE, price=rub(one), total=rub(one), product_id=f"p{place}")
            for place, one in enumerate(amounts or ("1000.00",), start=1)
        )
        total = Money(sum(line.total.minor for line in lines), "RUB")
        return Receipt(uid=uid, kind=kind, lines=lines, total=total, **more)

    def charged(self, receipt: Receipt, quote: contract.QuoteAnswer) -> Receipt:
        """The receipt as a shop closes it that applied the quote."""
        lines = tuple(
            codec.convert(
                {
                    **codec.to_builtins(line),
                    "total": str(told.total),
                    **({"discount": str(told.discount)} if told.discount else {}),
                },
                Line,
            )
            for line, told in zip(receipt.lines, quote.lines, strict=True)
        )
        total = Money(sum(line.total.minor for line in lines), "RUB")
        return Receipt(uid=receipt.uid, kind=receipt.kind, lines=lines, total=total, coupons=receipt.coupons)


def open_bench(database: Database, system: str) -> Bench:
    bench = Bench(database, system)
    with database.write() as connection:
        set_programme(connection, PROGRAMME.encode(), name="programme.toml", currency="RUB", now=NOON)
        shop = Shop(name=bench.name, system=system, till=f"shop:{bench.name}", key="the-key", token="the-token")
        add_shop(connection, shop, now=NOON)
    anna = Member(
        id="anna", name="Anna P.", phone=PHONE, card=CARD, tier="silver", spent_minor=0, points={"bonus": 400}
    )
    load_members(database, [anna], now=NOON, progress=lambda _: None)
    return bench


@pytest.fixture
def benches(database: Database) -> Callable[[str], Bench]:
    return lambda system: open_bench(database, system)


@pytest.fixture
def say() -> Any:
    """The helpers above, for test modules that cannot import a conftest."""
    import types

    names = ("NOON", "PHONE", "CARD", "WAIT_S", "rub", "Bench", "Quantity", "line_total", "Tender", "TenderKind")
    return types.SimpleNamespace(**{name: globals()[name] for name in names})
