"""A serial port of our own: a POS opens it by a name that leads to the scanner itself when we are not there."""

import os
import sys

import pytest

from drivers.transport.address import endpoint
from drivers.transport.pseudo_terminal import PtyEndpoint
from drivers.vocabulary.errors import TransportClosed, TransportUnavailable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals")


@pytest.fixture
def link(tmp_path):
    """Where the POS looks for its scanner."""
    return tmp_path / "scanner"


def _pos(link):
    import serial

    return serial.Serial(str(link), timeout=5)


def test_a_pos_reads_what_is_written_and_answers(link):
    """Raw: no echo, no line ends changed, in both directions."""
    port = PtyEndpoint(f"pty:{link}", str(link))
    transport = port.open(0)
    data = bytes(range(256)) + b"\r\n\n"
    with _pos(link) as pos:
        transport.write(data, 5)
        assert data == pos.read(len(data))
        pos.write(b"\x16T\r")
        assert b"\x16T\r" == transport.read(5)
    assert b"" == transport.read(0)
    transport.close()
    port.close()

    assert not link.exists()
    assert not link.is_symlink()


def test_when_we_stop_the_name_leads_to_the_scanner_itself(link, tmp_path):
    """And when we are back it leads to us again; at no moment is it missing."""
    real = tmp_path / "usb-MAKER_SCANNER"
    real.touch()
    port = endpoint(f"pty:{link}?otherwise={real}")
    link.symlink_to(real)
    transport = port.open(0)
    assert str(link.readlink()).startswith("/dev/pts/")
    transport.close()
    port.close()
    port.close()

    assert real == link.readlink()
    transport = port.open(0)
    assert real != link.readlink()
    transport.close()
    port.close()


def test_what_no_pos_has_read_is_thrown_away(link):
    """A product of a minute ago does not land on the next receipt; one that was just scanned does."""
    now_s = [100.0]
    port = PtyEndpoint(f"pty:{link}", str(link), clock=lambda: now_s[0])
    transport = port.open(0)
    transport.write(b"OLD\r", 5)
    now_s[0] += 60.0
    transport.write(b"FIRST\r", 5)
    now_s[0] += 0.5
    transport.write(b"SECOND\r", 5)
    descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY)

    data = b""
    while len(data) < len(b"FIRST\rSECOND\r"):
        data += os.read(descriptor, 100)

    assert b"FIRST\rSECOND\r" == data
    os.close(descriptor)
    transport.close()
    port.close()
    with pytest.raises(TransportClosed):
        transport.read(0)


def test_a_file_that_is_no_link_is_left_alone(link):
    """Somebody's file is nothing to replace."""
    link.write_text("mine")
    with pytest.raises(TransportUnavailable, match="a file that is no link"):
        PtyEndpoint(f"pty:{link}", str(link)).open(0)

    assert "mine" == link.read_text()


def test_a_folder_that_is_not_there(tmp_path):
    """Told with a place that is."""
    with pytest.raises(TransportUnavailable, match="/run/tillpoint"):
        PtyEndpoint("pty:x", str(tmp_path / "none" / "scanner")).open(0)
