"""A sale and its return, however it is cut: the ledger ends as it began, whatever rules made the decision."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from agent.loyalty import SpendAsk, evaluate, lots, refund
from agent.loyalty.refund import settle_refund
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.receipt import Line, Receipt
from tests.agent.loyalty.soaking import prove
from tests.agent.loyalty.test_properties import NOW, asks, customers, make_receipt, programme_of, rule_lists, sale_lines
from tests.cases.receipt_case import closed_receipt, returned_receipt

UNITS = ("bonus", "mile")


def parts_of(sale: Receipt, random: Any) -> list[str]:
    """The return in parts, in any order: pieces one by one or some at once, weighed goods whole."""
    parts: list[str] = []
    for line in sale.lines:
        left = line.quantity.steps // 1_000_000 if line.quantity.is_whole else 0
        if not left:
            parts.append(line.name)
        while left:
            count = random.randint(1, left)
            parts.append(f"{line.name} {count}")
            left -= count
    random.shuffle(parts)
    return parts


def settled(
    ledger: tuple[PointsLot, ...], owed: dict[str, int]
) -> tuple[list[tuple[str, str, int, Any]], dict[str, int]]:
    """Once active lots have paid what is owed; in one comparable form."""
    for unit in UNITS:
        ledger, owed = lots.settle(ledger, owed, unit, NOW)
    return sorted((one.unit, one.id, one.amount, one.expires_at) for one in ledger), owed


@prove(rule_lists(), sale_lines(), customers, asks, st.randoms(use_true_random=False), st.booleans())
def test_whatever_was_decided_a_full_return_undoes(
    rules: list[dict[str, Any]], lines: list[Line], customer: Customer | None, ask: SpendAsk, random: Any, whole: bool
) -> None:
    """Every lot has its points and its expiry back, every debt is what it was, and the last part says it is the last."""
    if customer is None or not lines:
        return
    receipt = make_receipt(lines)
    decision = evaluate(programme_of(rules), receipt, customer, NOW, points=ask)
    sale = closed_receipt(receipt, decision)
    before = settled(customer.lots, customer.deficits)
    left, owed, taken = lots.settle_sale(customer.lots, customer.deficits, decision, sale.uid, NOW)
    done: list[Receipt] = []
    given, back = dict.fromkeys(UNITS, 0), dict.fromkeys(UNITS, 0)
    for part in ["everything"] if whole else parts_of(sale, random):
        returned = returned_receipt(sale, part, f"back-{len(done)}")
        effect = refund(decision, sale, returned, done)
        done.append(returned)
        left, owed, taken = settle_refund(
            left, owed, effect, taken=taken, sale_uid=sale.uid, return_uid=returned.uid, now=NOW
        )
        for unit in UNITS:
            given[unit] += effect.points_given_back.get(unit, 0)
            back[unit] += effect.points_taken_back.get(unit, 0)

    assert effect.complete
    for unit in UNITS:
        assert given[unit] == sum(one.amount for one in decision.spent if one.unit == unit)
        assert back[unit] == sum(one.amount for one in decision.earned if one.unit == unit)
    assert before == settled(left, owed)
