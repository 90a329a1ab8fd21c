"""The plug-in's calls at a desk on real files: what is told, kept, rolled back, closed; and what bad calls hear."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.till_systems import TillAs
from drivers.tills.contract import AnswerLost, DoorContext, HttpReply, HttpRequest, Story, StoryLine, TwinContext
from drivers.tills.set_retail.door import SetRetailDoor
from drivers.tills.set_retail.settings import SetRetailSettings
from drivers.tills.set_retail.twin import SetRetailTwin
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money, Quantity
from tests.shop import POINTS, Person, Shop

KEY = "k" * 32
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop.opened(tmp_path_factory.mktemp("shop"), [])
    yield made
    made.close()


@dataclass(slots=True)
class Rig:
    shop: Shop
    door: SetRetailDoor
    who: Person

    def ask(self, call: str, body: Any, *, key: str = KEY, method: str = "POST") -> HttpReply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {key}"}
        request = HttpRequest(method=method, path=f"/{call}", headers=headers, body=data)
        return self.answer(request)

    def answer(self, request: HttpRequest) -> HttpReply:
        now = self.shop.agent.clock.now()
        return self.door.answer(request, TillAs(self.shop.agent.till, "till:set"), now=now, timeout_s=20)

    def told(self, call: str, body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.ask(call, body).body)
        return answer

    def receipt(self, **more: Any) -> dict[str, Any]:
        positions = [{"code": "1", "name": "Чай", "price": 100.0, "quantity": 2, "amount": 200}]
        return {"uid": f"1-2-14-{self.who.id}", "positions": positions, "cash": "2", "number": "7", **more}

    @property
    def points(self) -> int:
        return int(self.told("search", {"number": self.who.phone})["points"])


@pytest.fixture
def rig(shop: Shop) -> Rig:
    context = DoorContext(name="set", key=KEY, zone=MOSCOW, currency="RUB")
    return Rig(shop, SetRetailDoor(SetRetailSettings(), context), shop.newcomer())


def test_a_search_says_who_it_is_and_how_many_points(rig: Rig) -> None:
    told = rig.told("search", {"number": rig.who.phone})

    assert (told["found"], told["customerId"], told["points"]) == (True, rig.who.id, POINTS)
    assert rig.told("search", {"number": "+79000999999"})["found"] is False


def test_a_discount_is_told_by_position_with_what_points_may_pay(rig: Rig) -> None:
    told = rig.told("discount", {"receipt": rig.receipt(), "customerId": rig.who.id})

    assert told["discounts"] == [{"position": 1, "amount": 10, "kind": "card"}]
    assert told["payable"] == 190
    assert told["writeOffMax"] == 57, "30 % of 190"


def test_a_write_off_is_one_however_often_it_is_asked(rig: Rig) -> None:
    asked = {"receipt": rig.receipt(), "customerId": rig.who.id, "amount": "50.00"}
    told = [rig.told("write-off", asked) for _ in range(3)]

    assert told[0] == told[1] == told[2]
    assert (told[0]["txId"], told[0]["payable"]) == (f"set:1-2-14-{rig.who.id}", 140)
    closed = rig.receipt(positions=[{"code": "1", "price": 100, "quantity": 2, "amount": 190}])
    done = rig.told("fiscalized", {"receipt": closed, "customerId": rig.who.id, "points": 50})
    assert done["points"] == POINTS - 50 + 14
    assert done["slip"]


def test_points_as_discounts_of_positions_are_told_and_told_back(rig: Rig) -> None:
    """As the till has it: the chosen sum goes into the next calculation, and its discounts into the closed receipt."""
    told = rig.told("discount", {"receipt": rig.receipt(), "customerId": rig.who.id, "points": 50})
    rows = [(one["kind"], one["amount"]) for one in told["discounts"]]
    closed = {"receipt": rig.receipt(), "customerId": rig.who.id, "discounts": told["discounts"]}

    assert rows == [("card", 10), ("points", 50)]
    assert rig.told("fiscalized", closed)["points"] == POINTS - 50 + 14
    assert rig.ask("fiscalized", {**closed, "discounts": [{"position": 2, "amount": 1}]}).status == 400
    assert rig.ask("fiscalized", {**closed, "discounts": [{"position": 1, "amount": 999}]}).status == 400


def test_more_than_may_be_written_off_is_refused_and_keeps_nothing(rig: Rig) -> None:
    asked = {"receipt": rig.receipt(), "customerId": rig.who.id, "amount": 150}
    reply = rig.ask("write-off", asked)

    assert reply.status == 409
    assert json.loads(reply.body)["most"] == 57
    closed = rig.receipt(positions=[{"code": "1", "price": 100, "quantity": 2, "amount": 190}])
    assert rig.told("fiscalized", {"receipt": closed, "customerId": rig.who.id})["points"] == POINTS + 19


def test_a_rollback_frees_the_points_and_may_be_repeated(rig: Rig) -> None:
    asked = {"receipt": rig.receipt(), "customerId": rig.who.id, "amount": 50}
    transaction = rig.told("write-off", asked)["txId"]

    assert rig.told("rollback", {"txId": transaction}) == {"rolledBack": True}
    assert rig.told("rollback", {"txId": transaction}) == {"rolledBack": False}
    assert rig.ask("rollback", {"txId": "somebody else's"}).status == 400
    assert rig.points == POINTS


def test_a_closed_receipt_told_again_counts_once_and_another_under_its_name_is_refused(rig: Rig) -> None:
    closed = {"receipt": rig.receipt(), "customerId": rig.who.id}
    first, again = rig.told("fiscalized", closed), rig.told("fiscalized", closed)
    other = {"receipt": rig.receipt(positions=[{"price": 1, "quantity": 1}]), "customerId": rig.who.id}

    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert first["slip"] == again["slip"]
    assert rig.ask("fiscalized", other).status in {200, 409}
    assert rig.points == POINTS + 20


def test_a_rollback_after_the_receipt_is_closed_is_refused_and_changes_nothing(rig: Rig) -> None:
    rig.told("fiscalized", {"receipt": rig.receipt(), "customerId": rig.who.id})
    reply = rig.ask("rollback", {"txId": f"set:1-2-14-{rig.who.id}"})

    assert reply.status == 409
    assert rig.points == POINTS + 20


def test_kept_receipts_are_told_later_each_answered_in_its_place(rig: Rig) -> None:
    """One that is good, one half written, one that does not add up: none keeps the till asking for ever."""
    good = json.dumps({"receipt": rig.receipt(at="2026-01-15T12:00:00+03:00"), "customerId": rig.who.id})
    wrong = json.dumps({"receipt": rig.receipt(uid="w"), "points": 5000})
    answers = rig.told("feedback", {"payloads": [good, good[:40], wrong, good]})["answers"]

    assert [one["done"] for one in answers] == [True] * 4
    assert [bool(one.get("error")) for one in answers] == [False, True, True, False]
    assert answers[3]["duplicate"] is True


def test_a_till_that_cannot_write_is_asked_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any, **__: Any) -> Any:
        raise CheckoutRefused("the till is busy; try again", code="busy")

    monkeypatch.setattr(TillAs, "confirm", busy)
    closed = {"receipt": rig.receipt(), "customerId": rig.who.id}

    assert rig.ask("fiscalized", closed).status == 503
    assert rig.told("feedback", {"payloads": [json.dumps(closed)]})["answers"][0]["done"] is False


def test_the_till_keeps_what_it_could_not_tell_and_tells_it_once(rig: Rig) -> None:
    """Every answer to the closed receipt is lost, and the first one was done: the feedback changes nothing more."""
    twin = SetRetailTwin(None, TwinContext(key=KEY, zone=MOSCOW, currency="RUB"))
    line = StoryLine(code="1", name="Чай", price=Money.of("100.00", "RUB"), quantity=Quantity.parse("2"))
    story = Story(
        uid=f"kept-{rig.who.id}",
        number=7,
        at=datetime(2026, 1, 15, 12, tzinfo=MOSCOW),
        lines=(line,),
        customer=rig.who.phone,
    )
    _run(twin.play(story), lambda one: None if one.path == "/fiscalized" and rig.answer(one) else rig.answer(one))
    before = rig.points
    _run(twin.send_kept(), rig.answer)

    assert before == rig.points == POINTS + 19


def _run(story: Generator[HttpRequest, HttpReply, Any], answer: Callable[[HttpRequest], HttpReply | None]) -> None:
    request = next(story)
    while True:
        reply = answer(request)
        try:
            request = story.throw(AnswerLost()) if reply is None else story.send(reply)
        except StopIteration:
            return


@pytest.mark.parametrize(
    ("call", "body", "status"),
    [
        ("discount", b"{half", 400),
        ("discount", b"\xff\xfe", 400),
        ("discount", {"receipt": {"uid": "a", "positions": []}}, 400),
        ("discount", {"receipt": {"uid": "a b", "positions": [{"price": 1, "quantity": 1}]}}, 400),
        ("discount", {"receipt": {"uid": "a", "positions": [{"price": 1, "quantity": 0}]}}, 400),
        ("discount", {"receipt": {"uid": "a", "positions": [{"price": "1e400", "quantity": 1}]}}, 400),
        ("fiscalized", {"receipt": {"uid": "a", "positions": [{"price": 1, "quantity": 1}]}, "points": 2}, 400),
        ("nothing", {}, 404),
    ],
)
def test_what_nobody_understands_is_said_so(rig: Rig, call: str, body: Any, status: int) -> None:
    reply = rig.ask(call, body)

    assert reply.status == status
    assert json.loads(reply.body)["error"]


def test_a_wrong_key_is_told_to_store_it(rig: Rig) -> None:
    reply = rig.ask("search", {"number": rig.who.phone}, key="other")

    assert (reply.status, bool(reply.trouble)) == (401, True)
    assert rig.ask("search", {}, method="GET").status == 404
