"""Bad input ends in one clear sentence with the next step, and the other parts go on, the printer first of all."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.assembly import Agent
from agent.cli import main
from agent.demo.gate import free_port
from agent.demo.pos import ApiRefused, LocalApi, print_stream
from agent.demo.printer import PaperPrinter
from agent.settings import parse
from drivers.printers.escpos.pos_simulator import compose_receipt
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from offline_queue.store import TillStore

WAIT_S = 20.0


class Shop:
    """An agent in this process with a printer in line."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.printer = PaperPrinter()
        self.proxy = free_port()
        self.state = folder / "state"
        self.doors = int(more.pop("doors", free_port()))
        devices = f"""
[[devices]]
name = "receipt"
driver = "escpos"
host = "tcp-listen://127.0.0.1:{self.proxy}"
device = "tcp://127.0.0.1:{self.printer.port}"
{more.pop("devices", "")}
"""
        state = more.pop("state", str(self.state))
        text = f"[till]\nstate_folder = {json.dumps(state)}\n[doors]\nport = {self.doors}\n{devices}"
        self.agent = Agent(parse(text.encode(), name="config.toml"))

    @property
    def api(self) -> LocalApi:
        return LocalApi(self.doors, self.state / "api.token")

    def prints(self) -> bool:
        """Whether a receipt still comes out of the printer."""
        price = Money.of("45.90", "RUB")
        line = Line(number=1, name="Хлеб", quantity=Quantity.ONE, price=price, total=price)
        receipt = Receipt(uid="x", kind=DocumentKind.SALE, total=price, lines=(line,))
        before = len(self.printer.paper)
        print_stream(self.proxy, compose_receipt(receipt, "ru-two-lines"))
        return self.printer.wait_for_paper(before + 1, WAIT_S)

    def is_off(self, name: str, shows: str) -> bool:
        """Whether the panel shows this device as off, in the end, with `shows` in its detail."""
        found = threading.Event()
        agent = self.agent

        def look(snapshot: Any) -> None:
            if any(one.name == name and one.state == "off" and shows in one.detail for one in snapshot.devices):
                found.set()

        stop = agent.till.subscribe(look)
        look(agent.till.snapshot)
        try:
            return found.wait(WAIT_S)
        finally:
            stop()


@contextmanager
def shop(folder: Path, **more: str) -> Iterator[Shop]:
    """An open shop, closed again."""
    opened = Shop(folder, **more)
    opened.agent.start()
    try:
        yield opened
    finally:
        opened.agent.stop()
        opened.printer.close()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[till\n", "config.toml: line 1"),
        ("[doors]\nprot = 1\n", "config.toml, line 2: unknown key 'prot'; did you mean 'port'?"),
        ('[till]\nzone = "Europe/Moskow"\n', "till.zone: there is no time zone 'Europe/Moskow'"),
        (
            '[[devices]]\nname = "a"\ndriver = "escpoz"\n',
            'device \'a\': unknown driver "escpoz"; did you mean "escpos"?',
        ),
        ('[[devices]]\nname = "a"\ndriver = "escpos"\n', "device 'a': host is missing"),
        ('[[devices]]\nname = "a"\ndriver = "serial_scanner"\nport = "COM5"\n', 'write "serial:COM5"'),
        (
            '[[devices]]\nname = "a"\ndriver = "serial_scanner"\nport = "serial:COM5"\nsettings = { sufix = "cr" }\n',
            "device 'a': settings: unknown key 'sufix'; did you mean 'suffix'?",
        ),
        ('[[cards]]\nname = "a"\npattern = "("\n', "cards"),
    ],
)
def test_settings_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    """`tillpoint check` names file, line and key, and opens nothing."""
    config = tmp_path / "config.toml"
    config.write_text(text, "utf-8")
    code = main(["check", "--config", str(config)])

    assert 1 == code
    assert sentence in capsys.readouterr().out


def test_a_missing_settings_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tillpoint run` says where to put it."""
    code = main(["run", "--config", str(tmp_path / "none.toml")])

    assert 1 == code
    assert "copy config.example.toml there" in capsys.readouterr().err


@pytest.mark.net
def test_a_port_in_use(tmp_path: Path) -> None:
    """The panel cannot open, and says so; receipts are read all the same."""
    with socket.create_server(("127.0.0.1", 0)) as taken, shop(tmp_path, doors=str(taken.getsockname()[1])) as opened:
        assert opened.prints()
        assert any("doors.port" in sentence for sentence in opened.agent.troubles)
        assert 1 == opened.agent.till.snapshot.waiting


@pytest.mark.net
def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    """It is shown as off, with a sentence; everything else works."""
    scanner = '[[devices]]\nname = "scanner"\ndriver = "serial_scanner"\nport = "serial:/dev/no-such-port"'
    with shop(tmp_path, devices=scanner) as opened:
        assert opened.is_off("scanner", "no-such-port"), opened.agent.till.snapshot.devices
        assert opened.prints()


@pytest.mark.net
def test_a_printer_that_is_off(tmp_path: Path) -> None:
    """The POS sees what it would see without us, and prints again when the printer is back."""
    with shop(tmp_path) as opened:
        opened.printer.close()
        with pytest.raises(OSError):  # noqa: PT012 - the refusal may come at any of the steps
            print_stream(opened.proxy, b"text\n\x1dV\x00")
            raise OSError("a half-closed line ended without an answer")

        assert opened.is_off("receipt", str(opened.printer.port)), opened.agent.till.snapshot.devices


@pytest.mark.net
@pytest.mark.parametrize("token", ["", "tp_" + "0" * 64, "Ключ"])
def test_a_wrong_token(tmp_path: Path, token: str) -> None:
    """401 with a sentence; nothing is done."""
    with shop(tmp_path) as opened:
        wrong = tmp_path / "wrong.token"
        wrong.write_text(token.encode("ascii", "replace").decode(), "ascii")
        with pytest.raises(ApiRefused) as refused:
            LocalApi(opened.doors, wrong).call("/v1/cancel", {"receipt_uid": "r-1"})

        assert str(refused.value).startswith("401 ")
        assert not opened.api.call("/v1/cancel", {"receipt_uid": "r-1"})["cancelled"]


@pytest.mark.net
@pytest.mark.parametrize(
    "stream",
    [
        b"\x1b",
        b"\x1dk\x49\xff" + b"x" * 40,
        b"\x1dv0\x00\xff\xff\xff\xff" + b"\x00" * 5_000,
        bytes(range(256)) * 64,
        "ИТОГ 12".encode("cp866"),
    ],
)
def test_truncated_and_garbage_streams(tmp_path: Path, stream: bytes) -> None:
    """They pass, nothing is made of them, and the next receipt is read."""
    with shop(tmp_path) as opened:
        print_stream(opened.proxy, stream)

        assert opened.prints()
        assert opened.agent.till.snapshot.waiting <= 2


@pytest.mark.net
def test_a_state_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be: one sentence, and receipts still come out of the printer."""
    (tmp_path / "file").write_text("not a folder", "utf-8")
    with shop(tmp_path, state=str(tmp_path / "file")) as opened:
        assert opened.prints()
        assert any("till.state_folder" in sentence for sentence in opened.agent.troubles)
        assert opened.agent.till.snapshot.notice


@pytest.mark.net
def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    """It is left untouched; the sentence says which version to install."""
    (tmp_path / "state").mkdir()
    TillStore.open(tmp_path / "state" / "till.db", epoch=1).close()
    with closing(sqlite3.connect(tmp_path / "state" / "till.db")) as database:
        database.execute("pragma user_version = 999")
    before = (tmp_path / "state" / "till.db").read_bytes()
    with shop(tmp_path) as opened:
        assert opened.prints()
        assert any("newer Tillpoint" in sentence for sentence in opened.agent.troubles)

    assert before == (tmp_path / "state" / "till.db").read_bytes()


@pytest.mark.net
def test_a_second_agent_on_the_same_folder(tmp_path: Path) -> None:
    """It does not write beside the first; it says who holds the files."""
    with shop(tmp_path) as first, shop(tmp_path) as second:
        assert second.prints()
        assert [] == [sentence for sentence in first.agent.troubles if "till.db" in sentence]
        assert any("till.db" in sentence for sentence in second.agent.troubles)
