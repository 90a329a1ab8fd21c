"""Coupons in all their states, written as receipts."""

from __future__ import annotations

import pytest

from tests.cases.receipt_case import Case, read_case, receipt_case, told

STATE = """
programme
  coupon tea: from 2026-03-01 | until 2026-03-31 | uses 1
  tea: 10 % off | coupon tea | on tea | total 50
receipt {at}, coupon 77
  {line}
customer
  {held}
decision
  pays 0.00
"""


@pytest.mark.parametrize(
    ("at", "line", "held", "code"),
    [
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 77 of tea", "applied"),
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 78 of tea", "coupon_not_presented"),
        ("2026-02-28 23:59", "Tea 1 x 100.00: tea", "coupon 77 of tea", "coupon_not_yet"),
        ("2026-03-01 00:00", "Tea 1 x 100.00: tea", "coupon 77 of tea", "applied"),
        ("2026-03-31 23:59", "Tea 1 x 100.00: tea", "coupon 77 of tea", "applied"),
        ("2026-04-01 00:00", "Tea 1 x 100.00: tea", "coupon 77 of tea", "coupon_expired"),
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 77 of tea from 2026-03-10 12:01", "coupon_not_yet"),
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 77 of tea from 2026-03-10 12:00", "applied"),
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 77 of tea until 2026-03-10 12:00", "coupon_expired"),
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 77 of tea used 1 on 2026-03-09 10:00", "coupon_used"),
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 77 of tea uses 2 used 1", "applied"),
        ("2026-03-10 12:00", "Tea 1 x 100.00: tea", "coupon 77 of tea uses 2 used 2", "coupon_used"),
        ("2026-03-10 12:00", "Milk 1 x 100.00: dairy", "coupon 77 of tea", "not_for_goods"),
        ("2026-03-10 12:00", "Tea 1 x 49.99: tea", "coupon 77 of tea", "total_too_small"),
    ],
)
def test_row_36_every_state_has_its_own_word(at: str, line: str, held: str, code: str) -> None:
    """Unknown, not yet, expired, used, not for these goods, below the minimum, and good."""
    case = read_case(STATE.format(at=at, line=line, held=held))
    whys = {one.rule: one.code for one in case.decision.explanations}

    assert code == whys["tea"]


@receipt_case
def test_row_36_an_unknown_coupon(case: Case) -> None:
    """Nobody holds it and no list has it.

    programme
      coupon tea: codes TEA
      tea: 10 % off | coupon tea
    receipt 2026-03-10 12:00, coupon COFFEE
      Tea 1 x 100.00
    decision
      pays 100.00
      why coupons: coupon_unknown
      why tea: coupon_not_presented
    """


@receipt_case
def test_row_36_a_coupon_without_effect_stays_good(case: Case) -> None:
    """The cashier can give it back: nothing was used.

    programme
      coupon tea: codes TEA
      tea: 10 % off | coupon tea | on tea
    receipt 2026-03-10 12:00, coupon TEA
      Milk 1 x 100.00: dairy
    decision
      pays 100.00
      why coupons: coupon_not_used
    """


@receipt_case
def test_row_82_the_second_try_names_the_day_of_the_first(case: Case) -> None:
    """Used once already.

    programme
      coupon tea: uses 1
      tea: 10 % off | coupon tea
    receipt 2026-03-10 12:00, coupon 77
      Tea 1 x 100.00
    customer
      coupon 77 of tea used 1 on 2026-03-09 10:00
    decision
      pays 100.00
      why tea: coupon_used
    """
    assert "2026-03-09" == case.decision.explanations[0].values["on"]


@receipt_case
def test_two_coupons_percent_first(case: Case) -> None:
    """10 % of 500 and then 100 off: the order of the programme decides, not that of the scanner.

    programme
      coupon ten: codes TEN
      coupon more: codes MORE
      ten: 10 % off the receipt | coupon ten
      more: 20 % off the receipt | coupon more
    receipt 2026-03-10 12:00, coupon MORE, coupon TEN
      Tea 1 x 500.00
    decision
      Tea -50.00 ten
      Tea -90.00 more
      pays 360.00
      uses coupon MORE
      uses coupon TEN
    """


@receipt_case
def test_two_coupons_the_other_way_round(case: Case) -> None:
    """The same coupons in a programme that says otherwise.

    programme
      coupon ten: codes TEN
      coupon more: codes MORE
      ten: 10 % off the receipt | coupon ten
      more: 20 % off the receipt | coupon more | priority 5
    receipt 2026-03-10 12:00, coupon TEN, coupon MORE
      Tea 1 x 500.00
    decision
      Tea -100.00 more
      Tea -40.00 ten
      pays 360.00
      uses coupon TEN
      uses coupon MORE
    """


@receipt_case
def test_two_coupons_of_which_the_better_counts(case: Case) -> None:
    """The loser is not used up.

    programme
      group one: best
      coupon ten: codes TEN
      coupon more: codes MORE
      ten: 10 % off the receipt | coupon ten | group one
      more: 20 % off the receipt | coupon more | group one
    receipt 2026-03-10 12:00, coupon TEN, coupon MORE
      Tea 1 x 500.00
    decision
      Tea -100.00 more
      pays 400.00
      uses coupon MORE
      why ten: beaten
      why coupons: coupon_not_used
    """


@receipt_case
def test_one_of_a_kind(case: Case) -> None:
    """Two codes of one coupon open its rule once.

    programme
      coupon ten: codes TEN, TIEN
      ten: 10 % off | coupon ten
    receipt 2026-03-10 12:00, coupon TEN, coupon TIEN, coupon TEN
      Tea 1 x 500.00
    decision
      Tea -50.00 ten
      pays 450.00
      uses coupon TEN
      why coupons: coupon_one_of_a_kind
    """


@receipt_case
def test_a_good_coupon_counts_after_a_bad_one_of_its_kind(case: Case) -> None:
    """The used one is named, the fresh one opens the rule.

    programme
      coupon ten: uses 1
      ten: 10 % off | coupon ten
    receipt 2026-03-10 12:00, coupon 1, coupon 2
      Tea 1 x 500.00
    customer
      coupon 1 of ten used 1
      coupon 2 of ten
    decision
      Tea -50.00 ten
      pays 450.00
      uses coupon 2
      why coupons: coupon_used
    """


@receipt_case
def test_row_99_a_held_coupon_that_needs_no_showing(case: Case) -> None:
    """It is the customer's, and it counts by itself.

    programme
      coupon next: unasked | uses 1
      next: 10 % off | coupon next
    receipt 2026-03-10 12:00
      Tea 1 x 500.00
    customer
      coupon 9 of next until 2026-04-01 00:00
    decision
      Tea -50.00 next
      pays 450.00
      uses coupon 9
    """


@receipt_case
def test_a_coupon_may_double_points(case: Case) -> None:
    """Any rule may want a coupon.

    programme
      unit bonus worth 1
      coupon twice: codes TWICE
      back: earns 5 % in bonus
      twice: bonus x 2 | coupon twice
    receipt 2026-03-10 12:00, coupon TWICE
      Tea 1 x 500.00
    customer
    decision
      pays 500.00
      earns 50 bonus
      uses coupon TWICE
    """


def test_somebody_elses_coupon_is_unknown() -> None:
    """A coupon another customer holds is not read from this one."""
    text = STATE.format(at="2026-03-10 12:00", line="Tea 1 x 100.00: tea", held="coupon 78 of tea")

    assert ["pays 100.00"] == told(read_case(text))
