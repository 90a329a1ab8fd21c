"""Slips: every line fits, and before - spent + earned = after can be read off the paper."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.loyalty import RefundEffect
from agent.slips.compose import SlipStyle, refund_slip, sale_slip
from agent.slips.text import column_width, lay_out
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.decision import Decision, PointsEarned, PointsSpent
from drivers.vocabulary.money import Money

MOSCOW = ZoneInfo("Europe/Moscow")
DECISION = Decision(
    programme_version=1,
    total=Money.of("1240", "RUB"),
    discount=Money.of("362", "RUB"),
    payable=Money.of("878", "RUB"),
    effects=(
        PointsSpent(unit="bonus", amount=300, worth=Money.of("300", "RUB")),
        PointsEarned(unit="bonus", amount=62, rule="base"),
    ),
)
BEFORE = (PointsBalance(unit="bonus", available=1240),)
AFTER = (PointsBalance(unit="bonus", available=1002, expiring=150, expiring_at=datetime(2026, 11, 30, 20, tzinfo=UTC)),)


def slip(columns: int, language: str) -> tuple[str, ...]:
    style = SlipStyle(language=language, zone=MOSCOW, title="Клуб «У дома»")
    lines = sale_slip(
        style, DECISION, customer_mask="+7900***01", tier="Silver", before=BEFORE, after=AFTER, claim="7K4M0Q-2X"
    )
    return lay_out(lines, columns)


@pytest.mark.parametrize("columns", [24, 32, 36, 42, 44, 48, 56, 64])
@pytest.mark.parametrize("language", ["en", "ru", "th"])
def test_no_line_is_wider_than_the_printer(columns: int, language: str) -> None:
    """Labels give way, numbers never."""
    lines = slip(columns, language)

    assert [] == [line for line in lines if column_width(line) > columns]
    assert any(line.endswith("7K4M0Q-2X") for line in lines)


def test_the_arithmetic_can_be_read_off_the_slip() -> None:
    """1 240 - 300 + 62 = 1 002, in this order (the first number is the end of the masked phone)."""
    text = "\n".join(slip(42, "ru"))
    numbers = [int(found.replace(" ", "")) for found in re.findall(r"[-+]?\d[\d ]*$", text, re.MULTILINE)]

    assert 1240 - 300 + 62 == 1002
    assert [1240, -300, 62, 1002] == numbers[1:5]


def test_an_anonymous_receipt_says_what_it_could_have_earned() -> None:
    """And nothing about a balance nobody has."""
    style = SlipStyle(language="en", zone=MOSCOW)
    lines = sale_slip(style, DECISION, customer_mask="", tier="", before=(), after=(), claim="7K4M0Q-2X")

    assert "YOU COULD HAVE EARNED: 62" == lines[0]
    assert not any("BALANCE" in line for line in lines)


def test_a_thai_date_is_buddhist() -> None:
    """2026 is 2569."""
    assert any("30/11/2569" in line for line in slip(42, "th"))


def test_a_return_says_both_directions() -> None:
    """Spent points come back, earned points go."""
    style = SlipStyle(language="ru", zone=MOSCOW)
    effect = RefundEffect(points_given_back={"bonus": 300}, points_taken_back={"bonus": 62})
    lines = refund_slip(style, effect, sale=None, settled_by_centre=False, claim="7K4M0Q-2X")

    assert lines[0].endswith("+300")
    assert lines[1].endswith("-62")
