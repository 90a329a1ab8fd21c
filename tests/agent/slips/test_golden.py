"""Whole slips as they come out of the printer, in every language and width; remade with TILLPOINT_REMAKE=1 and read."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from agent.loyalty import Programme, RefundEffect, load
from agent.loyalty.refund import CertificateRefilled, MembershipReturned
from agent.slips.compose import SlipStyle, refund_slip, sale_slip
from agent.slips.names import NAME_COLUMNS_MAX, names_of
from agent.slips.text import WRAPPED, column_width, lay_out, wrap
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.decision import (
    CertificateUsed,
    Counted,
    CouponIssued,
    CouponUsed,
    Decision,
    GiftDue,
    GiftKind,
    Hint,
    LineDiscount,
    MembershipGranted,
    PointsDonated,
    PointsEarned,
    PointsGranted,
    PointsSpent,
)
from drivers.vocabulary.money import Money

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (32, 42, 48, 64)
MOSCOW = ZoneInfo("Europe/Moscow")
#: Title of the programme, a rule, a second rule, a coupon, a gift, a fund, a counter.
TITLES = {
    "en": ("Club", "Regulars' Tuesday discount", "Points for all", "Come again", "Toy car", "Animals", "This year"),
    "ru": (
        "Клуб «У дома»",
        "Скидка по вторникам постоянным",
        "Баллы за всё",
        "Приходите снова",
        "Машинка",
        "Лапа",
        "За год",
    ),
    "th": ("คลับเพื่อนบ้าน", "ส่วนลดวันอังคารสำหรับสมาชิกประจำ", "คะแนนทุกบิล", "กลับมาอีกนะ", "รถของเล่น", "เพื่อนสัตว์", "ปีนี้"),
}
PROGRAMME = """
version = 1
title = "{0}"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = {{ title = "bonus", worth = "1.00 RUB" }}
coupons.again = {{ title = "{3}" }}
counters.year = {{ of = "money", period = "year", title = "{6}" }}

[[rules]]
id = "tuesday"
title = "{1}"
kind = "percent_discount"
percent = "5"

[[rules]]
id = "base"
title = "{2}"
kind = "earn_points"
unit = "bonus"
percent = "5"

[[rules]]
id = "next"
kind = "issue_coupon"
coupon = "again"

[[rules]]
id = "again"
title = "{3}"
kind = "percent_discount"
percent = "10"
when.coupons = ["again"]
when.total_from = "1000 RUB"
"""


def rub(text: str) -> Money:
    return Money.of(text, "RUB")


def moment(day: int, month: int = 12, hour: int = 21) -> datetime:
    """21:00 UTC is midnight in Moscow."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


DECISION = Decision(
    programme_version=1,
    total=rub("2480"),
    discount=rub("424"),
    payable=rub("1256"),
    effects=(
        LineDiscount(line=1, rule="tuesday", amount=rub("60")),
        LineDiscount(line=2, rule="tuesday", amount=rub("64")),
        LineDiscount(line=1, rule="points", amount=rub("300")),
        PointsSpent(unit="bonus", amount=300, worth=rub("300")),
        CertificateUsed(code="GC-5500-7781", amount=rub("500"), left=rub("0"), burned=rub("120.50")),
        CertificateUsed(code="GC-5500-7799", amount=rub("300"), left=rub("700"), burned=rub("0")),
        CouponUsed(code="RMB5QVOX", coupon="again", rules=("again",)),
        PointsEarned(unit="bonus", amount=62, rule="base"),
        PointsEarned(unit="bonus", amount=50, rule="welcome"),
        PointsGranted(rule="referral", customer="m-2", unit="bonus", amount=102),
        PointsDonated(rule="give", unit="bonus", amount=12, fund="?"),
        CouponIssued(code="K7Q2M8X4T9", coupon="again", rule="next", valid_from=moment(1), valid_until=moment(15)),
        GiftDue(rule="toys", gift="?", count=2),
        GiftDue(rule="draw", gift="?", count=5, kind=GiftKind.TICKET),
        GiftDue(rule="mend", gift="?", count=1, kind=GiftKind.SERVICE),
        MembershipGranted(rule="club", days=365, until=datetime(2027, 11, 21, 21, tzinfo=UTC)),
        Counted(counter="year", amount=125_600),
    ),
    hints=(
        Hint(
            rule="tiers",
            code="to_tier",
            values={"have": "13500.00 RUB", "need": "15000.00 RUB", "missing": "1500.00 RUB", "tier": "Gold"},
        ),
        Hint(rule="again", code="more_money", values={"have": "1.00 RUB", "need": "2.00 RUB", "missing": "1.00 RUB"}),
    ),
)
BEFORE = (PointsBalance(unit="bonus", available=1240),)
AFTER = (
    PointsBalance(
        unit="bonus", available=978, pending=62, expiring=150, expiring_at=datetime(2026, 11, 30, 20, tzinfo=UTC)
    ),
)


def in_language(decision: Decision, language: str) -> Decision:
    """The same, with names as a shop of this language would have given them."""
    _, _, _, _, gift, fund, _ = TITLES[language]
    effects = [
        replace(effect, gift=gift)
        if isinstance(effect, GiftDue)
        else replace(effect, fund=fund)
        if isinstance(effect, PointsDonated)
        else effect
        for effect in decision.effects
    ]
    return Decision(
        programme_version=1,
        total=decision.total,
        discount=decision.discount,
        payable=decision.payable,
        effects=tuple(effects),
        hints=decision.hints,
    )


def style_of(language: str) -> SlipStyle:
    loaded = load(PROGRAMME.format(*TITLES[language]).encode(), name="p.toml")
    assert isinstance(loaded, Programme), [str(one) for one in loaded]
    return SlipStyle(language=language, zone=MOSCOW, title=loaded.title, names=names_of(loaded, language))


def sale(language: str) -> tuple[str, ...]:
    return sale_slip(
        style_of(language),
        in_language(DECISION, language),
        customer_mask="+7900***01",
        tier="Silver",
        before=BEFORE,
        after=AFTER,
        claim="7K4M0Q-2X",
        counted={"year": 1_350_000},
    )


def anonymous(language: str) -> tuple[str, ...]:
    return sale_slip(
        style_of(language),
        in_language(DECISION, language),
        customer_mask="",
        tier="",
        before=(),
        after=(),
        claim="7K4M0Q-2X",
    )


def refund(language: str) -> tuple[str, ...]:
    granted = MembershipGranted(rule="club", days=365, until=moment(20))
    effect = RefundEffect(
        points_given_back={"bonus": 300},
        points_taken_back={"bonus": 112},
        coupons_back=("RMB5QVOX",),
        coupons_void=("K7Q2M8X4T9",),
        certificates=(CertificateRefilled(code="GC-5500-7781", amount=rub("500")),),
        memberships_back=(MembershipReturned(granted=granted, days=21, whole=False),),
    )
    return refund_slip(style_of(language), effect, sale=DECISION, settled_by_centre=False, claim="3F9K1T-7B")


SLIPS = {"sale": sale, "anonymous": anonymous, "return": refund}


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("what", SLIPS)
def test_the_slip_is_as_it_was_read_and_found_good(language: str, what: str) -> None:
    """Every width of one slip in one file; no line is wider than its paper."""
    pages = []
    for columns in WIDTHS:
        lines = lay_out(SLIPS[what](language), columns)

        assert [] == [line for line in lines if column_width(line) > columns]
        pages.append("\n".join((f"== {columns} columns ".ljust(columns, "="), *(line.rstrip() for line in lines))))
    made = "\n\n".join(pages) + "\n"
    file = GOLDEN / f"{what}.{language}.txt"
    if os.environ.get("TILLPOINT_REMAKE"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(made, "utf-8")

    assert file.read_text("utf-8") == made


@pytest.mark.parametrize("language", TITLES)
def test_each_rule_has_a_short_name_with_its_amount(language: str) -> None:
    """Whole on the narrowest paper, at most 24 columns of name."""
    names = style_of(language).names

    assert all(column_width(name) <= NAME_COLUMNS_MAX for name in names.rules.values())
    line = next(line for line in lay_out(sale(language), 32) if line.startswith(names.rules["tuesday"]))
    assert line.endswith(("-124,00", "-124.00"))
    assert ".." not in line


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("columns", WIDTHS)
def test_a_member_reads_six_facts(language: str, columns: int) -> None:
    """Before, spent, earned, after, level, expiring: on every member slip, at every width."""
    paper = lay_out(sale(language), columns)
    numbers = [next(place for place, line in enumerate(paper) if line.endswith(end)) for end in ("-300", "+112", "978")]

    assert any(line.endswith(("1 240", "1,240")) for line in paper)
    assert sorted(numbers) == numbers
    assert any("Silver" in line for line in paper)
    assert any("150" in line for line in paper)


def test_a_long_code_is_never_cut() -> None:
    """It goes on below, and put together again it is the code."""
    code = "TPC1." + "abcdefghij" * 12
    paper = lay_out([WRAPPED + code], 32)

    assert code == "".join(paper)
    assert all(column_width(line) <= 32 for line in paper)


def test_a_thai_mark_stays_with_its_letter() -> None:
    """A line never begins with a vowel that hangs on the line above."""
    lines = wrap("ที่นี่มีส่วนลด", 3)

    assert all(column_width(line[0]) == 1 for line in lines)
    assert "ที่นี่มีส่วนลด" == "".join(lines)


def test_a_number_is_not_broken_between_its_thousands() -> None:
    """1 000,00 stays on one line."""
    assert ["от суммы", "1 000,00", "руб"] == wrap("от суммы 1 000,00 руб", 10)
