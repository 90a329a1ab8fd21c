"""Artix's cash server, read out of a real MariaDB: what is closed counts once, whatever happens to the line between."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.settings import TillSystemSettings
from drivers.tills.artix import system
from drivers.tills.artix.database import open_ledger
from drivers.tills.artix.settings import ArtixSettings
from drivers.tills.ledgers import LedgerWorker
from drivers.tills.reports import ReportContext
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.errors import CheckoutRefused, TransportError, TransportUnavailable
from drivers.vocabulary.events import DeviceState
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from simulation.shop import wait_until
from tests.shop import POINTS, Account, Shop

pytestmark = pytest.mark.net

ZONE = ZoneInfo("Europe/Moscow")
CONTEXT = ReportContext(zone=ZONE, currency="RUB")


def own(cash_server, **more) -> ArtixSettings:
    return codec.convert({"ledger": {**cash_server.table(), **more}}, ArtixSettings)


class Taker:
    """Keeps what it is given, as the agent does."""

    def __init__(self, since=None):
        self.since = since
        self.places = {}
        self.taken = []
        self.refuses = False

    def begin(self):
        return self.since, dict(self.places)

    def take(self, told):
        for one in told:
            if self.refuses:
                raise CheckoutRefused("busy", code="busy")
            self.taken.append((one.number, one.is_late, one.read()))

    def settle(self, progress):
        self.places.update(progress)

    @property
    def numbers(self):
        return [number for number, _, _ in self.taken]


def worker(settings, taker, **more):
    said = []
    made = LedgerWorker(
        name="artix-reports", open=lambda: open_ledger(settings, CONTEXT), poll_s=0.01, taker=taker, emit=said.append,
        stop=threading.Event(), **more,
    )  # fmt: skip
    return made, said


def look(settings, taker, **more):
    """One look by a worker that has just begun; how many documents there were."""
    reader, _ = worker(settings, taker, **more)
    try:
        return reader.look()
    finally:
        reader._hang_up()


def only(taker):
    [(_, _, document)] = taker.taken
    return document


# ── Documents ───────────────────────────────────────────────────────────────────────────────────


def test_a_sale(cash_server):
    cash_server.begin(11, identifier="{5A188DE4-49B8-4CB4-800E-EB6B5202437E}")
    cash_server.line(11, total="380.00")
    cash_server.line(11, code="1002", price="300.00", quantity="0.333", total="99.90")
    cash_server.line(11, code="1003", total="400.00", opcode=51)
    cash_server.pay(11, "300.00", card="2900000000018")
    cash_server.pay(11, "179.90", code="5")
    cash_server.finish(11, "479.90")
    taker = Taker()
    look(own(cash_server, tenders={"5": "points"}), taker)
    document = only(taker)
    receipt = document.receipt

    assert (document.kind, document.codes, document.also) == (
        DocumentKind.SALE, ("2900000000018",), ("5a188de4-49b8-4cb4-800e-eb6b5202437e",)
    )  # fmt: skip
    assert receipt.uid == "artix:1:7:11"
    assert (str(receipt.total), receipt.number, receipt.shift, receipt.cashier) == ("479.90 RUB", "111", 45, "3")
    assert [(str(line.total), line.product_id) for line in receipt.lines] == [
        ("380.00 RUB", "1001"),
        ("99.90 RUB", "1002"),
    ]
    assert [(one.kind.value, str(one.amount)) for one in receipt.tenders] == [
        ("cash", "300.00 RUB"),
        ("points", "179.90 RUB"),
    ]
    assert receipt.closed_at == datetime(2026, 3, 2, 12, 1, tzinfo=ZONE)


def test_a_return_names_its_sale(cash_server):
    cash_server.sell(11)
    cash_server.begin(12, doctype=25, linked=11)
    cash_server.line(12, quantity="5", total="200.00", opcode=58)
    cash_server.pay(12, "-200.00")
    cash_server.finish(12, "200.00")
    taker = Taker()
    look(own(cash_server), taker)
    document = taker.taken[1][2]

    assert (document.kind, document.base) == (DocumentKind.RETURN, (45, "111"))
    assert str(document.receipt.total) == "200.00 RUB"


@pytest.mark.parametrize(
    ("payments", "cash", "tenders", "change"),
    [
        (["500.00"], "400.00", [("cash", "500.00 RUB")], "100.00 RUB"),
        ([], "400.00", [("cash", "400.00 RUB")], None),
        (["1.00"], "0", [], None),
    ],
)
def test_payments_and_change(cash_server, payments, cash, tenders, change):
    cash_server.begin(11)
    cash_server.line(11)
    for amount in payments:
        cash_server.pay(11, amount)
    cash_server.finish(11, "400.00", cash=cash)
    taker = Taker()
    look(own(cash_server), taker)
    receipt = only(taker).receipt

    assert [(one.kind.value, str(one.amount)) for one in receipt.tenders] == tenders
    assert change == (None if receipt.change is None else str(receipt.change))


def test_what_does_not_add_up_is_kept_with_its_reason(cash_server):
    cash_server.begin(11)
    cash_server.line(11)
    cash_server.finish(11, "300.00")
    cash_server.begin(12)
    cash_server.finish(12, "1.00")
    taker = Taker()
    look(own(cash_server), taker)

    assert [document.receipt for _, _, document in taker.taken] == [None, None]
    assert "positions make 400.00 RUB" in taker.taken[0][2].problems[0]
    assert "operation code 50" in taker.taken[1][2].problems[0]


def test_other_tills_and_other_documents_are_passed_over(cash_server):
    cash_server.sell(11, till="2")
    cash_server.begin(12, doctype=13)
    cash_server.finish(12, "1.00")
    taker = Taker()
    look(own(cash_server, tills=["1"]), taker)

    assert [document.kind for _, _, document in taker.taken] == [DocumentKind.OTHER, DocumentKind.OTHER]


# ── Order and places ────────────────────────────────────────────────────────────────────────────


def test_a_receipt_that_was_open_comes_when_it_is_closed(cash_server):
    cash_server.sell(11)
    cash_server.begin(12)
    cash_server.line(12)
    cash_server.sell(13)
    taker = Taker()
    reader, _ = worker(own(cash_server), taker)
    reader.look()
    cash_server.finish(12, "400.00")
    reader.look()
    reader.look()
    reader._hang_up()

    assert [(number, late) for number, late, _ in taker.taken] == [(11, False), (13, False), (12, True)]


def test_a_restart_goes_on_where_it_was(cash_server):
    cash_server.sell(11)
    cash_server.begin(12)
    cash_server.line(12)
    cash_server.sell(13)
    taker = Taker()
    look(own(cash_server), taker)
    cash_server.sell(14)
    cash_server.finish(12, "400.00")
    look(own(cash_server), taker)

    assert taker.numbers == [11, 13, 12, 14]


def test_only_what_is_new_is_read_at_the_first_start(cash_server):
    for number in range(1, 6):
        cash_server.sell(number, at=f"2026-03-0{number} 12:00:00")
    taker = Taker(since=datetime(2026, 3, 4, 0, 0, tzinfo=ZONE).astimezone(UTC))
    look(own(cash_server), taker)

    assert taker.numbers == [4, 5]


def test_many_documents_come_in_portions_and_in_order(cash_server):
    for number in range(1, 12):
        cash_server.sell(number)
    taker = Taker()

    assert look(own(cash_server), taker, at_once=4) == 11
    assert taker.numbers == list(range(1, 12))


# ── The line between ────────────────────────────────────────────────────────────────────────────


def test_nothing_is_written_and_the_account_need_not_be_able_to(cash_server):
    cash_server.sell(11)
    ledger = open_ledger(own(cash_server), CONTEXT)
    with pytest.raises(TransportError, match=r"(?i)denied|read.only"):
        ledger._rows("DELETE FROM document")
    ledger.close()

    assert cash_server.server.run("SELECT COUNT(*) FROM document", database=cash_server.name) == [(1,)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"password": "x"}, "denied"), ({"database": "nothing"}, "nothing"), ({"port": 1}, "127.0.0.1:1")],
)
def test_a_database_that_cannot_be_opened_is_named(cash_server, wrong, says):
    with pytest.raises(TransportUnavailable, match=says):
        open_ledger(own(cash_server, **wrong), CONTEXT)


def test_a_server_that_goes_and_comes_back_loses_nothing(cash_server):
    cash_server.sell(11)
    taker = Taker()
    reader, said = worker(own(cash_server), taker, jitter=lambda: 0.0)
    reader.start()
    wait_until(lambda: taker.numbers == [11])
    cash_server.server.stop()
    wait_until(lambda: said[-1].state is DeviceState.OFF)
    away = said[-1].detail
    cash_server.server.start()
    cash_server.sell(12)
    wait_until(lambda: taker.numbers == [11, 12])
    reader.stop.set()

    assert reader.join(10)
    assert "127.0.0.1" in away
    assert said[-1].state is DeviceState.ON


def test_a_till_that_cannot_write_gets_the_same_documents_again(cash_server):
    cash_server.sell(11)
    taker = Taker()
    reader, said = worker(own(cash_server), taker)
    taker.refuses = True
    reader.start()
    wait_until(lambda: said and "wait" in said[-1].detail)
    taker.refuses = False
    wait_until(lambda: taker.numbers == [11])
    reader.stop.set()

    assert reader.join(10)


def test_the_password_is_in_no_text(cash_server):
    assert cash_server.table()["password"] not in repr(own(cash_server))


# ── A whole shop ────────────────────────────────────────────────────────────────────────────────


def test_a_whole_agent_counts_what_the_calls_missed_and_nothing_twice(cash_server, tmp_path):
    """Two sales in the database: one was confirmed by a call, one was not; and a part of it comes back."""
    settings = TillSystemSettings(name="artix", system="artix", settings={"ledger": cash_server.table()})
    shop = Shop(tmp_path, [settings])
    shop.open()
    try:
        # What was in the database at the first look is not counted: it was before us.
        wait_until(lambda: {one.name: one.state for one in shop.agent.till.snapshot.devices}["artix-reports"] == "on")
        called, missed = shop.newcomer(), shop.newcomer()
        at = datetime.now(ZONE).strftime("%Y-%m-%d %H:%M:%S")
        line = Line(
            number=1, name="Кофе", product_id="1001", quantity=Quantity.parse("10"), price=Money.of("40", "RUB"),
            total=Money.of("400", "RUB"),
        )  # fmt: skip
        receipt = Receipt(
            uid="5a188de4-49b8-4cb4-800e-eb6b5202437e", kind=DocumentKind.SALE, total=line.total, lines=(line,),
            shift=45, number="111", closed_at=datetime.now(ZONE),
        )  # fmt: skip
        shop.agent.till.confirm(
            contract.ConfirmRequest(receipt=receipt, code=called.card), timeout_s=30, source="till:artix"
        )
        cash_server.begin(11, identifier="{5A188DE4-49B8-4CB4-800E-EB6B5202437E}", at=at)
        cash_server.line(11)
        cash_server.pay(11, "400.00", card=called.card)
        cash_server.finish(11, "400.00", at=at)
        cash_server.sell(12, card=missed.card, at=at)
        cash_server.begin(13, doctype=25, linked=12, at=at)
        cash_server.line(13, quantity="5", total="200.00", opcode=58)
        cash_server.pay(13, "200.00")
        cash_server.finish(13, "200.00", at=at)

        def told():
            shop.settle()
            return shop.account(missed).returns == 1

        wait_until(told)

        assert shop.account(called) == Account(balance=POINTS + 40, sales=1, returns=0)
        assert shop.account(missed) == Account(balance=POINTS + 40 - 20, sales=1, returns=1)
        states = {one.name: one.state for one in shop.agent.till.snapshot.devices}
        assert states["artix-reports"] == "on"
    finally:
        shop.close()


def test_the_row_reads_a_database_only_when_there_is_one():
    assert system.ledger is not None
    assert not system.ledger.is_set(ArtixSettings())
