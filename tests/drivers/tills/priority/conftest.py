"""A door on a real desk with real files, and a POS that signs what it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.priority import PriorityDoor, PrioritySettings, wire
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.money import Money
from tests.agent.conftest import MONDAY, PROGRAMME, Rig

KEY = "a-secret-of-this-till"
ZONE = ZoneInfo("Europe/Moscow")
UID = "{5A188DE4-49B8-4CB4-800E-EB6B5202437E}"
PLAIN_UID = UID[1:-1].lower()
TENDER = PROGRAMME.replace("share = 30", 'share = 30\nredeem_as = "tender"')


class DeskCheckout:
    """A desk as the checkout contract, called on this thread."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._rig.desk, name)
        source = {"source": "till:pos"} if name in {"confirm", "refund"} else {}
        return lambda request, *, timeout_s: work(request, **source)


class Pos:
    """What a POS sends, signed; answers as plain values."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.door = PriorityDoor(
            PrioritySettings(language="en"), DoorContext(name="pos", key=KEY, zone=ZONE, currency="RUB")
        )
        self.checkout = DeskCheckout(rig)

    def raw(self, path: str, body: bytes, *, header: str | None = None, method: str = "POST") -> HttpReply:
        headers = {"authorization": wire.signature(KEY, body) if header is None else header}
        request = HttpRequest(method=method, path=path, headers=headers, body=body)
        return self.door.answer(request, self.checkout, now=self.rig.clock.now(), timeout_s=5)

    def ask(self, body: dict[str, Any], path: str = "/document") -> dict[str, Any]:
        reply = self.raw(path, json.dumps(body, ensure_ascii=False).encode())
        assert reply.status == 200, reply
        return json.loads(reply.body)

    def spent(self, customer: str = "m-1") -> int:
        """Points that left the customer."""
        known = self.rig.desk.known(customer)
        return 500 - sum(one.available for one in known.balances(self.rig.clock.now()) if one.unit == "bonus")


def body(action: str, **more: Any) -> dict[str, Any]:
    """One piece at 100.00 twice and a kilogram at 55.50, for Anna's card."""
    return {
        "action": action,
        "type": "receipt",
        "dateTime": MONDAY.astimezone(ZONE).isoformat(timespec="milliseconds"),
        "organization": "7700000000",
        "businessUnit": "shop-1",
        "workPlace": "1",
        "cashier": {"code": 1, "name": "Ольга", "text": "Ольга"},
        "uid": UID,
        "number": 123,
        "shift": 45,
        "client": {"card": "2900000000018"},
        "positions": [
            {"index": 1, "id": "1001", "text": "Кофе", "price": 100.00, "minimumPrice": 50.00, "quantity": 2.000, "totalAmount": 200.00},
            {"index": 2, "id": "1002", "text": "Сыр", "price": 55.50, "minimumPrice": 0, "quantity": 1.200, "totalAmount": 66.60},
        ],
        **more,
    }  # fmt: skip


def money(amount: str) -> Money:
    return Money.of(amount, "RUB")


def make_rig(folder: Path, programme: str) -> Rig:
    rig = Rig(folder, prints_are_seen=False)
    anna = Customer(
        id="m-1",
        name="Anna P.",
        phone="+7900***01",
        tier="silver",
        spent=money("6000"),
        lots=(PointsLot(id="old", unit="bonus", amount=500, expires_at=MONDAY + timedelta(days=10)),),
    )
    rig.tell([anna, Customer(id="m-2", name="Boris K.", phone="+7900***02")], reflects=0, programme=programme)
    rig.open()
    return rig


@pytest.fixture
def pos(tmp_path: Path) -> Iterator[Pos]:
    rig = make_rig(tmp_path, PROGRAMME)
    yield Pos(rig)
    rig.desk.close()


@pytest.fixture
def tender_pos(tmp_path: Path) -> Iterator[Pos]:
    rig = make_rig(tmp_path, TENDER)
    yield Pos(rig)
    rig.desk.close()
