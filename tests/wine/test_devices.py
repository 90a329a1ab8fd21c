"""Devices of Windows: a COM port that is a pseudo-terminal, a print queue that ends at a TCP printer."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.scanners.serial.simulator import ScannerTwin
from tests.wine.ground import WINE, Ground
from tests.wine.inside_spooler import DOCUMENT
from tests.wine.installed import wait_for

pytestmark = [pytest.mark.machine, pytest.mark.alone]  # one prefix, one service manager

CODES = ("4600000000015", "2990000012348", "4600000000022")


@pytest.fixture
def com33(ground: Ground) -> Iterator[int]:
    """The scanner's end of COM33."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    link = ground.prefix / "dosdevices" / "com33"
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(theirs))
    yield ours
    link.unlink()
    os.close(ours)
    os.close(theirs)


def test_scans_arrive_through_a_com_port(ground: Ground, com33: int) -> None:
    """The driver on the agent's own thread; every code the scanner sends, once."""
    inside = ["C:\\checkout\\tests\\wine\\inside_scanner.py", "serial:COM33", str(len(CODES))]
    process = ground.start([WINE, ground.python / "python.exe", *inside])
    assert process.stdout is not None
    try:
        assert b"state on" in process.stdout.readline()
        for code in CODES:
            os.write(com33, ScannerTwin().scan(code))
            time.sleep(0.3)  # a hand between two scans
        said = process.stdout.read().decode()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    assert list(CODES) == re.findall(r"scanned (\S+)", said)


def test_a_port_that_is_not_there_is_named(ground: Ground) -> None:
    said = ground.run_python("-c", "from drivers.transport.address import endpoint; endpoint('serial:COM77').open(1)")

    assert "COM77" in said.stdout
    assert "TransportUnavailable" in said.stdout


# ── The spooler ─────────────────────────────────────────────────────────────────────────────────


class TcpPrinter:
    """The twin of a network printer: keeps what comes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.printed = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                with line:
                    while data := line.recv(65_536):
                        self.printed += data

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[TcpPrinter]:
    """A raw queue RECEIPT of a print server that lives as long as the test."""
    if shutil.which("cupsd") is None or shutil.which("lpadmin") is None or os.geteuid() != 0:
        pytest.skip("SKIPPED LOUDLY: nothing was printed through a spooler: apt-get install cups cups-client, as root")
    if subprocess.run(["lpstat", "-r"], capture_output=True, text=True, check=False).stdout.startswith(
        "scheduler is run"
    ):
        pytest.skip("SKIPPED LOUDLY: a print server runs here already, and is left alone")
    printer = TcpPrinter()
    server = subprocess.Popen(["cupsd", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: "is running" in _said("lpstat", "-r"), "cupsd", 30)
        _said("lpadmin", "-p", "RECEIPT", "-E", "-v", f"socket://127.0.0.1:{printer.port}", "-m", "raw")
        wait_for(lambda: "RECEIPT" in _said("lpstat", "-e"), "the queue", 30)
        yield printer
        _said("lpadmin", "-x", "RECEIPT")
    finally:
        server.terminate()
        server.wait()
        printer.close()


def _said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30).stdout


def test_bytes_reach_the_printer_as_they_are(ground: Ground, queue: TcpPrinter) -> None:
    """Through OpenPrinter, StartDocPrinter (RAW), WritePrinter; zero and 255 among them."""
    done = ground.run_python("C:\\checkout\\tests\\wine\\inside_spooler.py", "RECEIPT")

    assert 0 == done.returncode, done.stdout
    wait_for(lambda: len(queue.printed) >= len(DOCUMENT), "the document at the printer", 60)
    assert DOCUMENT == queue.printed
    assert "RECEIPT" in done.stdout  # the queue that is not there is refused, and those there are are named
