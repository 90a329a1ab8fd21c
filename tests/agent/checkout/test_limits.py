"""Limits against misuse (scorecard row 37): from this till's own journal, without a line, and no sale is stopped."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from agent import acts
from agent.checkout.customers.limits import LimitRules
from agent.snapshot import LinkState, Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.facts import LimitMet
from offline_queue.reader import OutboxReader
from tests.agent.conftest import CARDS

RULES = LimitRules(card_hour=2, card_day=4, card_day_hard=6, cashier_share=80, cashier_share_from=4)


@pytest.fixture
def till(rig: Any) -> Any:
    """Without a line, with small limits."""
    limit(rig, RULES)
    rig.desk.link_changed(LinkState.OFFLINE, "")
    return rig


def limit(rig: Any, rules: LimitRules) -> None:
    rig.desk.rules = dataclasses.replace(rig.desk.rules, limits=rules)


def seen(rig: Any) -> Any:
    rig.desk.snapshot(1)
    return rig.desk.shown


def show(rig: Any, code: str = CARDS[0]) -> Any:
    request = contract.IdentifyRequest(code=code, presented=code in CARDS)
    rig.desk.panel_identify(request, replaces=True)
    return seen(rig)


def buy(rig: Any, uid: str, *, cashier: str = "c1", code: str = CARDS[0]) -> contract.ConfirmAnswer:
    show(rig, code)
    return close(rig, uid, cashier=cashier)


def close(rig: Any, uid: str, *, cashier: str = "c1") -> contract.ConfirmAnswer:
    receipt = replace(rig.paid(uid, "100", "0"), cashier=cashier)
    return rig.desk.confirm(contract.ConfirmRequest(receipt=receipt), source="api")


def told(rig: Any) -> list[LimitMet]:
    reader = OutboxReader.open(rig.folder / "till.db")
    try:
        waiting = reader.batch(envelopes_max=100, bytes_max=1_000_000)
    finally:
        reader.close()
    return [codec.decode(one.body, LimitMet) for one in waiting if one.kind == "limit.met"]


def test_the_third_receipt_in_an_hour_is_asked_about(till: Any) -> None:
    """Two pass; the reason goes to the centre with the receipt, which counts."""
    for number in range(2):
        buy(till, f"r-{number}")
        till.clock.forward(minutes=5)
    shown = show(till)
    assert (Screen.LIMIT, "card_hour", 3, False) == (
        shown.screen, shown.limit.limit, shown.limit.count, shown.limit.is_hard,
    )  # fmt: skip
    till.desk.act(acts.AnswerLimit(answer="family"))
    assert (Screen.FOUND, True) == (seen(till).screen, seen(till).limit.is_answered)
    answer = close(till, "r-3", cashier="c7")

    assert "m-1" == answer.customer_id
    assert [("card_hour", 3, "soft", "family", "c7", "r-3")] == [
        (one.limit, one.count, one.level, one.answer, one.cashier, one.receipt_uid) for one in told(till)
    ]


def test_a_question_that_nobody_answers_stops_nothing(till: Any) -> None:
    """Esc, or a till that never looks at the panel: the receipt counts, and the centre hears that nobody answered."""
    buy(till, "r-1")
    buy(till, "r-2")
    show(till)
    till.desk.act(acts.Back())

    assert (Screen.FOUND, "m-1") == (seen(till).screen, close(till, "r-3").customer_id)
    assert [""] == [one.answer for one in told(till)]


def test_an_hour_later_nobody_asks(till: Any) -> None:
    """Until the day's own limit."""
    for number in range(4):
        buy(till, f"r-{number}")
        till.clock.forward(minutes=61)
    assert "card_day" == show(till).limit.limit
    till.desk.clear()
    till.clock.forward(days=1)

    assert show(till).limit is None


def test_the_seventh_of_a_day_needs_a_supervisor(till: Any) -> None:
    """Without one the receipt is nobody's and carries a claim code; points cannot be spent; the sale goes on."""
    for number in range(6):
        buy(till, f"r-{number}")
        till.clock.forward(minutes=61)
    assert (Screen.LIMIT, True) == (show(till).screen, seen(till).limit.is_hard)
    with pytest.raises(CheckoutRefused, match="supervisor"):
        till.desk.act(acts.AnswerLimit(answer="family"))
    till.desk.act(acts.Back())
    with pytest.raises(CheckoutRefused, match="supervisor"):
        till.desk.act(acts.AskSpending())
    quoted = till.desk.quote(contract.QuoteRequest(receipt=till.sale("r-7", "100")))
    answer = close(till, "r-7")

    assert ([], None) == (list(quoted.decision.earned), answer.customer_id)
    assert answer.claim_code
    assert [("card_day", "hard", False)] == [(one.limit, one.level, one.supervisor) for one in told(till)][-1:]


def test_with_a_supervisor_it_counts(till: Any) -> None:
    """Said at the panel, kept over a restart, told to the centre."""
    for number in range(6):
        buy(till, f"r-{number}")
        till.clock.forward(minutes=61)
    show(till)
    till.desk.act(acts.AnswerLimit(supervisor=True))
    till.desk.close()
    till.open()

    assert "m-1" == close(till, "r-7").customer_id
    assert [True] == [one.supervisor for one in told(till)][-1:]


def test_one_cashier_makes_nearly_all_of_a_customers_receipts(till: Any) -> None:
    """Where others work too; in a shop with one cashier there is nothing to see."""
    limit(till, LimitRules(cashier_share=80, cashier_share_from=4))
    for number in range(4):
        buy(till, f"r-{number}", cashier="c1")
    assert show(till).limit is None
    till.desk.clear()
    for number in range(4):
        buy(till, f"b-{number}", cashier="c2", code=CARDS[1])
    buy(till, "last", cashier="c1", code=CARDS[1])

    assert ("cashier_share", 4) == (show(till).limit.limit, seen(till).limit.count)


def test_too_many_customers_without_a_card(till: Any) -> None:
    """Numbers that were told, not cards that were shown: at the till, and by one cashier."""
    limit(till, LimitRules(till_typed=3, cashier_typed=2))
    buy(till, "r-1", code="+79000000001", cashier="c1")
    buy(till, "r-2", code="+79000000002", cashier="c2")
    buy(till, "r-3", code=CARDS[0], cashier="c2")
    assert show(till, "+79000000001").limit is None
    close(till, "r-4", cashier="c2")
    assert ("till_typed", 4) == (show(till, "+79000000002").limit.limit, seen(till).limit.count)
    till.desk.clear()
    assert show(till).limit is None
    limit(till, LimitRules(cashier_typed=1))
    till.desk.clear()

    assert "cashier_typed" == show(till, "+79000000002").limit.limit


def test_the_same_customer_again_is_asked_about_once(till: Any) -> None:
    """Who shows the card after the number was typed has been answered for already."""
    buy(till, "r-1")
    buy(till, "r-2")
    show(till, "+79000000001")
    till.desk.act(acts.AnswerLimit(answer="several"))

    assert Screen.FOUND is show(till).screen


def test_what_is_long_ago_is_forgotten(till: Any) -> None:
    """The list of a customer who stays away goes; so does a receipt's weight."""
    buy(till, "r-1")
    till.clock.forward(days=31)
    till.desk.tick()

    assert [] == till.desk.store.scan("pace", "customer/")
