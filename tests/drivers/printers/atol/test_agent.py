"""From the centre to the paper: a till posts its JSON tasks through the agent, and the loyalty discount is in its receipt."""

from __future__ import annotations

import pytest

from agent import equipment
from drivers.polling import Pace
from drivers.printers.atol.pos_script import card_sale, post, sale
from drivers.printers.atol.simulator import VirtualAtol
from drivers.vocabulary import checkout as contract
from tests.agent.pull_rig import place_of
from tests.drivers.printers.atol.test_door import Till, sell
from tests.inline_shop import CARD, InlineShop

pytestmark = pytest.mark.net

DISCOUNT = """
[devices.settings]
discount = "cash_only"
"""
PULLED_TOO = """
[[devices]]
name = "register"
driver = "atol"
device = "tcp://127.0.0.1:{server}"
way = "pull"
begin_after = 0
"""


@pytest.fixture
def shop(tmp_path):
    """The whole of it, from the centre to the paper."""
    one = InlineShop(tmp_path, "atol", VirtualAtol(), DISCOUNT)
    try:
        one.wait_for_the_pos()
        yield one
    finally:
        one.close()


def test_what_no_till_asked_for_is_pulled_and_nothing_counts_twice(tmp_path, monkeypatch):
    """In line and pulled from the same server: a till that went away after its sale loses nothing."""
    whole = equipment.PollingWorker
    pace = Pace(poll_s=0.05, quiet_s=0.1)
    monkeypatch.setattr(equipment, "PollingWorker", lambda **parts: whole(**parts, pace=pace))
    shop = InlineShop(tmp_path, "atol", VirtualAtol(), PULLED_TOO)
    try:
        shop.wait_for(lambda snapshot: any("waiting for the till" in device.detail for device in snapshot.devices))
        with Till(shop.port) as till:
            for number in range(3):
                sell(till, f"c-{number}")
            till.request("POST", "/api/v2/requests", body=post("c-gone", sale()).partition(b"\r\n\r\n")[2])
            assert till.getresponse().status == 201
        shop.wait_until(lambda: place_of(tmp_path / "state")["number"] == 5)
        told = shop.told(4)
    finally:
        shop.close()

    assert len({one["receipt"]["uid"] for one in told}) == 4 == len(told)
    assert {one["receipt"]["number"] for one in told} == {"2", "3", "4", "5"}
    assert len(shop.twin.register.memory.receipts) == 4


def test_the_discount_is_in_the_receipt_and_both_sums_are_recorded(shop):
    """10 percent off 121.59, 200.00 in cash: the change grows, the till's own sums are kept beside the fiscal ones."""
    found = shop.agent.till.identify(contract.IdentifyRequest(code=CARD), timeout_s=10)
    assert found.state is contract.IdentifyState.FOUND
    with Till(shop.port) as till:
        fiscal = sell(till, "a-1")
    (told,) = shop.told(1)
    paper = "\n".join(shop.twin.paper)

    assert fiscal["total"] == 109.43
    assert "ИТОГ =109.43" in paper
    assert "СДАЧА =90.57" in paper
    assert paper.index("ИТОГ") < paper.index("Card")
    assert told["customer_id"] == "c1"
    assert told["receipt"]["number"] == str(fiscal["fiscalDocumentNumber"])
    assert told["receipt"]["total"] == "109.43 RUB"
    assert told["believed"]["total"] == "121.59 RUB"
    assert told["believed"]["off_minor"] == 1_216
    assert told.get("difference_minor", 0) == 0
    assert told["claim_code"].replace("-", "") in paper.replace(" ", "").replace("-", "")


def test_a_customer_nobody_knows_changes_nothing(shop):
    with Till(shop.port) as till:
        fiscal = sell(till, "b-1")
        sell(till, "b-2", task=card_sale())
    told = shop.told(2)

    assert fiscal["total"] == 121.59
    assert sorted(one["receipt"]["total"] for one in told) == ["121.59 RUB", "139.00 RUB"]
    assert not any("believed" in one or one.get("customer_id") for one in told)
