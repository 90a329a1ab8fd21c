"""A return after the points it moves have expired: nothing that was over becomes good again, nothing is owed twice."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.loyalty.lots import balance, settle_sale
from agent.loyalty.refund import RefundEffect, settle_refund
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.decision import Decision, PointsEarned, PointsSpent
from drivers.vocabulary.money import Money

SOLD = datetime(2026, 5, 31, 20, 59, tzinfo=UTC)  # 23:59 in Moscow
MIDNIGHT = datetime(2026, 5, 31, 21, 0, tzinfo=UTC)
NOTHING = Money(0, "RUB")


def decision(spent: int, earned: int) -> Decision:
    """A sale that spends and earns, what it earns good until the same midnight."""
    return Decision(
        programme_version=1,
        total=NOTHING,
        discount=NOTHING,
        payable=NOTHING,
        effects=(
            PointsSpent(unit="bonus", amount=spent, worth=NOTHING),
            PointsEarned(unit="bonus", amount=earned, rule="back", expires_at=MIDNIGHT),
        ),
    )


def after_return(spent: int, earned: int, at: datetime) -> Customer:
    """The customer's points after the whole sale came back at this moment."""
    lots = (PointsLot(id="may", unit="bonus", amount=60, expires_at=MIDNIGHT),)
    left, owed, taken = settle_sale(lots, {}, decision(spent, earned), "s1", SOLD)
    effect = RefundEffect(points_given_back={"bonus": spent}, points_taken_back={"bonus": earned}, complete=True)
    left, owed, _ = settle_refund(left, owed, effect, taken=taken, sale_uid="s1", return_uid="r1", now=at)
    return Customer(id="c", lots=left, deficits=owed)


def test_points_given_back_after_their_expiry_stay_expired() -> None:
    """Spent in the last minute, given back at midnight: the lot is whole again, and over."""
    customer = after_return(60, 0, MIDNIGHT)

    assert [("may", 60, MIDNIGHT)] == [(lot.id, lot.amount, lot.expires_at) for lot in customer.lots]
    assert 0 == balance(customer, "bonus", MIDNIGHT).available
    assert {} == customer.deficits


def test_points_given_back_a_minute_earlier_are_good_for_that_minute() -> None:
    """The same return before midnight."""
    assert 60 == balance(after_return(60, 0, SOLD), "bonus", SOLD).available


def test_points_earned_and_expired_are_taken_back_without_a_debt() -> None:
    """The sale's own lot is emptied though it is over: nobody owes for points that were never spent."""
    customer = after_return(0, 40, MIDNIGHT)

    assert {} == customer.deficits
    assert 60 == sum(lot.amount for lot in customer.lots)
