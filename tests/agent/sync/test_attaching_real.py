"""A receipt that becomes somebody's after the sale, against the real centre: earned once there, and taken back with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from central.accounts import imbalances
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import VerdictState
from drivers.vocabulary.facts import ReceiptAttached
from drivers.vocabulary.receipt import DocumentKind
from tests.agent.sync.key_rig import Centre
from tests.agent.sync.test_joining_real import Shop

pytestmark = pytest.mark.net

APPLIED, REFUSED = VerdictState.APPLIED, VerdictState.REFUSED
UID = "f-9999078900004792-17-1234567890"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    folder = tmp_path / "centre"
    folder.mkdir()
    made = Centre(folder)
    yield made
    with made.database.read() as connection:
        assert [] == imbalances(connection)
    made.stop()


@pytest.fixture
def shop(rig: Any, centre: Centre) -> Shop:
    return Shop.open(rig, centre, "t1")


def attach(shop: Shop, **more: Any) -> contract.AttachAnswer:
    return shop.rig.desk.attach(contract.AttachRequest(receipt=UID, **more))


@pytest.mark.parametrize("answer_is_lost", [False, True])
def test_it_earns_at_the_centre_once(shop: Shop, answer_is_lost: bool) -> None:
    """The sale first, the customer later; an answer that was lost doubles nothing, and both sides agree."""
    name = shop.enrol().customer_id
    shop.rig.desk.clear()
    shop.sell(UID)
    assert [APPLIED, APPLIED] == shop.sync()
    assert {"bonus": 10} == attach(shop, customer_id=name).earned
    states = shop.sync(answer_is_lost=answer_is_lost)
    if answer_is_lost:
        assert [VerdictState.DUPLICATE] == shop.sync()

    assert [APPLIED] == states
    assert 10 == shop.found()[1]


def test_sale_attachment_and_return_in_one_batch(shop: Shop) -> None:
    """A till that was off line for a day sends all three: what came late is taken back with the goods."""
    name = shop.enrol().customer_id
    shop.rig.desk.clear()
    shop.sell(UID)
    attach(shop, customer_id=name)
    back = replace(shop.rig.paid("back-1", "100", "0"), kind=DocumentKind.RETURN, base_uid=UID)
    shop.rig.desk.refund(contract.RefundRequest(receipt=back), source="api")

    assert [APPLIED] * 4 == shop.sync()
    assert 0 == shop.found()[1]


def test_a_return_settled_by_the_centre_knows_what_came_late(shop: Shop) -> None:
    """The goods come back at a till that never saw the sale: the centre works it out from what it was told last."""
    name = shop.enrol().customer_id
    shop.rig.desk.clear()
    shop.sell(UID)
    attach(shop, customer_id=name)
    shop.sync()
    assert 10 == shop.found()[1]
    with shop.rig.desk.store.transaction() as tx:
        tx.delete("closed", UID)
    back = replace(shop.rig.paid("back-1", "100", "0"), kind=DocumentKind.RETURN, base_uid=UID)
    answer = shop.rig.desk.refund(contract.RefundRequest(receipt=back), source="api")
    shop.rig.desk.clear()

    assert answer.settled_by_centre
    assert [APPLIED] == shop.sync()
    assert 0 == shop.found()[1]


def test_the_centre_refuses_what_cannot_be(shop: Shop) -> None:
    """A receipt it does not know, a customer it does not know, one that is somebody's, one of which goods came back."""
    name = shop.enrol().customer_id
    shop.rig.desk.clear()
    sold = shop.sell(UID)
    shop.sell("r-2", customer_id=name)
    shop.sell("r-3")
    back = replace(shop.rig.paid("back-3", "100", "0"), kind=DocumentKind.RETURN, base_uid="r-3")
    shop.rig.desk.refund(contract.RefundRequest(receipt=back), source="api")
    shop.sync()
    before = shop.found()[1]
    from agent.checkout import writing

    fact = ReceiptAttached(
        receipt=shop.rig.paid(UID, "100", "0"), decision=sold.decision, claim_code="x", source="api", customer_id=name
    )
    wrong = [
        replace(fact, receipt=shop.rig.paid("r-9", "100", "0")),
        replace(fact, customer_id="nobody"),
        replace(fact, receipt=shop.rig.paid("r-2", "100", "0")),
        replace(fact, receipt=shop.rig.paid("r-3", "100", "0")),
    ]
    for one in wrong:
        with shop.rig.desk.store.transaction() as tx:
            writing.append(shop.rig.desk, tx, one, [])

    assert [REFUSED] * 4 == shop.sync()
    assert before == shop.found()[1]
