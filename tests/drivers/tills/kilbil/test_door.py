"""kilbil requests at a desk on real files: what is told, what is closed, and what bad requests hear."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.till_systems import TillAs
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest
from drivers.tills.kilbil.door import KilbilDoor
from drivers.tills.kilbil.settings import KilbilSettings
from drivers.vocabulary.checkout import ConfirmRequest
from drivers.vocabulary.errors import CheckoutRefused
from tests.drivers.tills.golden_rig import KEY as GOLDEN_KEY
from tests.drivers.tills.golden_rig import Listener, ask
from tests.shop import Shop

CAPTURE = json.loads(
    (Path(__file__).parents[4] / "drivers/tills/kilbil/captures/sale.json").read_text(encoding="utf-8")
)
KEY = "k" * 32


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop.opened(tmp_path_factory.mktemp("shop"), [])
    yield made
    made.close()


@dataclass(slots=True)
class Rig:
    shop: Shop
    door: KilbilDoor
    client: str
    phone: str

    def ask(self, function: str, body: Any, *, key: str = KEY, method: str = "POST") -> HttpReply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = HttpRequest(method=method, path=f"/load/{function}", query={"h": key}, body=data)
        now = self.shop.agent.clock.now()
        return self.door.answer(request, TillAs(self.shop.agent.till, "till:front"), now=now, timeout_s=20)

    def told(self, function: str, body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.ask(function, body).body)
        return answer

    def sale(self, **more: Any) -> dict[str, Any]:
        return {**CAPTURE["sale"], "client_id": self.client, "move_id": f"move-{self.client}", **more}


@pytest.fixture
def make(shop: Shop) -> Callable[..., Rig]:
    def made(**settings: Any) -> Rig:
        who = shop.newcomer()
        context = DoorContext(name="front", key=KEY, zone=ZoneInfo("Europe/Moscow"), currency="RUB")
        return Rig(shop, KilbilDoor(KilbilSettings(**settings), context), who.id, who.phone)

    return made


def test_a_lookup_with_goods_says_balance_price_and_most(make: Callable[..., Rig]) -> None:
    rig = make()
    told = rig.told("searchclient", {**CAPTURE["search"], "search_value": rig.phone.lstrip("+")})

    assert (rig.client, 1, 400) == (told["client_id"], told["state"], told["bonus_balance"])
    assert 190 == told["discounted_total"]
    assert 57 == told["max_bill_bonus_out"], "30 % of 190"


@pytest.mark.parametrize(
    ("mode", "value", "state"), [(0, "79000999999", None), (2, "2912345678907", None), (3, "no", None)]
)
def test_nobody_is_found_and_the_sale_goes_on(make: Callable[..., Rig], mode: int, value: str, state: None) -> None:
    told = make().told("searchclient", {"search_mode": mode, "search_value": value})

    assert (None, state) == (told["client_id"], told["state"])


def test_a_sale_in_one_request_is_the_golden_receipt(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode 0: 2 teas at 100, 5 % off, 50 bonuses: 140 paid."""
    rig = make()
    seen: list[ConfirmRequest] = []
    confirm = rig.shop.agent.till.confirm

    def spy(request: ConfirmRequest, **more: Any) -> Any:
        seen.append(request)
        return confirm(request, **more)

    monkeypatch.setattr(rig.shop.agent.till, "confirm", spy)
    told = rig.told("processsale", rig.sale())
    again = rig.told("processsale", rig.sale())
    receipt, golden = seen[0].receipt, CAPTURE["receipt"]

    assert (0, 0) == (told["result_code"], again["result_code"])
    assert golden["total"] == str(receipt.total)
    assert golden["lines"] == [
        {"quantity": str(one.quantity), "price": str(one.price), "discount": str(one.discount), "total": str(one.total)}
        for one in receipt.lines
    ]
    assert told["bonus_balance"] == 400 - 50 + 14


def test_more_bonuses_than_may_be_are_refused_and_nothing_is_kept(make: Callable[..., Rig]) -> None:
    rig = make()
    told = rig.told("processsale", rig.sale(bonus_out="150"))
    after = rig.told("getclientfullbalance", {"client_id": rig.client})

    assert (1, True) == (told["result_code"], "57 of 150" in told["result_text"])
    assert 400 == after["bonus_balance"]


def test_another_content_under_the_same_move_is_refused(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.told("processsale", rig.sale())
    other = rig.sale(
        goods_data=[{**CAPTURE["sale"]["goods_data"][0], "quantity": 1, "total": 100, "discounted_total": 95}]
    )
    told = rig.told("processsale", other)

    assert (1, True) == (told["result_code"], "another content" in told["result_text"])


def test_goods_as_text_are_goods(make: Callable[..., Rig]) -> None:
    rig = make()
    told = rig.told("processsale", rig.sale(goods_data=json.dumps(CAPTURE["sale"]["goods_data"])))

    assert 0 == told["result_code"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'{"client_id": 1}', b"\xff\xfe{}", b"[]", '{"move_id":"1","goods_data":"кофе"}'.encode("cp1251"),
        b'{"move_id":"1","goods_data":[{"code":1,"price":1,"quantity":1,"total":5}]}',
        b'{"move_id":"1","goods_data":[{"code":1,"price":1,"quantity":0}]}',
        b'{"move_id":"1","bonus_out":"many","goods_data":[{"code":1,"price":1,"quantity":1}]}',
        b'{"move_id":"1","goods_data":[{"code":1,"price":1e400,"quantity":1}]}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_bad_body_is_told_in_the_protocols_own_form(make: Callable[..., Rig], body: bytes) -> None:
    reply = make().ask("processsale", body)
    told = json.loads(reply.body)

    assert (200, 1) == (reply.status, told["result_code"])
    assert told["result_text"]


def test_wrong_places_and_keys(make: Callable[..., Rig]) -> None:
    rig = make()

    assert 403 == rig.ask("searchclient", {}, key="other").status
    assert rig.ask("searchclient", {}, key="other").trouble
    assert 404 == rig.ask("searchclient", {}, method="GET").status
    assert 500 == rig.ask("nosuch", {}).status
    assert 1 == json.loads(rig.ask("manualadd", {}).body)["result_code"]


@pytest.mark.parametrize(
    ("sale", "base"),
    [("kilbil:move-1", "kilbil:move-1"), ("kilbil:the sale before", None), ("other:1", None), (7, None)],
)
def test_a_return_names_its_sale_only_by_what_is_a_receipts_name(sale: Any, base: str | None) -> None:
    listener = Listener()
    body = {**CAPTURE["sale"], "type": 1, "bonus_out": "", "bill_data_in": json.dumps({"sale": sale})}
    request = HttpRequest(
        method="POST", path="/load/processsale", query={"h": GOLDEN_KEY}, body=json.dumps(body).encode()
    )
    ask("kilbil", request, listener)
    (refund,) = [one for one in listener.asked if one["call"] == "refund"]

    assert base == refund["receipt"].get("base_uid")


def test_joining_needs_the_shops_word_on_what_was_asked(make: Callable[..., Rig]) -> None:
    without, joined = make(), make(consent_purpose="loyalty")
    refused = without.told("addclient", {"phone": "79000777701", "first_name": "Vera"})
    told = joined.told("addclient", {"phone": "79000777701", "first_name": "Vera"})

    assert 1 == refused["result_code"]
    assert (0, True) == (told["result_code"], bool(told["client_id"]))


def test_a_till_that_does_not_answer_is_told(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make()

    def slow(*_: Any, **__: Any) -> Any:
        raise CheckoutRefused("no answer within 2 s; the sale may go on, ask again", code="timeout")

    monkeypatch.setattr(rig.shop.agent.till, "identify", slow)

    assert (
        "no answer within 2 s" in rig.told("searchclient", {"search_mode": 0, "search_value": rig.phone})["result_text"]
    )


def test_the_sample_is_understood(make: Callable[..., Rig], samples: Path) -> None:
    sample = samples / "tills" / "kilbil" / "requests.json"
    rig = make()
    requests = {one["fn"]: one["body"] for one in json.loads(sample.read_text(encoding="utf-8"))}
    goods = requests["searchclient"]["goods_data"]
    search = rig.told("searchclient", {**requests["searchclient"], "search_value": rig.phone})
    sale = rig.told("processsale", {**requests["processsale"], "client_id": rig.client, "goods_data": goods})

    assert rig.client == search["client_id"]
    assert (0, 400 - 50 + 15) == (sale["result_code"], sale["bonus_balance"])
