"""A receipt under a name that was closed already changes nothing, in whatever order and however often it comes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.checkout.records import Entry, read_all
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind
from tests.agent.loyalty.soaking import SOAK_EXAMPLES

#: Which sale, whether it is its return, how much of it comes back in tens of per cent.
STEPS = st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.sampled_from([3, 10])), min_size=1, max_size=7)


def state(rig: Any) -> tuple[object, ...]:
    """What the till would tell of the customer, and what it has for the centre."""
    known = rig.desk.knowledge.known("m-2", rig.clock.now())
    return known.customer, known.unreflected_spent, rig.desk.store.depth()


@pytest.mark.parametrize("examples", [40, pytest.param(SOAK_EXAMPLES, marks=pytest.mark.soak)])
def test_a_receipt_that_was_closed_changes_nothing_again(rig: Any, examples: int) -> None:
    """The answer is the first one, marked as a duplicate; balances, lots, debts and the queue stay as they are."""
    fresh = itertools.count()

    @settings(deadline=None, max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(STEPS)
    def holds(steps: list[tuple[int, bool, int]]) -> None:
        example = next(fresh)
        rig.clock.forward(minutes=1)
        acknowledge(rig)
        answers: dict[str, Any] = {}
        for sale, is_return, tenths in steps:
            uid = f"{'b' if is_return else 'r'}-{example}-{sale}-{tenths if is_return else 0}"
            before = state(rig)
            answer = play(rig, uid, f"r-{example}-{sale}", tenths if is_return else 0)
            if uid in answers:
                assert answer.duplicate
                assert before == state(rig)
                assert replace(answer, duplicate=False) == answers[uid]
            elif answer is not None:
                answers[uid] = answer

    holds()


def acknowledge(rig: Any) -> None:
    """The centre has told back what was sold so far: own entries go, so that an example is not slower than the last."""
    entries = [key for key, _ in read_all(rig.desk.store, "entry", Entry)]
    with rig.desk.store.transaction() as tx:
        for key in entries:
            tx.delete("entry", key)


def play(rig: Any, uid: str, sale: str, tenths: int) -> Any:
    """The answer; None when more comes back than was sold, which closes nothing."""
    if not tenths:
        request = contract.ConfirmRequest(receipt=rig.paid(uid, "100", "0"), customer_id="m-2")
        return rig.desk.confirm(request, source="api")
    back = rig.sale(uid, f"{tenths * 10}", kind=DocumentKind.RETURN, base_uid=sale)
    try:
        return rig.desk.refund(contract.RefundRequest(receipt=back), source="api")
    except CheckoutRefused:
        return None
