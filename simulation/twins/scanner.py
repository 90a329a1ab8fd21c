"""`tillpoint simulate scanner`: a serial scanner that is not there; it scans what is typed or what stands in a file.

A line is a code. ``]E0 4600000000015`` says which kind of barcode it was (an AIM identifier of ISO/IEC 15424), ``<GS>``
stands for the group separator of a marking code, and a line that begins with ``#`` is a remark.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from drivers.scanners.serial.link import SerialScannerSettings
from drivers.scanners.serial.simulator import Rudeness, ScannerTwin
from drivers.transport.address import EXAMPLES
from drivers.transport.contract import Endpoint, Transport
from drivers.vocabulary.errors import SettingsError, TransportError
from simulation.twins.given import pairs_of, settings_of
from simulation.twins.lines import listen_at

__all__ = ["Line", "ScannerStand", "line_of", "main"]

OPEN_SLICE_S: Final = 0.2
WRITE_TIMEOUT_S: Final = 2.0
LINGER_S: Final = 0.5  # what lies in a pseudo-terminal is lost when its end goes
MS_MAX: Final = 1_000.0
LINE_MAX: Final = 4_296  # characters of the largest QR code
_AIM: Final = re.compile(r"(\][A-Za-z][0-9A-Za-z]) (.+)", re.DOTALL)
_LEGEND: Final = "a line is a code ( ]E0 before it, <GS> in it ); !NAME makes it rude: {}; ? how it is; q quits\n"


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says: a code and which kind of barcode it was ("" for none)."""

    code: str
    symbology: str = ""


def line_of(text: str) -> Line | None:
    """A line as it was typed; None for an empty one and for a remark."""
    said = text.strip("\r\n").strip(" ")
    if not said or said.startswith("#"):
        return None
    match = _AIM.fullmatch(said)
    symbology, code = (match[1], match[2]) if match is not None else ("", said)
    return Line(code.replace("<GS>", "\x1d")[:LINE_MAX], symbology)


class ScannerStand:
    """The scanner on its wire; used by one thread.

    Args:
        place: where it is; closed by `close`.
        twin: what a scan is, in bytes and in time.
        say: told in words what happens on the wire.
        pause: waits; a test does not.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        place: Endpoint,
        twin: ScannerTwin,
        *,
        say: Callable[[str], Any],
        pause: Callable[[float], Any] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.twin = twin
        self.sent = 0
        self._place = place
        self._say = say
        self._pause = pause
        self._clock = clock
        self._pipe: Transport | None = None

    def scan(self, line: Line) -> None:
        """One scan, character by character; waits until somebody is there, and tells when he goes in the middle."""
        pipe = self._connected()
        due_s = self._clock()
        try:
            for delay_s, data in self.twin.timed(self.twin.scan(line.code, symbology=line.symbology)):
                due_s += delay_s
                self._pause(max(0.0, due_s - self._clock()))
                pipe.write(data, WRITE_TIMEOUT_S)
        except TransportError as error:
            self._lose(f"{error}; the rest of this code is lost")
            return
        self.sent += 1

    def close(self) -> None:
        """Give the wire back, when what was sent had time to be read."""
        if self._pipe is not None:
            self._pause(LINGER_S)
            self._pipe.close()
        self._place.close()

    def _connected(self) -> Transport:
        """The pipe to whoever reads."""
        if self._pipe is not None and not self._is_alive(self._pipe):
            self._lose("whoever read has gone")
        is_told = False
        while self._pipe is None:
            try:
                self._pipe = self._place.open(OPEN_SLICE_S)
            except TransportError as error:
                self._say(str(error))
                self._pause(1.0)
                continue
            if self._pipe is None and not is_told:
                is_told = True
                self._say("nobody is connected; the code waits")
        return self._pipe

    def _is_alive(self, pipe: Transport) -> bool:
        """Whether the other end is there; what it says (a beep, a lamp) is told and obeyed by nobody."""
        try:
            heard = pipe.read(0.0)
        except TransportError:
            return False
        if heard:
            self._say(f"the till says {heard.hex(' ')}")
        return True

    def _lose(self, words: str) -> None:
        its_own: object = self._place  # a pseudo-terminal is its own pipe: it stays, whoever comes and goes
        if self._pipe is not None and self._pipe is not its_own:
            self._pipe.close()
            self._pipe = None
        self._say(words)


def main(argv: Sequence[str]) -> int:
    """Scan until the input ends or somebody quits."""
    args = _parser().parse_args(argv)
    settings = settings_of(pairs_of(args.set), SerialScannerSettings)
    lines = _read(args.codes) if args.codes else []
    place, there = listen_at(args.listen)

    def twin(rudeness: Rudeness) -> ScannerTwin:
        return ScannerTwin(settings, char_delay_ms=args.ms, rudeness=rudeness)

    def say(words: str) -> None:
        sys.stdout.write(f"[{words}]\n")
        sys.stdout.flush()

    stand = ScannerStand(place, twin(Rudeness.NONE), say=say)
    try:
        sys.stdout.write(f"a scanner is at {there}\n")
        sys.stdout.flush()
        for number, line in enumerate(lines * args.repeat):
            stand.twin = twin(args.rude)
            if number:
                time.sleep(args.pause_ms / 1000)
            stand.scan(line)
        if not args.codes:
            _by_hand(stand, twin, args.rude, sys.stdin, sys.stdout)
    except KeyboardInterrupt:
        pass
    finally:
        stand.close()
    say(f"scanned {stand.sent}")
    return 0


def _by_hand(
    stand: ScannerStand, twin: Callable[[Rudeness], ScannerTwin], rudeness: Rudeness, given: IO[str], out: IO[str]
) -> None:
    """Each line that is typed; a line of a script comes the same way."""
    legend = _LEGEND.format(", ".join(one.value for one in Rudeness))
    out.write(legend)
    out.flush()
    for text in _lines(given):
        word = text.strip()
        if word in {"q", "quit"}:
            return
        if word == "?":
            out.write(f"[scanned {stand.sent}; {rudeness.value}]\n{legend}")
        elif word.startswith("!"):
            try:
                rudeness = Rudeness(word[1:])
            except ValueError:
                out.write(legend)
        else:
            line = line_of(text)
            stand.twin = twin(rudeness)
            if line is not None:
                stand.scan(line)
        out.flush()


def _lines(given: IO[str]) -> Iterator[str]:
    """One after another; a terminal gives them as they are typed."""
    while text := given.readline():
        yield text


def _read(name: str) -> list[Line]:
    try:
        found = [line for line in map(line_of, Path(name).read_text("utf-8").splitlines()) if line is not None]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--codes {name}: cannot be read: {error}") from None
    if not found:
        raise SettingsError(f"--codes {name}: no code is in it; write one a line")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tillpoint simulate scanner",
        description="A serial scanner that is not there: it scans each line that is typed, or that stands in a file.",
    )
    add = parser.add_argument
    add(
        "--listen", required=True, metavar="ADDRESS",
        help=f"where: {EXAMPLES['tcp-listen']}, serial:COM7?baud=9600, pty: or pty:LINK (not on Windows)",
    )  # fmt: skip
    add("--codes", default="", metavar="FILE", help="scan the lines of a file, then end")
    add("--ms", type=_milliseconds, default=5.0, metavar="MS", help="between two characters (5)")
    add("--pause-ms", type=_pause, default=500.0, metavar="MS", help="between two codes of the file (500)")
    add("--repeat", type=_times, default=1, metavar="N", help="the file so many times (1)")
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="how it is programmed, as in the driver's README",
    )
    add("--rude", type=Rudeness, default=Rudeness.NONE, metavar="NAME", help=", ".join(one.value for one in Rudeness))
    return parser


def _bounded(text: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= most:
        raise argparse.ArgumentTypeError(f"a number from 0 to {most:g}")
    return number


def _milliseconds(text: str) -> float:
    return _bounded(text, MS_MAX)


def _pause(text: str) -> float:
    return _bounded(text, 3_600_000.0)


def _times(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("a whole number from 1 to 1000000")
    return int(text)
