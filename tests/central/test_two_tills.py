"""Two real tills and the real centre: returns of another till's sale, and coupons that are used in two places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from agent.checkout.state import TillName
from agent.loyalty import Programme, load
from agent.sync.wire import to_wire
from central import schema
from central.accounts import imbalances
from central.changes import read_page
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Receipt
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaWriter
from tests.agent.conftest import Rig

DATABASES = ("sqlite",)

PROGRAMME = b"""
version = 1
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = { worth = "1.00 RUB" }
coupons.tea = { title = "Tea", codes = ["TEA-1"], uses = 1 }

[[rules]]
id = "tea"
kind = "percent_discount"
percent = 10
when.coupons = ["tea"]

[[rules]]
id = "base"
kind = "earn_points"
unit = "bonus"
percent = 10
when.customer = "identified"
"""


@dataclass
class Till:
    """A desk with its files, and the line to the centre that a test works by hand."""

    name: str
    centre: Any
    rig: Rig
    cursor: str = ""
    sent: list[Any] = field(default_factory=list)

    @classmethod
    def made(cls, name: str, folder: Path, centre: Any) -> Till:
        folder.mkdir()
        ReplicaWriter.open(folder / "replica.db").close()
        rig = Rig(folder)
        rig.clock.at = centre.now
        rig.open()
        rig.desk.name = TillName(shop="s1", till=name)
        programme = load(PROGRAMME, name="p.toml")
        assert isinstance(programme, Programme), programme
        rig.desk.programme = programme
        till = cls(name, centre, rig)
        till.hear()
        return till

    def send(self) -> list[str]:
        """Everything that waits; what the centre said of each."""
        with OutboxReader.open(self.rig.folder / "till.db") as outbox:
            waiting = outbox.batch(envelopes_max=100, bytes_max=1_000_000)
        if not waiting:
            return []
        answer = self.centre.take(*(to_wire(one) for one in waiting), till=self.name)
        self.rig.desk.store.settle(epoch=1, through=answer.through, refused={})
        return [one.state.value for one in answer.verdicts]

    def hear(self) -> None:
        """Everything that changed."""
        with self.centre.database.read() as connection:
            page = read_page(connection, till=self.name, cursor=self.cursor, now=self.centre.now)
        with ReplicaWriter.open(self.rig.folder / "replica.db") as writer:
            writer.apply(
                cursor=page.cursor,
                reflects=page.reflects,
                epoch=page.epoch,
                changes=[(one.collection, one.key, one.version, one.document) for one in page.changes],
                stored_at=self.centre.now.isoformat(),
            )
        self.cursor = page.cursor

    def anna(self) -> Customer:
        known = self.rig.desk.known("anna")
        assert known is not None
        return known.customer

    def sell(self, uid: str, price: str, *codes: str, customer: str | None = "anna") -> contract.ConfirmAnswer:
        """Quote, and close as quoted."""
        receipt = replace(self.rig.sale(uid, price), coupons=codes)
        quoted = self.rig.desk.quote(contract.QuoteRequest(receipt=receipt, customer_id=customer))
        off = quoted.decision.discount
        line = replace(receipt.lines[0], total=receipt.total - off, discount=off)
        closed = replace(receipt, lines=(line,), total=receipt.total - off)
        return self.rig.desk.confirm(contract.ConfirmRequest(receipt=closed, customer_id=customer), source="api")

    def take_back(self, uid: str, base: str, price: str, quantity: str = "1") -> contract.RefundAnswer:
        part = self.rig.sale(uid, price, kind=DocumentKind.RETURN, base_uid=base)
        share = Quantity.parse(quantity)
        full = Money(part.total.minor * 1_000_000 // share.steps, "RUB")
        line = replace(part.lines[0], quantity=share, price=full)
        receipt: Receipt = replace(part, lines=(line,))
        return self.rig.desk.refund(contract.RefundRequest(receipt=receipt), source="api")


@pytest.fixture
def tills(centre: Any, tmp_path: Path) -> Iterator[tuple[Till, Till]]:
    with centre.database.write() as connection:
        table = schema.customer
        connection.execute(update(table).where(table.c.id == "anna").values(purchases=3))
    made = Till.made("t1", tmp_path / "one", centre), Till.made("t2", tmp_path / "two", centre)
    yield made
    for till in made:
        till.rig.desk.close()
    with centre.database.read() as connection:
        assert [] == imbalances(connection)


def bonus(till: Till) -> int:
    return sum(lot.amount for lot in till.anna().lots if lot.unit == "bonus")


@pytest.mark.parametrize("first", ["sale", "return"])
def test_another_tills_sale_is_taken_back(tills: tuple[Till, Till], first: str) -> None:
    """The centre settles it from the stored decision, whichever of the two arrives first."""
    one, two = tills
    one.sell("r1", "200")
    answer = two.take_back("x1", "r1", "200")
    for till in (one, two) if first == "sale" else (two, one):
        assert ["applied"] == till.send()
    for till in tills:
        till.hear()

    assert answer.settled_by_centre
    assert [(100, 3), (100, 3)] == [(bonus(till), till.anna().purchases) for till in tills]


def test_a_return_in_parts_over_two_tills_is_the_whole(tills: tuple[Till, Till]) -> None:
    """9 earned on 99.90: neither till knows of the other's part, and nothing is left over."""
    one, two = tills
    one.sell("r1", "99.90")
    one.send()
    two.take_back("x1", "r1", "33", "0.3")
    two.send()
    one.take_back("x2", "r1", "33", "0.3")
    one.send()
    two.take_back("x3", "r1", "33.90", "0.4")
    two.send()
    for till in tills:
        till.hear()

    assert [(100, 3), (100, 3)] == [(bonus(till), till.anna().purchases) for till in tills]


def test_a_coupon_used_elsewhere_is_refused_once_it_is_known(tills: tuple[Till, Till]) -> None:
    """Without a line each till lets it pass once; after that nobody does, until a return restores it."""
    one, two = tills
    off = [till.sell(f"r-{till.name}", "100", "TEA-1", customer=None).decision.discount.minor for till in tills]
    again = one.sell("r3", "100", "TEA-1", customer=None).decision.discount.minor

    assert [1_000, 1_000] == off
    assert 0 == again

    one.send()
    two.send()
    for till in tills:
        till.hear()
    third = two.sell("r4", "100", "TEA-1", customer=None)

    assert 0 == third.decision.discount.minor
    assert "coupon_used" in {one.code for one in third.decision.explanations}


def test_a_fresh_till_hears_of_a_use_elsewhere(tills: tuple[Till, Till]) -> None:
    """Before it ever saw the coupon itself."""
    one, two = tills
    one.sell("r1", "100", "TEA-1", customer=None)
    one.send()
    two.hear()

    assert 0 == two.sell("r2", "100", "TEA-1", customer=None).decision.discount.minor

    one.take_back("x1", "r1", "90")
    one.send()
    two.hear()

    assert 1_000 == two.sell("r3", "100", "TEA-1", customer=None).decision.discount.minor


def test_own_sales_count_before_the_centre_tells_them_back(tills: tuple[Till, Till]) -> None:
    """Purchases grow and come down again on this till without a line, and are the same once it is back."""
    one, _ = tills
    one.sell("r1", "100")
    sold = one.anna().purchases
    one.take_back("x1", "r1", "100")
    back = one.anna().purchases
    one.send()
    one.hear()

    assert (4, 3, 3) == (sold, back, one.anna().purchases)
