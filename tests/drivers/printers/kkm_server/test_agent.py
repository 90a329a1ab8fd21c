"""From the centre to the paper: a POS posts its RegisterCheck through the agent, and the loyalty discount is in its receipt."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from central import schema
from drivers.json_amounts import read_json, write_json
from drivers.printers.kkm_server.pos_script import card_sale, position, sale
from drivers.printers.kkm_server.simulator import VirtualKkmServer
from drivers.vocabulary import checkout as contract
from tests.inline_shop import CARD, InlineShop

pytestmark = pytest.mark.net

DISCOUNT = """
settings = {{ discount = "cash_only" }}
"""
SLIPS_TOO = """
settings = {{ discount = "off" }}
[[devices]]
name = "fiscal-slips"
driver = "kkm_server"
device = "tcp://127.0.0.1:{server}"
way = "host"
slips_of = ["fiscal"]
"""


def opened(folder, more):
    twin = VirtualKkmServer()
    # The slip of a receipt that is long over is not printed: the register's clock (UTC+3) goes right.
    twin.server._moment = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=3)
    one = InlineShop(folder, "kkm_server", twin, more)
    one.wait_for_the_pos()
    return one


@pytest.fixture
def shop(tmp_path):
    """The whole of it, from the centre to the paper."""
    one = opened(tmp_path, DISCOUNT)
    yield one
    one.close()


def ask(shop, command, *, port=0):
    """One command over a connection of its own, as such a POS does; the result."""
    connection = http.client.HTTPConnection("127.0.0.1", port or shop.port, timeout=10)
    try:
        connection.request("POST", "/Execute/sync", write_json(command), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        return read_json(answer.read())
    finally:
        connection.close()


def points(shop):
    ledger = schema.ledger
    with shop.database.read() as connection:
        return int(connection.execute(select(func.sum(ledger.c.amount)).where(ledger.c.customer == "c1")).scalar_one())


def test_the_discount_is_in_the_receipt_and_both_sums_are_recorded(shop):
    """10 percent off 211.59, 300.00 in cash: the change grows, the POS's own sums are kept beside the fiscal ones."""
    found = shop.agent.till.identify(contract.IdentifyRequest(code=CARD), timeout_s=10)
    assert found.state is contract.IdentifyState.FOUND
    result = ask(shop, sale("a-1"))
    (told,) = shop.told(1)
    paper = "\n".join(shop.twin.paper)

    assert (0, "a-1") == (result["Status"], result["IdCommand"])
    assert [19_043] == [total for _, _, total in shop.twin.server.made]
    assert "ИТОГ =190.43" in paper
    assert "СДАЧА =109.57" in paper
    assert "Card" in paper
    assert ("c1", "190.43 RUB") == (told["customer_id"], told["receipt"]["total"])
    assert told["receipt"]["number"] == str(result["CheckNumber"])
    assert {"total": "211.59 RUB", "off_minor": 2_116}.items() <= told["believed"].items()
    assert told.get("difference_minor", 0) == 0


def test_whoever_the_receipt_is_sent_to_earns_once_however_often_it_is_posted(shop):
    """The answer is lost and the POS repeats its command with the same name; then a new one is sold."""
    command = sale("b-1", ClientAddress="+79000000001")
    results = [ask(shop, command) for _ in range(3)]
    other = ask(shop, sale("b-2", ClientAddress="+79000000001", CheckStrings=[position("Чай", 100, 1, 100)]))
    told = shop.told(2)
    shop.wait_until(lambda: points(shop) > 100 + 9)

    assert 1 == len({one["CheckNumber"] for one in results})
    assert other["CheckNumber"] != results[0]["CheckNumber"]
    assert ["190.43 RUB", "90.00 RUB"] == [one["receipt"]["total"] for one in told]
    assert {"c1"} == {one["customer_id"] for one in told}
    assert 100 + 9 + 4 == points(shop), "5 % of 190.43 and of 90.00"


def test_nobody_and_a_card_change_nothing(shop):
    results = [ask(shop, sale("c-1")), ask(shop, card_sale("c-2"))]
    told = shop.told(2)

    assert [0, 0] == [one["Status"] for one in results]
    assert ["211.59 RUB", "139.98 RUB"] == [one["receipt"]["total"] for one in told]
    assert not any("believed" in one or one.get("customer_id") for one in told)


def test_a_return_passes_and_is_known(shop):
    ask(shop, sale("d-1"))
    back = ask(shop, sale("d-2", kind=1, CheckStrings=[position("Хлеб", 100, 1, 90)], Cash=90))
    (told,) = shop.told(1, "receipt.refunded")

    assert 0 == back["Status"]
    assert "90.00 RUB" == told["receipt"]["total"]


def test_what_the_register_refuses_is_told_to_the_pos_and_counts_nothing(shop):
    shop.twin.set_rude("paper_out", is_on=True)
    refused = ask(shop, sale("e-1", ClientAddress="+79000000001"))
    shop.twin.set_rude("paper_out", is_on=False)
    done = ask(shop, sale("e-1", ClientAddress="+79000000001"))
    told = shop.told(1)

    assert (2, 0) == (refused["Status"], done["Status"])
    assert "Нет бумаги" in refused["Error"]
    assert 1 == len(told)


def test_without_an_agent_s_centre_the_sale_goes_on(shop):
    """The line is gone: the discount is the till's own, and the centre hears of it later."""
    shop.centre.stop()
    shop.agent.till.identify(contract.IdentifyRequest(code=CARD), timeout_s=10)
    result = ask(shop, sale("f-1"))

    assert 0 == result["Status"]
    assert [19_043] == [total for _, _, total in shop.twin.server.made]


def test_the_client_prints_the_slip_behind_the_receipt(tmp_path):
    """In line with `discount = "off"`; the loyalty lines come out of the same register by commands of our own."""
    shop = opened(tmp_path, SLIPS_TOO)
    try:
        shop.agent.till.identify(contract.IdentifyRequest(code=CARD), timeout_s=10)
        ask(shop, sale("g-1"))
        (told,) = shop.told(1)
        claim = told["claim_code"].replace("-", "")
        shop.wait_until(lambda: claim in "".join(shop.twin.paper).replace(" ", "").replace("-", ""))
        paper = "\n".join(shop.twin.paper)
    finally:
        shop.close()

    assert "c1" == told["customer_id"]
    assert "ИТОГ =211.59" in paper
    assert paper.index("ИТОГ") < paper.index("Club")
