"""Two real tills and the real centre: without a line no coupon is used twice and no certificate is overdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract
from tests.central.value_tills import CODE, Till, settled, two_tills


@pytest.fixture
def tills(centre: Any, words: Any, tmp_path: Path) -> Iterator[list[Till]]:
    made = two_tills(centre, words, tmp_path)
    yield made
    for till in made:
        till.desk.close()


def test_without_a_line_one_till_takes_the_coupon(centre: Any, tills: list[Till]) -> None:
    """The one that sold to its customer last; the other one says calmly that it cannot know."""
    first, second = tills
    first.buy()
    first.turn()
    second.buy()
    second.turn()

    assert [("10.00 RUB", "0.00 RUB"), ("0.00 RUB", "0.00 RUB")] == [one.buy(serial="A-1") for one in tills]
    assert (10_000, []) == settled(centre, tills)


def test_without_a_line_two_tills_do_not_overdraw_a_certificate(centre: Any, tills: list[Till]) -> None:
    """Anna paid 1.00 with it and buys at both: a half of the rest is in the one's hand, a quarter in the other's."""
    first, second = tills
    first.goes(LinkState.ONLINE)
    assert ("0.00 RUB", "1.00 RUB") == first.buy(code=CODE, price="1.00")
    first.goes(LinkState.OFFLINE)
    second.buy()
    first.turn()
    second.turn()

    assert [("0.00 RUB", "49.50 RUB"), ("0.00 RUB", "24.75 RUB")] == [one.buy(code=CODE) for one in tills]
    assert ("0.00 RUB", "0.00 RUB") == first.buy(code=CODE)
    assert (2_475, []) == settled(centre, tills)


def test_a_coupon_shown_elsewhere_comes_within_two_turns(centre: Any, tills: list[Till]) -> None:
    """The cashier there reads a sentence, and tries again in a minute."""
    first, second = tills
    first.buy()
    first.turn()
    second.goes(LinkState.ONLINE)
    answer = second.quote("shown", serial="A-1")
    second.desk.cancel(contract.CancelRequest(receipt_uid="shown"))

    assert "coupon_elsewhere" in {one.code for one in answer.decision.explanations}
    first.turn()
    assert ("10.00 RUB", "0.00 RUB") == second.buy(serial="A-1")
    assert ("0.00 RUB", "0.00 RUB") == first.buy(serial="A-1")
    assert (10_000, []) == settled(centre, tills)


def test_a_returned_coupon_can_be_used_at_the_other_till(centre: Any, tills: list[Till]) -> None:
    """Bought and brought back without a line; with the line it is good again, and as free as one never used."""
    first, second = tills
    first.buy()
    first.turn()
    assert ("10.00 RUB", "0.00 RUB") == first.buy(serial="A-1")
    first.bring_back("t1-2", off="10.00")
    assert ("0.00 RUB", "0.00 RUB") == first.buy(serial="A-1")
    first.turn()
    second.hear()
    second.goes(LinkState.ONLINE)
    assert ("0.00 RUB", "0.00 RUB") == second.buy(serial="A-1")
    first.turn()

    assert ("10.00 RUB", "0.00 RUB") == second.buy(serial="A-1")
    assert (10_000, []) == settled(centre, tills)


def test_a_hold_that_was_paid_with_after_its_time_overdraws_nothing(centre: Any, tills: list[Till]) -> None:
    """Quoted with the line, closed without it an hour later; meanwhile nobody else got the money."""
    first, second = tills
    first.goes(LinkState.ONLINE)
    answer = first.quote("late", code=CODE)
    first.goes(LinkState.OFFLINE)
    centre.now += timedelta(hours=1)
    second.goes(LinkState.ONLINE)
    assert ("0.00 RUB", "0.00 RUB") == second.buy(code=CODE)
    first.close("late", answer)

    assert (0, []) == settled(centre, tills)
