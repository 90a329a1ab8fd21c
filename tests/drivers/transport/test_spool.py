"""The system's spooler: one write is one raw document; CUPS by its own programs, which a folder of doubles plays."""

import sys

import pytest

from drivers.transport.spool import CupsSpooler, SpoolEndpoint
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

PROGRAMS = {
    "lp": '#!/bin/sh\n[ -e "$SPOOL/broken" ] && { echo "lp: The printer is not responding." >&2; exit 1; }\n'
    'echo "$@" >> "$SPOOL/words"; cat >> "$SPOOL/document"\n',
    "lpstat": '#!/bin/sh\n[ "$1" = -e ] && { echo RECEIPT; echo LABELS; exit 0; }\n'
    'echo "printer $2 $(cat "$SPOOL/state") since today"\n',
}


class Spooler:
    """A spooler in memory."""

    def __init__(self):
        self.documents = []
        self.says = ""

    def names(self):
        return ("RECEIPT",)

    def trouble(self, name):
        return self.says

    def print_raw(self, name, data, timeout_s):
        self.documents.append((name, data))


@pytest.fixture
def cups(tmp_path, monkeypatch):
    """A folder of programs that behave like those of CUPS."""
    if sys.platform == "win32":
        pytest.skip("SKIPPED LOUDLY: CUPS is not on Windows")
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "state").write_text("is idle.")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SPOOL", str(tmp_path))
    return tmp_path


def test_a_write_is_a_document():
    """Byte for byte, zero and 255 among them; nothing comes back."""
    spooler = Spooler()
    line = SpoolEndpoint("spool:RECEIPT", "RECEIPT", spooler=spooler).open(1.0)
    line.write(bytes(range(256)), 1.0)
    line.write(b"", 1.0)

    assert b"" == line.read(0.01)
    assert [("RECEIPT", bytes(range(256)))] == spooler.documents
    line.close()
    with pytest.raises(TransportClosed):
        line.write(b"x", 1.0)
    with pytest.raises(TransportClosed):
        line.read(1.0)


def test_what_the_spooler_says_is_told():
    """A paused queue is a reason not to begin."""
    spooler = Spooler()
    spooler.says = "paused"

    with pytest.raises(TransportUnavailable, match="the spooler says it is paused"):
        SpoolEndpoint("spool:RECEIPT", "RECEIPT", spooler=spooler).open(1.0)


def test_cups_prints_raw(cups):
    """`lp -d NAME -o raw` with the bytes as they are."""
    line = SpoolEndpoint("spool:RECEIPT", "RECEIPT", spooler=CupsSpooler()).open(1.0)
    line.write(b"\x1b@\x00\xff\x1dV\x00", 1.0)

    assert b"\x1b@\x00\xff\x1dV\x00" == (cups / "document").read_bytes()
    assert "-d RECEIPT -o raw" in (cups / "words").read_text()


def test_an_unknown_queue_names_those_there_are(cups):
    with pytest.raises(TransportUnavailable, match="RECEIPT, LABELS") as caught:
        SpoolEndpoint("spool:SLIPS", "SLIPS", spooler=CupsSpooler()).open(1.0)

    assert "missing" == caught.value.reason


def test_a_disabled_queue_is_told(cups):
    (cups / "state").write_text("disabled")

    with pytest.raises(TransportUnavailable, match="disabled"):
        SpoolEndpoint("spool:RECEIPT", "RECEIPT", spooler=CupsSpooler()).open(1.0)


def test_a_spooler_that_takes_nothing(cups):
    """Its own words are passed on."""
    line = SpoolEndpoint("spool:RECEIPT", "RECEIPT", spooler=CupsSpooler()).open(1.0)
    (cups / "broken").touch()

    with pytest.raises(TransportError, match="not responding"):
        line.write(b"x", 1.0)


def test_no_cups_on_this_machine(monkeypatch, tmp_path):
    """What to install."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(TransportUnavailable, match="cups-client") as caught:
        SpoolEndpoint("spool:RECEIPT", "RECEIPT", spooler=CupsSpooler()).open(1.0)

    assert "driver" == caught.value.reason
