"""From the centre to the paper: an independent till sells through the agent, and the loyalty discount is in its receipt.

pyshtrih as it is on PyPI is the till; a real centre, a real agent and pseudo-terminals; the twin prints.
"""

from __future__ import annotations

import json
import os
import warnings

import pytest

from agent.assembly import Agent
from agent.demo.gate import free_port
from agent.settings import parse
from drivers.vocabulary import checkout as contract
from tests.drivers.printers.shtrih.test_inline import _Cable
from tests.inline_shop import CARD, ClubCentre, wait_for

tty = pytest.importorskip("tty", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pyshtrih = pytest.importorskip("pyshtrih")

pytestmark = [pytest.mark.net, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def shop(tmp_path, terminal):
    """An agent between a pseudo-terminal and the twin, enrolled at a centre that knows one member."""
    centre, state = ClubCentre(tmp_path), tmp_path / "state"
    centre.enrol(state)
    register = terminal()
    far, till_end = os.openpty()
    tty.setraw(till_end)
    tty.setraw(far)
    port = free_port()
    text = f"""
[till]
state_folder = {json.dumps(str(state))}
[doors]
port = {free_port()}
[central]
poll_wait_s = 1
[[devices]]
name = "register"
driver = "shtrih"
host = "tcp-listen://127.0.0.1:{port}"
device = "serial:{register.path}"
[devices.settings]
discount = "cash_only"
"""
    agent = Agent(parse(text.encode(), name="config.toml"))
    agent.start()
    cable = None
    try:
        wait_for(agent, lambda snapshot: snapshot.programme_version == 1)
        wait_for(agent, lambda snapshot: any("waiting for the till" in one.detail for one in snapshot.devices))
        cable = _Cable(far, port)
        yield agent, register, os.ttyname(till_end), centre
    finally:
        if cable is not None:
            cable.close()
        agent.stop()
        centre.close()
        os.close(till_end)
        os.close(far)


def _sell(path, cash):
    till = pyshtrih.ShtrihAllCommands(port=path, baudrate=115_200, timeout=10)
    till.connect()
    try:
        assert till.state()["Код ошибки"] == 0
        till.open_check(0)
        till.sale(("Хлеб", 2000, 4550))
        till.discount(100, text="Акция")
        till.print_string("Спасибо")
        answer = till.close_check(cash=cash)
        till.cut()
    finally:
        till.disconnect()
    return answer


def test_the_discount_is_on_the_paper_and_the_till_noticed_nothing(shop):
    agent, register, path, centre = shop
    found = agent.till.identify(contract.IdentifyRequest(code=CARD), timeout_s=10)
    assert found.state is contract.IdentifyState.FOUND

    answer = _sell(path, cash=9_000)

    paper = "\n".join(register.twin.paper)
    assert answer["Сдача"] == 0  # 90.00 given for what the till takes for 90.00
    assert "СКИДКА Скидка по карте =9.00" in paper
    assert "ИТОГ =81.00" in paper
    assert "CASH =81.00" in paper
    assert paper.index("Card") < paper.index("ИТОГ")  # the loyalty lines are inside the receipt
    assert register.twin.paper[-1].startswith("✂")
    wait_for(agent, lambda snapshot: snapshot.waiting == 0)
    (told,) = centre.envelopes()
    assert told["customer_id"] == "c1"
    assert told["receipt"]["total"] == "81.00 RUB"
    assert [line["name"] for line in told["receipt"]["lines"]] == ["Хлеб"]
    assert told["believed"]["total"] == "90.00 RUB"
    assert told["believed"]["off_minor"] == 900
    assert told.get("difference_minor", 0) == 0
    assert told["claim_code"].replace("-", "") in paper.replace(" ", "").replace("-", "")
    assert "81" in agent.till.snapshot.notice


def test_a_customer_nobody_knows_changes_nothing(shop):
    agent, register, path, centre = shop

    answer = _sell(path, cash=10_000)

    assert answer["Сдача"] == 1_000
    assert "ИТОГ =90.00" in register.twin.paper
    assert not any("СКИДКА Скидка по карте" in line for line in register.twin.paper)
    wait_for(agent, lambda snapshot: snapshot.waiting == 0)
    (told,) = centre.envelopes()
    assert told.get("customer_id") is None
    assert told["receipt"]["total"] == "90.00 RUB"
    assert "believed" not in told
