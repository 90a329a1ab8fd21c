"""Coupons, certificates and what comes after the sale: what must hold for every receipt."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st

from agent.loyalty import Programme, SpendAsk, evaluate, load
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CertificateFact, CouponFact, Customer, PointsLot
from drivers.vocabulary.decision import CertificateUsed, Decision
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, LineFlag, Receipt
from tests.agent.loyalty.soaking import prove

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
FILE: dict[str, Any] = {
    "version": 1,
    "title": "t",
    "currency": "RUB",
    "zone": "Europe/Moscow",
    "units": {"bonus": {"worth": 1}},
    "coupons": {"ten": {"codes": ["TEN"]}, "held": {"uses": 1}, "later": {}},
    "rules": [
        {"id": "ten", "kind": "percent_discount", "percent": 10, "when": {"coupons": ["ten"]}},
        {"id": "held", "kind": "percent_discount", "percent": 7, "target": "receipt", "when": {"coupons": ["held"]}},
        {"id": "spend", "kind": "spend_points", "unit": "bonus", "share": 40},
        {"id": "back", "kind": "earn_points", "unit": "bonus", "percent": 5},
        {"id": "gift", "kind": "gift", "gift": "toy", "per": 50},
        {"id": "next", "kind": "issue_coupon", "coupon": "later", "expires_after_days": 7},
        {"id": "club", "kind": "membership_sale", "days": 30},
    ],
}


def programme() -> Programme:
    """Every mechanic of these tests in one file."""
    found = load(json.dumps(FILE).encode(), name="t.json")

    assert isinstance(found, Programme), found
    return found


PROGRAMME = programme()
CUSTOMER = Customer(
    id="c", lots=(PointsLot(id="l", unit="bonus", amount=300),), coupons=(CouponFact(code="77", coupon="held"),)
)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    """A few lines of whole pieces, flags of every kind, some coupons."""
    lines = []
    for number in range(1, draw(st.integers(min_value=1, max_value=4)) + 1):
        price, pieces = draw(st.integers(min_value=0, max_value=30_000)), draw(st.integers(min_value=1, max_value=3))
        lines.append(
            Line(
                number=number,
                name=f"n{number}",
                quantity=Quantity(pieces * 1_000_000),
                price=Money(price, "RUB"),
                total=Money(price * pieces, "RUB"),
                flags=frozenset(draw(st.lists(st.sampled_from(list(LineFlag)), max_size=1))),
            )
        )
    coupons = tuple(draw(st.lists(st.sampled_from(["TEN", "77", "XX"]), max_size=3)))
    total = Money(sum(line.total.minor for line in lines), "RUB")
    return Receipt(uid="s1", kind=DocumentKind.SALE, total=total, lines=tuple(lines), coupons=coupons)


certificates = st.lists(
    st.builds(
        CertificateFact,
        code=st.sampled_from(["G1", "G2", "G3"]),
        balance=st.integers(min_value=0, max_value=40_000).map(lambda minor: Money(minor, "RUB")),
        burns=st.booleans(),
    ),
    max_size=3,
)


@prove(receipts(), certificates, st.booleans())
def test_every_kopeck_is_discount_points_certificate_or_money(
    receipt: Receipt, shown: list[CertificateFact], known: bool
) -> None:
    """And a certificate's balance is what it paid, what is left and what burned."""
    decision = evaluate(
        PROGRAMME, receipt, CUSTOMER if known else None, NOW, points=SpendAsk.most(), certificates=shown
    )
    paid = [effect for effect in decision.effects if isinstance(effect, CertificateUsed)]
    balances = {one.code: one.balance for one in reversed(shown)}

    assert decision.payable.minor >= 0
    assert decision.total - decision.discount - decision.payable == Money(sum(one.amount.minor for one in paid), "RUB")
    assert sum(decision.line_discounts().values()) == decision.discount.minor
    assert [balances[one.code] for one in paid] == [one.amount + one.left + one.burned for one in paid]
    assert codec.decode(codec.encode(decision), Decision) == decision


@prove(receipts(), st.lists(st.text(min_size=1, max_size=40), max_size=5))
def test_coupons_that_do_not_count_change_nothing(receipt: Receipt, codes: list[str]) -> None:
    """Unknown texts beside the good ones leave every effect as it was."""
    good = [code for code in receipt.coupons if code != "XX"]
    strange = [code for code in codes if code not in {"TEN", "77"}]
    plain = codec.decode(codec.encode(receipt), dict[str, Any])

    def decided(coupons: list[str]) -> Decision:
        changed = codec.decode(codec.encode({**plain, "coupons": coupons[:20]}), Receipt)
        return evaluate(PROGRAMME, changed, CUSTOMER, NOW)

    assert decided(good).effects == decided([*strange, *good]).effects


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"when": {"coupons": ["tenn"]}}, "no coupon 'tenn'; declare it under [coupons]; did you mean ten?"),
        ({"when": {"tenders": ["points"]}}, "points is stored value, not money"),
        ({"when": {"customer": "anonymous", "birthday": {}}}, "no anonymous customer can meet the other conditions"),
        ({"when": {"purchase_number": 0}}, "expected `int` >= 1"),
        ({"lines": {"same_from": 0}}, "must be above 0"),
        ({"kind": "gift", "gift": "toy", "per": 0}, "must be above 0"),
        ({"kind": "gift", "gift": "toy", "group": "g"}, "what comes after the sale has no group"),
        (
            {"kind": "issue_coupon", "coupon": "helt"},
            "no coupon 'helt'; declare it under [coupons]; did you mean held?",
        ),
        (
            {"kind": "issue_coupon", "coupon": "held", "active_after_days": 5, "expires_after_days": 2},
            "it would be over",
        ),
        ({"kind": "fixed_points", "unit": "bonus", "points": "0.5"}, "bonus has 0 decimal places, 0.5 has more"),
        ({"kind": "fixed_points", "unit": "bonus", "points": 0}, "must be above 0"),
        ({"kind": "fixed_points", "unit": "bonos", "points": 1}, "no unit 'bonos'"),
        ({"kind": "points_for_goods", "unit": "bonus", "points": 0}, "must be above 0"),
        ({"kind": "points_for_goods", "unit": "bonus", "points": 1, "group": "g"}, "spending rules have no group"),
        ({"id": "certificates"}, "is a word of the engine's own"),
    ],
)
def test_a_wrong_key_is_told_in_the_authors_words(rule: dict[str, Any], message: str) -> None:
    """With the nearest known word where there is one."""
    kind = {} if "kind" in rule else {"kind": "percent_discount", "percent": 5}
    rules = [{"id": "r", **kind, **rule}]
    found = load(json.dumps({**FILE, "groups": {"g": {"mode": "stack"}}, "rules": rules}).encode(), name="t.json")

    assert isinstance(found, list)
    assert any(message in str(problem) for problem in found), [str(problem) for problem in found]


def test_a_public_code_names_one_coupon_and_a_key_is_a_key() -> None:
    """Both are told with their place."""
    file = {
        **FILE,
        "coupons": {"ten": {"codes": ["TEN"]}, "held": {"codes": ["TEN"]}, "later": {}},
        "coupon_keys": {"shop": "short"},
    }
    found = load(json.dumps(file).encode(), name="t.json")

    assert isinstance(found, list)
    assert ["coupon_keys.shop"] == [problem.key for problem in found]

    found = load(json.dumps({**file, "coupon_keys": {}}).encode(), name="t.json")

    assert isinstance(found, list)
    assert ["coupons.held.codes[0]"] == [problem.key for problem in found]
