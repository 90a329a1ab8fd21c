"""Slips on a printer of our own: whose receipts, once, again when asked; the whole agent prints over the network."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.assembly import Agent, check
from agent.settings import parse
from agent.slip_printers import SlipPrinters
from drivers.printers.escpos import slip_driver
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind
from drivers.vocabulary.slips import PartKind

from .conftest import MONDAY, Rig

PATIENCE_S = 60.0


class Worker:
    """A printer that keeps what it is given."""

    def __init__(self, trouble: str = "") -> None:
        self.slips: list = []
        self.trouble = trouble

    def print(self, slip) -> None:
        self.slips.append(slip)

    @property
    def names(self) -> list[str]:
        return [slip.name for slip in self.slips]


@pytest.fixture
def shop(rig: Rig):
    """The desk with two printers: one for the API, one for the in-line device."""
    printers = SlipPrinters(("Corner Shop",))
    one, two = Worker(), Worker("E301 out of paper")
    printers.add((), one, columns=32)
    printers.add(("receipt", "api"), two, columns=42)
    rig.desk.slips = printers
    return SimpleNamespace(rig=rig, desk=rig.desk, api=one, both=two)


def test_a_confirmed_receipt_is_printed_once(shop) -> None:
    """Confirmed twice and then seen in print: one slip on each printer, laid out for its columns."""
    receipt = shop.rig.sale("r-1", "100.00", number="17")
    for _ in range(2):
        shop.desk.confirm(contract.ConfirmRequest(receipt=receipt, customer_id="m-1"), source="api")
    shop.desk.printed("receipt", shop.rig.document(receipt))
    texts = [part.text for part in shop.api.slips[0].parts]

    assert (["r-1"], ["r-1"]) == (shop.api.names, shop.both.names)
    assert (PartKind.TITLE, "Corner Shop") == (shop.api.slips[0].parts[0].kind, texts[0])
    assert "Receipt 17" + " " * 14 + "100.00 ₽" == texts[1]
    assert any(text.startswith("BALANCE NOW") and len(text) == 32 for text in texts)


def test_a_printed_receipt_goes_to_whoever_prints_for_that_device(shop) -> None:
    """A sale read in line is no business of a printer that prints for the API."""
    shop.desk.printed("receipt", shop.rig.document(shop.rig.sale("p-1", "100.00")))

    assert ([], ["p-1"]) == (shop.api.names, shop.both.names)


def test_a_return_has_its_slip(shop) -> None:
    receipt = shop.rig.sale("r-1", "100.00")
    shop.desk.confirm(contract.ConfirmRequest(receipt=receipt, customer_id="m-1"), source="api")
    back = shop.rig.sale("r-2", "100.00", kind=DocumentKind.RETURN, base_uid="r-1")
    shop.desk.refund(contract.RefundRequest(receipt=back), source="api")

    assert ["r-1", "r-2"] == shop.api.names
    assert any(part.text.startswith("Return") for part in shop.api.slips[1].parts)


def test_a_receipt_read_late_prints_nothing(shop) -> None:
    """Its customer has left a quarter of an hour ago."""
    receipt = shop.rig.sale("r-1", "100.00", closed_at=MONDAY - timedelta(minutes=16))
    shop.desk.confirm(contract.ConfirmRequest(receipt=receipt), source="api")

    assert [] == shop.api.names


def test_a_slip_is_printed_again(shop) -> None:
    """The last one, or by name; why it does not come at once is told; what is unknown is refused."""
    with pytest.raises(CheckoutRefused, match="no receipt was closed here yet"):
        shop.desk.reprint(contract.ReprintRequest())
    shop.desk.confirm(contract.ConfirmRequest(receipt=shop.rig.sale("r-1", "100.00")), source="api")
    answer = shop.desk.reprint(contract.ReprintRequest())
    named = shop.desk.reprint(contract.ReprintRequest(receipt_uid="r-1"))

    assert ("r-1", True, "E301 out of paper") == (answer.receipt_uid, answer.printing, answer.trouble)
    assert answer == named
    assert ["r-1"] * 3 == shop.api.names
    with pytest.raises(CheckoutRefused, match="r-9 is not known here"):
        shop.desk.reprint(contract.ReprintRequest(receipt_uid="r-9"))


def test_without_a_printer_the_lines_are_given_back(rig: Rig) -> None:
    """A POS that prints for itself gets them again."""
    confirmed = rig.desk.confirm(contract.ConfirmRequest(receipt=rig.sale("r-1", "100.00")), source="api")
    answer = rig.desk.reprint(contract.ReprintRequest())

    assert (False, "", confirmed.slip) == (answer.printing, answer.trouble, answer.slip)


def test_every_printer_of_a_name_has_what_it_needs() -> None:
    """A slip printer has a device, and `slips_of` is its key."""
    good = b'[[devices]]\nname="slips"\ndriver="escpos_slip"\ndevice="usb:04b8:0202"\nslips_of=["api"]\n'
    bad = b'[[devices]]\nname="slips"\ndriver="escpos_slip"\nport="usb:04b8:0202"\n'
    profile = good + b'settings = { profile = "TM-T99" }\n'

    assert [] == check(parse(good, name="c.toml"))
    assert ["device is missing" in sentence for sentence in check(parse(bad, name="c.toml"))] == [True]
    assert ["'TM-T99'" in sentence for sentence in check(parse(profile, name="c.toml"))] == [True]


class Printer:
    """A network printer on loopback."""

    def __init__(self) -> None:
        self.twin = slip_driver.twin(None)
        self.news = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            with visitor:
                try:
                    while data := visitor.recv(4096):
                        answer = self.twin.feed(data)
                        with self.news:
                            self.news.notify_all()
                        if answer:
                            visitor.sendall(answer)
                except OSError:
                    continue

    def wait_for_paper(self, count: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: len(self.twin.paper) >= count, PATIENCE_S), self.twin.paper

    def close(self) -> None:
        self._socket.close()


@pytest.mark.net
def test_the_whole_agent_prints_a_slip_and_prints_it_again(tmp_path: Path, rig: Rig) -> None:
    """Confirmed over the till's own door; the paper has the receipt, its total and its code; then once more."""
    printer = Printer()
    text = f"""
[till]
state_folder = "{(tmp_path / "state").as_posix()}"
[doors]
port = 0
[slip]
language = "en"
header = ["Corner Shop"]
qr = "https://club.example/?c={{claim}}"
[[devices]]
name = "slips"
driver = "escpos_slip"
device = "tcp://127.0.0.1:{printer.port}"
"""
    agent = Agent(parse(text.encode(), name="c.toml"))
    agent.start()
    try:
        receipt = rig.sale("r-1", "100.00", number="17")
        confirmed = agent.till.confirm(contract.ConfirmRequest(receipt=receipt), timeout_s=PATIENCE_S)
        printer.wait_for_paper(1)
        again = agent.till.reprint(contract.ReprintRequest(), timeout_s=PATIENCE_S)
        printer.wait_for_paper(2)
    finally:
        agent.stop()
        printer.close()
    first, second = printer.twin.paper

    assert [] == agent.troubles
    assert (True, "r-1") == (again.printing, again.receipt_uid)
    assert first == second
    assert ("Corner Shop", "Receipt 17") == (first.lines[0], first.lines[1][:10])
    assert (f"https://club.example/?c={confirmed.claim_code}",) == first.codes
