"""From the centre to the paper: a till posts its JSON tasks through the agent, and the loyalty discount is in its receipt."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from agent import equipment
from agent.assembly import Agent
from agent.demo.gate import free_port
from agent.settings import parse
from agent.sync.enrol import enrol
from central import schema
from central.app import build
from central.database import open_database
from central.members import Member, load_members
from central.programmes import set_programme
from central.serve import listening_socket, make_server
from central.tills import make_code
from drivers.polling import Pace
from drivers.printers.atol.pos_script import card_sale, post, sale
from drivers.printers.atol.serving import serve
from drivers.printers.atol.simulator import VirtualAtol
from drivers.vocabulary import checkout as contract
from tests.agent.pull_rig import place_of
from tests.drivers.printers.atol.test_door import Till, listening, sell

pytestmark = pytest.mark.net

PATIENCE_S = 30.0
CARD = "2000000000008"
PROGRAMME = b"""
version = 1
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"

[units.bonus]
worth = 1

[[tiers]]
id = "friend"
title = "Friend"

[[rules]]
id = "card"
title = "Card"
kind = "tier_discount"
percents = { friend = 10 }

[[rules]]
id = "cashback"
title = "Cashback"
kind = "earn_points"
unit = "bonus"
percent = 5
"""


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


class Shop:
    """An agent before the twin's web server, enrolled at a centre that knows one member."""

    def __init__(self, folder, more=""):
        self.database = open_database(f"sqlite:///{folder / 'central.db'}")
        self.bound = listening_socket("127.0.0.1:0")
        ready = threading.Event()
        self.server = make_server(build(self.database), ready=ready.set)
        self.serving = threading.Thread(target=lambda: self.server.run(sockets=[self.bound]))
        self.serving.start()
        assert ready.wait(PATIENCE_S)
        now = datetime.now(UTC)
        member = Member(id="c1", name="Anna", phone="", card=CARD, tier="friend", spent_minor=0, points={"bonus": 100})
        load_members(self.database, [member], now=now, progress=lambda _: None)
        with self.database.write() as connection:
            set_programme(connection, PROGRAMME, name="club", currency="RUB", now=now)
            code = make_code(connection, shop="s1", till="t1", now=now)
        enrol(f"http://127.0.0.1:{self.bound.getsockname()[1]}", code, folder / "state")
        self.twin, self.stop = VirtualAtol(), threading.Event()
        web = listening()
        self.web = threading.Thread(target=serve, args=(web, self.twin, self.stop), daemon=True)
        self.web.start()
        self.port = free_port()
        text = f"""
[till]
state_folder = {json.dumps(str(folder / "state"))}
[doors]
port = {free_port()}
[central]
poll_wait_s = 1
[[devices]]
name = "fiscal"
driver = "atol"
host = "tcp-listen://127.0.0.1:{self.port}"
device = "tcp://127.0.0.1:{web.port}"
{more.format(server=web.port) or DISCOUNT}
"""
        self.agent = Agent(parse(text.encode(), name="config.toml"))
        self.agent.start()

    def wait_for(self, wanted):
        seen = threading.Event()
        till = self.agent.till
        stop = till.subscribe(lambda snapshot: seen.set() if wanted(snapshot) else None)
        try:
            assert wanted(till.snapshot) or seen.wait(PATIENCE_S), till.snapshot
        finally:
            stop()

    def envelopes(self, count):
        """What the centre was told, once there are so many."""
        query = select(schema.envelope.c.body).where(schema.envelope.c.kind == "receipt.confirmed")
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            with self.database.read() as connection:
                told = [json.loads(body) for (body,) in connection.execute(query)]
            if len(told) >= count:
                return told
            assert time.monotonic() < ends_s, told
            threading.Event().wait(0.05)

    def wait_until(self, is_so):
        ends_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < ends_s, self.agent.till.snapshot
            threading.Event().wait(0.05)

    def close(self):
        self.agent.stop()
        self.stop.set()
        self.web.join(PATIENCE_S)
        self.server.should_exit = True
        self.serving.join(PATIENCE_S)
        self.bound.close()
        self.database.close()


@pytest.fixture
def shop(tmp_path):
    """The whole of it, from the centre to the paper."""
    one = Shop(tmp_path)
    try:
        one.wait_for(lambda snapshot: snapshot.programme_version == 1)
        one.wait_for(lambda snapshot: any("waiting for the till" in device.detail for device in snapshot.devices))
        yield one
    finally:
        one.close()


def test_what_no_till_asked_for_is_pulled_and_nothing_counts_twice(tmp_path, monkeypatch):
    """In line and pulled from the same server: a till that went away after its sale loses nothing."""
    whole = equipment.PollingWorker
    pace = Pace(poll_s=0.05, quiet_s=0.1)
    monkeypatch.setattr(equipment, "PollingWorker", lambda **parts: whole(**parts, pace=pace))
    shop = Shop(tmp_path, PULLED_TOO)
    try:
        shop.wait_for(lambda snapshot: any("waiting for the till" in device.detail for device in snapshot.devices))
        with Till(shop.port) as till:
            for number in range(3):
                sell(till, f"c-{number}")
            till.request("POST", "/api/v2/requests", body=post("c-gone", sale()).partition(b"\r\n\r\n")[2])
            assert till.getresponse().status == 201
        shop.wait_until(lambda: place_of(tmp_path / "state")["number"] == 5)
        told = shop.envelopes(4)
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
    (told,) = shop.envelopes(1)
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
    told = shop.envelopes(2)

    assert fiscal["total"] == 121.59
    assert sorted(one["receipt"]["total"] for one in told) == ["121.59 RUB", "139.00 RUB"]
    assert not any("believed" in one or one.get("customer_id") for one in told)
