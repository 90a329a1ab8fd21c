"""Gates by the customer's calendar and history, and by how the sale is made, written as receipts."""

from __future__ import annotations

import pytest

from tests.cases.receipt_case import Case, read_case, receipt_case, told

BIRTHDAY = """
programme
  gift: 10 % off | birthday {window}
receipt {day} 12:00
  Cake 1 x 100.00
customer birthday {born}
decision
  pays 0.00
  why gift: applied
"""


@pytest.mark.parametrize(
    ("window", "born", "day", "code"),
    [
        ("0 0", "05-09", "2026-05-09", "applied"),
        ("0 0", "05-09", "2026-05-08", "not_birthday"),
        ("3 0", "05-09", "2026-05-06", "applied"),
        ("3 0", "05-09", "2026-05-05", "not_birthday"),
        ("0 2", "05-09", "2026-05-11", "applied"),
        ("0 2", "05-09", "2026-05-12", "not_birthday"),
        ("7 0", "01-03", "2025-12-27", "applied"),
        ("7 0", "01-03", "2025-12-26", "not_birthday"),
        ("0 7", "12-30", "2026-01-06", "applied"),
        ("0 7", "12-30", "2026-01-07", "not_birthday"),
        ("0 0", "02-29", "2028-02-29", "applied"),
        ("0 0", "02-29", "2028-02-28", "not_birthday"),
        ("0 0", "02-29", "2027-02-28", "applied"),
        ("0 0", "02-29", "2027-03-01", "not_birthday"),
        ("0 0 leap 03-01", "02-29", "2027-03-01", "applied"),
        ("0 0 leap 03-01", "02-29", "2027-02-28", "not_birthday"),
        ("0 0 leap 03-01", "02-29", "2028-02-29", "applied"),
        ("0 0", "02-29", "2100-02-28", "applied"),
        ("182 182", "02-30", "2026-02-28", "birthday_unknown"),
    ],
)
def test_row_117_the_window_around_a_birthday(window: str, born: str, day: str, code: str) -> None:
    """Both ends are in it, new year and 29 February included; a day that is none is not known."""
    case = read_case(BIRTHDAY.format(window=window, born=born, day=day))

    assert code == case.decision.explanations[0].code


@receipt_case
def test_row_117_a_birthday_begins_at_midnight_in_the_stores_zone(case: Case) -> None:
    """00:00 in Vladivostok is still yesterday by UTC.

    programme
      set zone Asia/Vladivostok
      gift: 10 % off | birthday 0 0
    receipt 2026-05-09 00:00
      Cake 1 x 100.00
    customer birthday 05-09
    decision
      Cake -10.00 gift
      pays 90.00
    """
    assert 8 == case.now.utctimetuple().tm_mday


@receipt_case
def test_an_unknown_birthday_is_told_and_never_guessed(case: Case) -> None:
    """The customer has not told it.

    programme
      gift: 10 % off | birthday 3 3
    receipt 2026-05-09 12:00
      Cake 1 x 100.00
    customer
    decision
      pays 100.00
      why gift: birthday_unknown
    """


@receipt_case
def test_the_explanation_never_names_the_birthday(case: Case) -> None:
    """What the screen may show is the window.

    programme
      gift: 10 % off | birthday 3 4
    receipt 2026-05-09 12:00
      Cake 1 x 100.00
    customer birthday 11-23
    decision
      pays 100.00
      why gift: not_birthday
    """
    assert {"before": "3", "after": "4"} == case.decision.explanations[0].values


@receipt_case
def test_row_94_the_first_purchase(case: Case) -> None:
    """No purchase before this one.

    programme
      first: 20 % off | purchase 1
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer purchases 0
    decision
      Tea -20.00 first
      pays 80.00
    """


@receipt_case
def test_row_94_the_second_purchase_is_not_the_first(case: Case) -> None:
    """One purchase before.

    programme
      first: 20 % off | purchase 1
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer purchases 1
    decision
      pays 100.00
      why first: other_purchase
    """
    assert {"number": "1", "now": "2"} == case.decision.explanations[0].values


@receipt_case
def test_without_a_count_nobody_is_a_newcomer(case: Case) -> None:
    """An old replica that has no count must not give the welcome twice.

    programme
      first: 20 % off | purchase 1
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      why first: purchases_unknown
    """


@receipt_case
def test_every_third_purchase_says_how_many_are_missing(case: Case) -> None:
    """The fourth: two more to the sixth.

    programme
      third: 20 % off | purchase every 3
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer purchases 3
    decision
      pays 100.00
      why third: every_nth_purchase
    """
    assert {"every": "3", "left": "2"} == case.decision.explanations[0].values


@receipt_case
def test_a_purchase_count_is_a_customers(case: Case) -> None:
    """Nobody has no history.

    programme
      first: 20 % off | purchase 1
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      pays 100.00
      why first: no_customer
    """


@receipt_case
def test_row_104_before_anybody_says_how_it_is_paid_it_is_a_hint(case: Case) -> None:
    """Double points are not promised yet.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      double: bonus x 2 | paid card
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      earns 5 bonus
      why double: tender_unknown
    """


@receipt_case
def test_row_104_an_announced_card_doubles(case: Case) -> None:
    """Said before the tender.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      double: bonus x 2 | paid card
    receipt 2026-03-01 12:00, paying card
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      earns 10 bonus
    """


@receipt_case
def test_row_104_partly_in_cash_is_not_by_card(case: Case) -> None:
    """All of the money counts.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      double: bonus x 2 | paid card
    receipt 2026-03-01 12:00, paying card, paying cash
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      earns 5 bonus
      why double: not_this_tender
    """


@receipt_case
def test_row_104_points_beside_the_card_do_not_matter(case: Case) -> None:
    """Stored value is not money.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      double: bonus x 2 | paid card
    receipt 2026-03-01 12:00, paying card, paying points
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      earns 10 bonus
    """


@receipt_case
def test_row_91_a_membership_that_runs(case: Case) -> None:
    """One minute before its end.

    programme
      club: 5 % off | membership active
    receipt 2026-05-31 23:59
      Tea 1 x 100.00
    customer member 2026-06-01 00:00
    decision
      Tea -5.00 club
      pays 95.00
    """


@receipt_case
def test_row_91_a_membership_that_is_over(case: Case) -> None:
    """At its end it is over, and the offer to renew opens.

    programme
      club: 5 % off | membership active
      renew: 1 % off | membership none
    receipt 2026-06-01 00:00
      Tea 1 x 100.00
    customer member 2026-06-01 00:00
    decision
      Tea -1.00 renew
      pays 99.00
      why club: membership_over
    """


@receipt_case
def test_row_91_members_are_not_offered_to_join(case: Case) -> None:
    """The membership runs.

    programme
      join: 1 % off | membership none
      club: 5 % off | membership active
    receipt 2026-05-01 12:00
      Tea 1 x 100.00
    customer member 2026-06-01 00:00
    decision
      Tea -5.00 club
      pays 95.00
      why join: member_already
    """


@receipt_case
def test_a_channel_is_a_word_of_the_shop(case: Case) -> None:
    """Only from the kiosk.

    programme
      kiosk: 5 % off | channels kiosk, app
    receipt 2026-05-01 12:00, channel till
      Tea 1 x 100.00
    decision
      pays 100.00
      why kiosk: not_this_channel
    """


@receipt_case
def test_staff_prices_are_for_staff(case: Case) -> None:
    """Known to the centre as staff.

    programme
      staff: 30 % off | staff
    receipt 2026-05-01 12:00
      Tea 1 x 100.00
    customer staff
    decision
      Tea -30.00 staff
      pays 70.00
    """


@receipt_case
def test_staff_prices_are_not_for_customers(case: Case) -> None:
    """Somebody else.

    programme
      staff: 30 % off | staff
    receipt 2026-05-01 12:00
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      why staff: only_staff
    """


def test_a_case_names_what_it_was_told() -> None:
    """The text of a birthday case is read as written."""
    case = read_case(BIRTHDAY.format(window="3 0", born="05-09", day="2026-05-06"))

    assert ["Cake -10.00 gift", "pays 90.00", "why gift: applied"] == told(case)
