"""A one-time code before a POS takes points: sent once for a receipt, checked by the centre, and what each state says."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.checkout.customers.spend_proofs import CodeAnswer, CodeQuestion
from agent.snapshot import LinkState
from agent.till import Till
from agent.till_loop import LinkChanged
from agent.till_systems import TillAs
from drivers.tills.contract import DoorContext, HttpRequest
from drivers.tills.priority.door import PriorityDoor
from drivers.tills.priority.settings import PrioritySettings
from drivers.tills.priority.wire import encode, signature
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted, ProvesSpending
from tests.agent.test_till import WAIT_S, first

KEY = "k" * 32
PHONE = "+79000000001"
CARD = "2900000000018"


@dataclass
class Centre:
    """Sends "4321" and knows it again; what it is asked is kept."""

    sent: CodeSent = field(default_factory=lambda: CodeSent(mask="+7 ··· ··67", expires_s=180, again_s=30))
    hold: threading.Event | None = None
    asked: list[CodeQuestion] = field(default_factory=list)
    verdicts: dict[str, CodeVerdict] = field(default_factory=lambda: {"4321": CodeVerdict(is_right=True)})

    def __call__(self, asked: CodeQuestion) -> CodeAnswer | None:
        self.asked.append(asked)
        if self.hold is not None:
            assert self.hold.wait(WAIT_S)
        if isinstance(asked, CodeWanted):
            return self.sent
        return self.verdicts.get(asked.code, CodeVerdict(reason="wrong", tries_left=2))


@dataclass
class Pos:
    till: Till
    settings: PrioritySettings

    def pay(
        self, *, code: str = "", card: str = "", uid: str = "5a188de4-49b8-4cb4-800e-000000000001"
    ) -> dict[str, Any]:
        """payByBonus for one rouble."""
        client = {"card": card} if card else {"mobilePhone": PHONE}
        body = encode({
            "action": "payByBonus", "type": "receipt", "uid": f"{{{uid.upper()}}}", "number": "1", "shift": 1,
            "dateTime": datetime.now(UTC).isoformat(), "client": {**client, "validationCode": code or None},
            "positions": [{"index": 1, "id": "1", "text": "Чай", "price": 100, "quantity": 1, "totalAmount": 100}],
            "payment": {"type": "bonus", "mode": "nonFiscal", "amount": 1},
        })  # fmt: skip
        request = HttpRequest(
            method="POST", path="/document", body=body, headers={"authorization": signature(KEY, body)}
        )
        door = PriorityDoor(
            self.settings, DoorContext(name="pos", key=KEY, zone=ZoneInfo("Europe/Moscow"), currency="RUB")
        )
        reply = door.answer(request, TillAs(self.till, "till:pos"), now=datetime.now(UTC), timeout_s=WAIT_S)
        answer: dict[str, Any] = json.loads(reply.body)
        return answer


@pytest.fixture
def centre() -> Centre:
    return Centre()


@pytest.fixture
def pos(rig: Any, centre: Centre) -> Iterator[Pos]:
    rig.desk.close()
    till = Till(rig.open, ask_hold=lambda _: None, ask_code=centre, first=first())
    assert "" == till.start(WAIT_S)

    def with_codes(desk: Any) -> None:
        desk.rules = dataclasses.replace(desk.rules, codes=True)

    till.run_on_till(with_codes, timeout_s=WAIT_S)
    till.emit(LinkChanged(LinkState.ONLINE))
    yield Pos(till, PrioritySettings(language="en", spend_needs_code=True))
    till.stop(WAIT_S)
    rig.open()


def until_sent(pos: Pos, **more: Any) -> dict[str, Any]:
    """The sending is beside: what the POS hears once it is over."""
    ends_s = time.monotonic() + WAIT_S
    while "on its way" in (answer := pos.pay(**more)).get("error", ""):
        assert time.monotonic() < ends_s
        time.sleep(0.005)
    return answer


def test_a_code_is_sent_once_and_the_payment_is_done_with_it(pos: Pos, centre: Centre) -> None:
    """However often it is asked: one message; and the same payment again, its answer lost, needs no other code."""
    first_answer = pos.pay()
    told = until_sent(pos)
    wrong, paid, again = pos.pay(code="1111"), pos.pay(code="4321"), pos.pay(code="4321")

    assert "on its way" in first_answer["error"]
    assert (1, "A code went to +7 ··· ··67: ask for it and repeat the payment with it") == (told["code"], told["error"])
    assert "tries left: 2" in wrong["error"]
    assert (0, [{"index": 1, "paidAmount": 1}]) == (paid["code"], paid["document"]["positions"])
    assert paid == again
    assert ["CodeWanted", "CodeTried", "CodeTried"] == [type(one).__name__ for one in centre.asked]


def test_a_card_that_was_read_needs_none_and_neither_does_a_shop_that_wants_none(pos: Pos, centre: Centre) -> None:
    assert 0 == pos.pay(card=CARD)["code"]
    pos.settings = PrioritySettings(language="en")
    assert 0 == pos.pay(uid="5a188de4-49b8-4cb4-800e-000000000002")["code"]
    assert [] == centre.asked


def test_a_code_is_for_its_receipt_alone(pos: Pos) -> None:
    until_sent(pos)
    other = pos.pay(code="4321", uid="5a188de4-49b8-4cb4-800e-000000000002")

    assert "This code is over" in other["error"]


@pytest.mark.parametrize("reason", ["expired", "no_tries", "unknown"])
def test_a_code_that_is_over_makes_room_for_another(pos: Pos, centre: Centre, reason: str) -> None:
    until_sent(pos)
    centre.verdicts["4321"] = CodeVerdict(reason=reason)
    over = pos.pay(code="4321")
    centre.verdicts["4321"] = CodeVerdict(is_right=True)
    until_sent(pos)

    assert "This code is over" in over["error"]
    assert 0 == pos.pay(code="4321")["code"]
    assert 2 == sum(isinstance(one, CodeWanted) for one in centre.asked)


def test_a_code_nobody_read_out_in_time_is_sent_anew(pos: Pos, centre: Centre, rig: Any) -> None:
    until_sent(pos)
    rig.clock.forward(seconds=181)
    until_sent(pos)

    assert 2 == sum(isinstance(one, CodeWanted) for one in centre.asked)


@pytest.mark.parametrize("reason", ["no_sender", "no_phone", "too_often", "not_sent"])
def test_a_code_that_cannot_be_sent_is_said_and_asked_for_again(pos: Pos, centre: Centre, reason: str) -> None:
    centre.sent = CodeSent(reason=reason)
    told = until_sent(pos)
    centre.sent = CodeSent(mask="+7 ··· ··67", expires_s=180)

    assert "No code can be sent now" in told["error"]
    assert "A code went to" in until_sent(pos)["error"]


def test_without_a_line_points_are_spent_with_a_card(pos: Pos, centre: Centre) -> None:
    pos.till.emit(LinkChanged(LinkState.OFFLINE))

    assert "points are spent with the card" in pos.pay()["error"]
    assert 0 == pos.pay(card=CARD)["code"]
    assert [] == centre.asked


def test_a_centre_that_does_not_answer_costs_no_more_than_the_time_there_is(pos: Pos, centre: Centre) -> None:
    until_sent(pos)
    centre.hold = threading.Event()
    began_s = time.monotonic()
    verdict = pos.till.check_code("5a188de4-49b8-4cb4-800e-000000000001", "m-1", "4321", timeout_s=0.6)
    took_s = time.monotonic() - began_s
    centre.hold.set()

    assert verdict.reason in {"no_line", "unknown"}
    assert took_s < 0.6


@pytest.mark.parametrize("code", ["x", "12", "1234567", "４３２１"])
def test_what_is_no_code_is_wrong_and_costs_no_try(pos: Pos, centre: Centre, code: str) -> None:
    until_sent(pos)

    assert "This is not the code" in pos.pay(code=code)["error"]
    assert not any(isinstance(one, CodeTried) for one in centre.asked)


def test_what_a_pos_asks_for_is_no_business_of_the_panels(pos: Pos) -> None:
    """Nobody is on the panel's screen, and nothing of a code appears there."""
    until_sent(pos)

    assert isinstance(TillAs(pos.till), ProvesSpending)
    assert pos.till.snapshot.redeem is None
