"""`tillpoint simulate scanner`: what is typed or stands in a file reaches whoever reads, at a scanner's pace."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.scanners.serial.link import SerialScannerLink, SerialScannerSettings
from drivers.scanners.serial.simulator import Rudeness, ScannerTwin
from drivers.transport.address import endpoint
from drivers.vocabulary.errors import SettingsError, TransportClosed
from simulation.cli import main
from simulation.twins.lines import listen_at
from simulation.twins.scanner import Line, ScannerStand, line_of

PATIENCE_S = 10.0
MARKED = "0104600000000015215AbCdEf\x1d93Abcd"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("4600000000015\n", Line("4600000000015")),
        ("]E0 4600000000015", Line("4600000000015", "]E0")),
        ("]d2 0104600000000015215AbCdEf<GS>93Abcd\r\n", Line(MARKED, "]d2")),
        ("TP1: with a space", Line("TP1: with a space")),
        ("]E0", Line("]E0")),
        ("# a remark", None),
        ("   ", None),
    ],
)
def test_a_line_is_a_code(typed: str, line: Line | None) -> None:
    """With its kind of barcode before it; remarks and empty lines are none."""
    assert line == line_of(typed)


class Wire:
    """A pipe that keeps when each byte was written, on invented time."""

    is_line = True

    def __init__(self) -> None:
        self.now_s = 0.0
        self.written: list[tuple[float, bytes]] = []

    def open(self, timeout_s: float) -> Any:
        return self

    def read(self, timeout_s: float) -> bytes:
        return b""

    def write(self, data: bytes, timeout_s: float) -> None:
        self.written.append((self.now_s, data))
        self.now_s += 0.001  # writing takes its time too, and the pace is kept all the same

    def close(self) -> None:
        pass

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


def test_each_character_has_its_time() -> None:
    """Eight milliseconds between two, however long a write takes."""
    wire = Wire()
    stand = ScannerStand(wire, ScannerTwin(char_delay_ms=8.0), say=print, pause=wire.pause, clock=lambda: wire.now_s)  # type: ignore[arg-type]
    stand.scan(Line("46000"))

    assert b"46000\r" == b"".join(data for _, data in wire.written)
    assert [8, 16, 24, 32, 40, 48] == [round(at_s * 1000) for at_s, _ in wire.written]


@pytest.fixture
def stand() -> Iterator[Any]:
    """(a scanner on loopback that takes no time, its port, what it said)."""
    place, there = listen_at("tcp-listen://127.0.0.1:0")
    said: list[str] = []
    one = ScannerStand(place, ScannerTwin(char_delay_ms=0.0), say=said.append, pause=lambda _: None)
    yield one, there.replace("tcp-listen", "tcp"), said
    one.close()


def call(there: str) -> Any:
    """Somebody who reads."""
    place = endpoint(there)
    opened = None
    while opened is None:
        opened = place.open(1.0)
    return opened


def heard(pipe: Any, count: int) -> list[tuple[str, str]]:
    """So many codes, as the driver reads them."""
    link = SerialScannerLink(SerialScannerSettings(), device="s")
    found: list[Any] = []
    while len(found) < count:
        data = pipe.read(PATIENCE_S)
        assert data, found
        found += link.feed(data, 0.0)
    return [(one.code, one.symbology) for one in found]


@pytest.mark.net
def test_codes_wait_for_who_reads_and_outlive_him(stand: Any) -> None:
    """A code waits for the first visitor; the next one goes to whoever came after he left; what he says is told."""
    one, there, said = stand
    scan = threading.Thread(target=one.scan, args=(Line(MARKED, "]d2"),), daemon=True)
    scan.start()
    first = call(there)
    assert [(MARKED, "]d2")] == heard(first, 1)
    scan.join(PATIENCE_S)
    first.write(b"\x07", 1.0)
    one.scan(Line("4600000000015"))
    assert [("4600000000015", "")] == heard(first, 1)
    assert "the till says 07" in said
    first.abort()
    second = call(there)
    one.scan(Line("2900000000018"))

    assert [("2900000000018", "")] == heard(second, 1)
    assert 3 == one.sent
    second.close()


@pytest.mark.net
def test_a_rude_scanner(stand: Any) -> None:
    """Half a code is as many bytes, and no end."""
    one, there, _ = stand
    one.twin = ScannerTwin(char_delay_ms=0.0, rudeness=Rudeness.HALF_CODE)
    scan = threading.Thread(target=one.scan, args=(Line("4600000000015"),), daemon=True)
    scan.start()
    pipe = call(there)
    scan.join(PATIENCE_S)
    got = b""
    while len(got) < 6:
        got += pipe.read(PATIENCE_S)

    assert b"460000" == got
    pipe.close()
    with pytest.raises(TransportClosed):
        pipe.read(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals")
def test_the_command_scans_what_is_typed(tmp_path: Path) -> None:
    """On a pseudo-terminal with a name, as support uses it; `q` ends it, and so does the end of a script."""
    link = tmp_path / "scanner"
    words = [sys.executable, "-m", "agent.cli", "simulate", "scanner", "--listen", f"pty:{link}", "--ms", "1"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdin is not None
        assert command.stdout is not None
        assert f"a scanner is at {link}" in command.stdout.readline()
        pipe = call(f"serial:{link}")
        command.stdin.write("# to try\n4600000000015\n!doubled\n]E0 2900000000018\n?\n!sleepy\n")
        command.stdin.flush()
        assert [("4600000000015", ""), ("2900000000018", "]E0"), ("2900000000018", "]E0")] == heard(pipe, 3)
        pipe.close()
        told, _ = command.communicate("q\n", timeout=30)

    assert "[scanned 2; doubled]" in told
    assert told.endswith("[scanned 2]\n")
    assert 0 == command.returncode
    assert not os.path.lexists(link)


@pytest.mark.net
def test_the_command_scans_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twice over, then it ends by itself."""
    codes = tmp_path / "codes.txt"
    codes.write_text("# a morning\n4600000000015\n\n]Q1 TP1:17\n", "utf-8")
    place, there = listen_at("tcp-listen://127.0.0.1:0")  # a free port, which the command takes next
    place.close()
    words = ["scanner", "--listen", there, "--codes", str(codes), "--ms", "0", "--pause-ms", "0", "--repeat", "2"]
    words += ["--set", "suffix=crlf"]
    ended: list[int] = []
    command = threading.Thread(target=lambda: ended.append(main(words)), daemon=True)
    command.start()
    pipe = None
    while pipe is None:
        try:
            pipe = endpoint(there.replace("tcp-listen", "tcp")).open(1.0)
        except OSError:
            continue
        except Exception:
            if not command.is_alive():
                raise

    assert [("4600000000015", ""), ("TP1:17", "]Q1")] * 2 == heard(pipe, 4)
    command.join(PATIENCE_S)
    assert [0] == ended
    assert "[scanned 4]" in capsys.readouterr().out
    pipe.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--codes", "no-such-file"], "--codes no-such-file: cannot be read"),
        (["--set", "sufix=cr"], "did you mean 'suffix'"),
        (["--set", "suffix"], "write it like --set model=NAME"),
    ],
)
def test_what_is_wrong_is_named(words: list[str], sentence: str) -> None:
    """Before anything listens."""
    with pytest.raises(SettingsError, match=sentence):
        main(["scanner", "--listen", "tcp-listen://127.0.0.1:0", *words])


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """And what to write into it."""
    (tmp_path / "none.txt").write_text("# nothing\n", "utf-8")

    with pytest.raises(SettingsError, match="write one a line"):
        main(["scanner", "--listen", "tcp-listen://127.0.0.1:0", "--codes", str(tmp_path / "none.txt")])
