"""A desk on real files: a store, a replica with a programme and two members, a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.checkout.codes.recogniser import Recogniser
from agent.checkout.customers.knowledge import Knowledge
from agent.checkout.desk import Desk
from agent.checkout.programmes import Programmes
from agent.checkout.state import DeskRules, TillName
from agent.slips.compose import SlipStyle
from drivers.vocabulary import codec, phones
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind, PointsLot, keyed_hash
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind
from offline_queue.replica import ReplicaReader, ReplicaWriter
from offline_queue.store import TillStore

TENANT_KEY = bytes(range(32))
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

PROGRAMME = """
version = 3
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = { worth = "1.00 RUB" }
tiers = [ { id = "silver", title = "Silver", spent_from = "5000 RUB" } ]

[[rules]]
kind = "tier_discount"
id = "card"
percents = { silver = 5 }

[[rules]]
kind = "earn_points"
id = "base"
unit = "bonus"
percent = 10
expires_after_days = 90
when.customer = "identified"

[[rules]]
kind = "spend_points"
id = "redeem"
unit = "bonus"
share = 30
"""


@dataclass(slots=True)
class HandClock:
    """Time stands still until it is moved; `wrong` is by how much somebody set the wall clock."""

    at: datetime = MONDAY
    boot_id: str = "boot-1"
    machine_boot: str = "machine-1"
    drawn: int = 0
    wrong: timedelta = timedelta()

    def now(self) -> datetime:
        return self.at + self.wrong

    def uptime_s(self) -> float:
        return (self.at - MONDAY).total_seconds()

    def random_bytes(self, count: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(count, "big")

    def forward(self, **step: float) -> None:
        self.at += timedelta(**step)


@dataclass(slots=True)
class Rig:
    """The desk and everything around it."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    prints_are_seen: bool = True
    desk: Desk = field(init=False)

    def open(self) -> Desk:
        """Open the desk on what is on disk now."""
        store = TillStore.open(self.folder / "till.db", epoch=1)
        replica = ReplicaReader.open(self.folder / "replica.db")
        zone = ZoneInfo("Europe/Moscow")
        self.desk = Desk(
            store=store,
            knowledge=Knowledge(replica, store, TENANT_KEY),
            clock=self.clock,
            name=TillName(shop="s1", till="t1"),
            rules=DeskRules(
                currency="RUB",
                hide_after=timedelta(seconds=60),
                forget_after=timedelta(minutes=15),
                points_cap=100,
                refuses_single_use=False,
                hold_for=timedelta(minutes=15),
                keep=timedelta(days=90),
                columns=42,
                slip=SlipStyle(language="en", zone=zone, title="shown"),
            ),
            recogniser=Recogniser(normalise_phone=partial(phones.normalise, region="RU")),
            programmes=Programmes(store=store, replica=replica, clock=self.clock),
            prints_are_seen=self.prints_are_seen,
        )
        return self.desk

    def tell(self, customers: list[Customer], *, reflects: int, programme: str | None = None) -> None:
        """What the centre says: documents that contain this till's envelopes through `reflects`."""
        changes: list[tuple[str, str, int, bytes | None]] = [
            ("customer", one.id, reflects + 1, codec.encode(one)) for one in customers
        ]
        if programme is not None:
            changes.append(("programme", "current", 3, programme.encode()))
        changes += [
            ("alias", keyed_hash(TENANT_KEY, identifier), 1, codec.encode(one.id))
            for number, one in enumerate(customers)
            for identifier in (
                Identifier(kind=IdentifierKind.PHONE, value=f"+7900000000{number + 1}"),
                Identifier(kind=IdentifierKind.CARD, value=CARDS[number]),
            )
        ]
        with ReplicaWriter.open(self.folder / "replica.db") as writer:
            writer.apply(
                cursor=str(reflects + 1),
                reflects=reflects,
                epoch=1,
                changes=changes,
                stored_at=self.clock.now().isoformat(),
            )

    def sale(self, uid: str, *prices: str, kind: DocumentKind = DocumentKind.SALE, **more: object) -> Receipt:
        """A receipt of one piece per price."""
        lines = tuple(
            Line(number=place, name=f"goods {place}", quantity=Quantity.ONE, price=price, total=price)
            for place, price in enumerate((Money.of(one, "RUB") for one in prices), start=1)
        )
        total = Money(sum(line.total.minor for line in lines), "RUB")
        return Receipt(uid=uid, kind=kind, total=total, lines=lines, **more)

    def paid(self, uid: str, price: str, off: str) -> Receipt:
        """A receipt of one piece as it was closed, `off` taken off and the rest paid in cash."""
        full, discount = Money.of(price, "RUB"), Money.of(off, "RUB")
        line = Line(
            number=1, name="goods 1", quantity=Quantity.ONE, price=full, discount=discount, total=full - discount
        )
        cash = Tender(kind=TenderKind.CASH, amount=full - discount)
        return Receipt(uid=uid, kind=DocumentKind.SALE, total=full - discount, lines=(line,), tenders=(cash,))

    def document(self, receipt: Receipt | None, kind: DocumentKind = DocumentKind.SALE) -> Document:
        """What the printer driver makes of a print."""
        problems = () if receipt is not None else ("lines make 1.00 RUB, the total says 2.00 RUB",)
        return Document(kind=kind, raw=b"raw bytes", text=("TOTAL 1.00",), receipt=receipt, problems=problems)


CARDS = ("2900000000018", "2900000000025", "2900000000032", "2900000000049")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A till with two members: Anna is silver with 500 points, Boris has none."""
    rig = Rig(tmp_path)
    anna = Customer(
        id="m-1",
        name="Anna P.",
        phone="+7900***01",
        tier="silver",
        spent=Money.of("6000", "RUB"),
        lots=(PointsLot(id="old", unit="bonus", amount=500, expires_at=MONDAY + timedelta(days=10)),),
    )
    boris = Customer(id="m-2", name="Boris K.", phone="+7900***02")
    rig.tell([anna, boris], reflects=0, programme=PROGRAMME)
    rig.open()
    yield rig
    rig.desk.close()
