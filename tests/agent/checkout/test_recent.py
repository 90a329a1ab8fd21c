"""Four digits among customers seen here lately: chosen by sight, never a proof, nothing of a number on the disk."""

from __future__ import annotations

from typing import Any

import pytest

from agent import acts
from agent.checkout.customers import recent
from agent.checkout.records import Recent, read_all
from agent.snapshot import Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind
from drivers.vocabulary.errors import CheckoutRefused
from tests.agent.conftest import CARDS

ANNA = "+79000000001"


def show(rig: Any, code: str, *, presented: bool = False) -> Any:
    rig.desk.panel_identify(contract.IdentifyRequest(code=code, presented=presented), replaces=True)
    return seen(rig)


def seen(rig: Any) -> Any:
    rig.desk.snapshot(1)
    return rig.desk.shown


def was_here(rig: Any, code: str) -> None:
    show(rig, code)
    rig.desk.clear()
    rig.clock.forward(minutes=1)


def test_one_row_is_chosen_too(rig: Any) -> None:
    """Masked name, masked phone, when they were here; and spending needs a proof as with any number."""
    was_here(rig, ANNA)
    shown = show(rig, "0001")
    assert (Screen.PICK, [("Anna P.", "+7900***01")]) == (shown.screen, [(one.name, one.phone) for one in shown.picks])
    rig.desk.act(acts.Pick(row=1))
    assert (Screen.FOUND, "m-1") == (seen(rig).screen, seen(rig).customer.id)
    rig.desk.act(acts.AskSpending())

    assert seen(rig).redeem.needs_proof


def test_digits_that_several_have(rig: Any) -> None:
    """The newest first, three at most; a row that is not there does nothing."""
    for number in range(2, 6):
        person = Identifier(kind=IdentifierKind.PHONE, value=f"+7900{number}000001")
        rig.tell([Customer(id=f"m-{one}", name=f"N {one}") for one in range(1, 3)], reflects=0)
        recent.remember(rig.desk, person, "m-1" if number % 2 else "m-2", rig.clock.now())
        rig.clock.forward(hours=2)
    assert ["N 1", "N 2"] == [one.name for one in show(rig, "0001").picks]
    rig.desk.act(acts.Pick(row=3))

    assert Screen.PICK is seen(rig).screen


def test_who_only_showed_a_card_is_not_found_by_digits(rig: Any) -> None:
    """A till does not know the number of somebody who never told it."""
    show(rig, CARDS[0], presented=True)
    rig.desk.clear()

    assert (Screen.IDLE, "no_recent") == (show(rig, "0001").screen, seen(rig).notice)


def test_nothing_of_a_number_is_kept(rig: Any) -> None:
    """A keyed hash; under another tenant key it finds nobody."""
    was_here(rig, ANNA)
    (key,) = [key for key, _ in read_all(rig.desk.store, "recent", Recent)]
    assert (16, "m-1") == (len(key.partition("/")[0]), key.partition("/")[2])
    assert "0001" not in key
    rig.desk.knowledge.tenant_key = b"k" * 32

    assert Screen.IDLE is show(rig, "0001").screen


def test_long_ago_is_not_lately(rig: Any) -> None:
    """Ninety days; then it is gone from the disk too."""
    was_here(rig, ANNA)
    rig.clock.forward(days=91)
    assert Screen.IDLE is show(rig, "0001").screen
    rig.desk.tick()

    assert [] == read_all(rig.desk.store, "recent", Recent)


def test_only_the_newest_thousand_are_kept(rig: Any, monkeypatch: Any) -> None:
    """More would make four digits a lottery."""
    monkeypatch.setattr(recent, "CUSTOMERS_MAX", 1)
    was_here(rig, ANNA)
    was_here(rig, "+79000000002")

    assert 1 == len(recent.forget_recent(rig.desk, rig.clock.now()))


def test_back_and_a_card_meanwhile(rig: Any) -> None:
    """Esc leaves; a card that is shown is simply somebody."""
    was_here(rig, ANNA)
    show(rig, "0001")
    rig.desk.act(acts.Back())
    assert Screen.IDLE is seen(rig).screen
    show(rig, "0001")

    assert "m-2" == show(rig, CARDS[1], presented=True).customer.id


def test_a_customer_who_was_blocked_meanwhile(rig: Any) -> None:
    """The list was made before; the choice is refused in words."""
    was_here(rig, ANNA)
    show(rig, "0001")
    rig.tell([Customer(id="m-1", name="Anna P.", blocked=True)], reflects=1)
    with pytest.raises(CheckoutRefused, match="type the whole number"):
        rig.desk.act(acts.Pick(row=1))


def test_a_customer_at_the_till_stays(rig: Any) -> None:
    """Digits do not swap anybody."""
    was_here(rig, "+79000000002")
    show(rig, ANNA)
    shown = show(rig, "0002")

    assert ("m-1", "no_recent") == (shown.customer.id, shown.notice)
