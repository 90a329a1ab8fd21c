"""Which personal offers are shown, and what is told about mistakes in counters, limits, offers, partners, referral."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.loyalty import Programme, good_offers, load
from agent.loyalty.describe import describe
from drivers.vocabulary.customer import Customer, OfferFact

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FILE: dict[str, Any] = {
    "version": 1,
    "title": "t",
    "currency": "RUB",
    "zone": "Europe/Moscow",
    "units": {"bonus": {"worth": 1, "title": "bonuses"}},
    "counters": {
        "month": {"of": "money", "period": "month", "title": "spent this month"},
        "visits": {"of": "purchases", "period": "week"},
        "staff": {"of": "discount", "period": "day", "title": "staff discount"},
        "grab": {"of": "uses", "period": "ever", "title": "the grab"},
    },
    "offers": {"milk": {"title": "Your milk"}, "idle": {}},
    "partners": {"azs": {"title": "Fuel & Go"}},
    "groups": {"g": {"mode": "stack"}},
}
KEEPS = [
    {"id": "keep1", "kind": "percent_discount", "percent": 1, "limit": {"counter": "staff"}},
    {"id": "keep2", "kind": "percent_discount", "percent": 1, "limit": {"counter": "grab"}},
]
TENTH = {"id": "r", "kind": "percent_discount", "percent": 10}


def loaded(*rules: dict[str, Any]) -> Any:
    """The file with these rules, or its problems."""
    return load(json.dumps({**FILE, "rules": [*KEEPS, *rules]}).encode(), name="t.json")


# ── What is shown ────────────────────────────────────────────────────────────────────────────────


def offers(*facts: OfferFact, most: int = 3) -> list[str]:
    """The titles of the good ones, in order."""
    programme = loaded({**TENTH, "when": {"offers": ["milk"]}})

    assert isinstance(programme, Programme), programme
    customer = Customer(id="c", offers=facts)
    return [one.title for one in good_offers(programme, customer, NOW, most=most)]


def test_the_most_important_offers_come_first_and_three_are_enough() -> None:
    """Of equal ones that which ends first; never more than asked for."""
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=9)
    facts = [
        OfferFact(offer="milk", title="late", priority=5, valid_until=late),
        OfferFact(offer="milk", title="low"),
        OfferFact(offer="milk", title="soon", priority=5, valid_until=soon),
        OfferFact(offer="milk", title="high", priority=9),
    ]

    assert ["high", "soon", "late"] == offers(*facts)
    assert ["high"] == offers(*facts, most=1)
    assert [] == offers(*facts, most=0)


def test_an_offer_that_cannot_bring_anything_is_not_shown() -> None:
    """It is over, has not begun, or no rule of the programme wants it."""
    facts = [
        OfferFact(offer="milk", title="over", valid_until=NOW),
        OfferFact(offer="milk", title="not yet", valid_from=NOW + timedelta(seconds=1)),
        OfferFact(offer="idle", title="no rule"),
        OfferFact(offer="gone", title="not declared"),
    ]

    assert [] == offers(*facts)


def test_an_offer_without_a_title_has_the_programmes() -> None:
    """So that no line of the screen is empty."""
    assert ["Your milk"] == offers(OfferFact(offer="milk"))


def test_nobody_and_somebody_blocked_have_no_offers() -> None:
    """They get nothing of them either."""
    programme = loaded({**TENTH, "when": {"offers": ["milk"]}})
    blocked = Customer(id="c", blocked=True, offers=(OfferFact(offer="milk"),))

    assert () == good_offers(programme, None, NOW)
    assert () == good_offers(programme, blocked, NOW)


# ── What is wrong ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"when": {"counters": [{"counter": "mont", "from": 1}]}},
            "no counter 'mont'; declare it under [counters]; did",
        ),
        ({"when": {"counters": [{"counter": "month"}]}}, "write from, below, or both"),
        ({"when": {"counters": [{"counter": "month", "from": "1.001"}]}}, "1.001 has more decimal places than RUB"),
        ({"when": {"counters": [{"counter": "month", "from": 0}]}}, "must be above 0"),
        ({"when": {"counters": [{"counter": "month", "from": 5, "below": 5}]}}, "must be above from = 5, not 5"),
        ({"when": {"counters": [{"counter": "visits", "from": "1.5"}]}}, "purchases are whole numbers, not 1.5"),
        ({"when": {"offers": ["silk"]}}, "no offer 'silk'; declare it under [offers]; did you mean milk?"),
        ({"when": {"partners": ["asz"]}}, "no partner 'asz'; declare it under [partners]; did you mean azs?"),
        ({"lines": {"offered": True}}, "say which personal offers: when.offers"),
        (
            {"limit": {"counter": "stuff", "most": 1}},
            "no counter 'stuff'; declare it under [counters]; did you mean staff",
        ),
        (
            {"limit": {"counter": "month", "most": 1}},
            "'month' counts money of every receipt; a limit wants discount or uses",
        ),
        ({"limit": {"counter": "staff", "most": 0}}, "must be above 0"),
        (
            {"limit": {"counter": "staff", "most": 5}, "when": {"customer": "anonymous"}},
            "nobody can tell how much an anonymous customer has had",
        ),
        (
            {"kind": "fixed_points", "unit": "bonus", "points": 1, "limit": {"counter": "staff", "most": 1}},
            "this rule takes no money off; a limit for it wants a counter of uses",
        ),
        (
            {"kind": "multiply_points", "unit": "bonus", "factor": 2, "limit": {"counter": "grab", "most": 1}},
            "multipliers are chosen together, so none shares a limit; 'grab' is also of keep2",
        ),
        (
            {"when": {"customer": "anonymous", "offers": ["milk"]}},
            "no anonymous customer can meet the other conditions",
        ),
        ({"kind": "referral", "unit": "bonus"}, "write points, friend_points, or both"),
        ({"kind": "referral", "unit": "bonus", "points": 0}, "must be above 0"),
        ({"kind": "referral", "unit": "bonus", "points": "0.5"}, "bonus has 0 decimal places, 0.5 has more"),
        ({"kind": "referral", "unit": "bonus", "points": 1, "group": "g"}, "what comes after the sale has no group"),
        (
            {"kind": "referral", "unit": "bonus", "points": 1, "active_after_days": 9, "expires_after_days": 3},
            "the points would expire before they are active",
        ),
        ({"kind": "donate_points", "unit": "bonos", "fund": "F"}, "no unit 'bonos'"),
        ({"kind": "donate_points", "unit": "bonus", "fund": "F", "step": "0.1"}, "bonus has 0 decimal places"),
        (
            {"kind": "bundle", "price": 1, "members": [{"lines": {"offered": True}}], "when": {"offers": ["milk"]}},
            "write it under lines of the whole rule",
        ),
        ({"kind": "gift", "gift": "x", "gives": "tickets"}, "expected one of product, service, ticket, not 'tickets'"),
    ],
)
def test_a_wrong_key_is_told_in_the_authors_words(rule: dict[str, Any], message: str) -> None:
    """With the nearest known word where there is one."""
    found = loaded({**({} if "kind" in rule else TENTH), "id": "r", **rule})

    assert isinstance(found, list)
    assert any(message in str(problem) for problem in found), [str(problem) for problem in found]


def test_a_counter_that_nobody_counts_in_is_told() -> None:
    """It would always be 0."""
    found = load(json.dumps({**FILE, "rules": KEEPS[:1]}).encode(), name="t.json")

    assert isinstance(found, list)
    assert ['t.json:1: counters.grab: no rule counts in "grab": give one a limit = { counter = "grab" }'] == [
        str(problem) for problem in found
    ]


# ── What is said of it ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "english", "russian"),
    [
        (
            {"limit": {"counter": "staff", "most": 1000}},
            "at most 1,000.00 RUB a day (staff discount)",
            "не больше 1 000,00 ₽ в день (staff discount)",
        ),
        ({"limit": {"counter": "grab", "most": 1}}, "have it: 1 in all (the grab)", "применений: 1 всего (the grab)"),
        ({"limit": {"counter": "grab"}}, "counts in the grab", "учитывается: the grab"),
        (
            {"when": {"counters": [{"counter": "month", "from": 2000, "below": 5000}]}},
            "spent this month 2,000.00 RUB or more; spent this month below 5,000.00 RUB",
            "spent this month от 2 000,00 ₽; spent this month меньше 5 000,00 ₽",
        ),
        ({"when": {"partners": ["azs"]}}, "with a card of Fuel & Go", "по карте партнёра Fuel & Go"),
        (
            {"when": {"offers": ["milk"]}, "lines": {"offered": True}},
            "with the personal offer Your milk; only goods of that offer",
            "по персональному предложению Your milk; только товары из предложения",
        ),
        (
            {"kind": "referral", "unit": "bonus", "points": 5, "friend_points": 9, "expires_after_days": 30},
            "on purchase no. 1; 5 bonuses; 9 bonuses for the friend; spendable through the end of day 30",
            "в покупку № 1; 5 bonuses; 9 bonuses пригласившему; действуют до конца 30-го дня",
        ),
        (
            {"kind": "donate_points", "unit": "bonus", "fund": "Shelter", "step": 10, "most": 500},
            "bonuses can be given to Shelter, when asked for; in steps of 10; at most 500 a receipt",
            "bonuses можно передать по желанию: Shelter; с шагом 10; не больше 500 за чек",
        ),
        ({"kind": "gift", "gift": "repair", "gives": "service"}, "a service: repair, 1", "услуга: repair, 1 шт."),
        ({"kind": "gift", "gift": "tasting", "gives": "ticket"}, "a ticket: tasting, 1", "билет: tasting, 1 шт."),
    ],
)
def test_rules_are_described(rule: dict[str, Any], english: str, russian: str) -> None:
    """In plain phrases, and in every language without a blank left."""
    programme = loaded({**({} if "kind" in rule else TENTH), "id": "r", **rule})

    assert isinstance(programme, Programme), [str(problem) for problem in programme]
    said = {
        name: describe(programme, language=name)[-1].replace("\N{NO-BREAK SPACE}", " ") for name in ("en", "ru", "th")
    }

    assert english in said["en"]
    assert russian in said["ru"]
    assert "{" not in said["th"]
