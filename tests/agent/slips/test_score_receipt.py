"""Rows 38 and 39 of the scorecard: slips fit every paper, add up, and say numbers as people do."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest

from agent.acts import Spend
from agent.slips.text import column_width, form, lay_out, money_text, words
from drivers.vocabulary.checkout import ConfirmRequest, IdentifyRequest, QuoteRequest
from drivers.vocabulary.money import Money
from tests.agent.conftest import CARDS
from tests.agent.slips.test_golden import SLIPS, TITLES

WIDTHS = (32, 36, 42, 44, 48)


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("columns", WIDTHS)
def test_every_slip_fits_every_paper(language: str, columns: int) -> None:
    """Sale, nobody's sale and return: no line wider than the paper, no character that moves the paper."""
    lines = [line for make in SLIPS.values() for line in lay_out(make(language), columns)]
    odd = {one for line in lines for one in line if unicodedata.category(one) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}}

    assert [] == [line for line in lines if column_width(line) > columns]
    assert set() == odd


def test_before_less_spent_and_earned_is_after(rig: Any) -> None:
    """What the slip says of points adds up, and is what the till believes."""
    desk = rig.desk
    desk.identify(IdentifyRequest(code=CARDS[0], presented=True))
    desk.act(Spend())
    quote = desk.quote(QuoteRequest(receipt=rig.sale("r-1", "1000")))
    off = quote.decision.discount
    answer = desk.confirm(ConfirmRequest(receipt=rig.paid("r-1", "1000", off.amount)), source="api")
    said = {}
    for line in answer.slip:
        for key in ("before", "spent", "earned", "after"):
            label = words("en")[key].partition(" (")[0]
            number = re.search(r"([-+]?[\d,]+)$", line)
            if line.startswith(label) and number is not None:
                said[key] = abs(int(number[1].replace(",", "")))

    assert {"before", "spent", "earned", "after"} == set(said)
    assert said["before"] - said["spent"] + said["earned"] == said["after"] == answer.balances[0].available


FORMS = {
    "en": ["ticket" if n == 1 else "tickets" for n in (0, 1, 2, 5, 11, 21, 101)],
    "ru": ["билетов", "билет", "билета", "билетов", "билетов", "билет", "билет"],
}


@pytest.mark.parametrize("language", sorted(FORMS))
def test_plurals(language: str) -> None:
    """0, 1, 2, 5, 11, 21, 101."""
    forms = words(language)["count_ticket"]

    assert FORMS[language] == [form(forms, n, language).split()[-1] for n in (0, 1, 2, 5, 11, 21, 101)]


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("ru", ["0,01", "1,00", "1 240,50", "9 999 999,99"]),
        ("en", ["0.01", "1.00", "1,240.50", "9,999,999.99"]),
        ("th", ["0.01", "1.00", "1,240.50", "9,999,999.99"]),
    ],
)
def test_money(language: str, wanted: list[str]) -> None:
    """From a kopeck to ten million less one."""
    amounts = ("0.01", "1.00", "1240.50", "9999999.99")

    assert wanted == [money_text(Money.of(one, "RUB"), language) for one in amounts]
