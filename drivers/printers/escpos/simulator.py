"""The twin: a receipt printer made of the same table, tokenizer and decoder; answers status, keeps what it printed.

It can be rude on request, one name each: paper_out, paper_near_end, cover_open, offline, cutter_jammed, silence,
half_answer, duplicate_answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.contract import Scene
from drivers.twins import Act, Roll, Trial

from .commands import Effect
from .document import DocumentBuilder, Printed
from .frames import Token, Tokenizer
from .models import Profile, profile_named
from .pos_simulator import STYLES, compose_kitchen_ticket, compose_receipt, sample_receipt
from .settings import EscposSettings
from .status import (
    AUTOMATIC_BASE,
    AUTOMATIC_BITS,
    AUTOMATIC_SIZE,
    PAPER_BITS,
    REAL_TIME_BASE,
    REAL_TIME_BITS,
    Trouble,
)

PAPER_DOCUMENTS_MAX: Final = 1_000  # a demo runs for days; the oldest paper is thrown away
_ROLL_COLUMNS: Final = 42
HANGS_S: Final = 3.0  # somebody tears it off, whom a till need not wait for
BUFFER_SIZE_MAX: Final = 1_048_576  # bytes a stopped printer takes in before it drops what comes


class Rudeness(Enum):
    """What can be wrong with the printer; several at once."""

    PAPER_OUT = "paper_out"
    PAPER_NEAR_END = "paper_near_end"
    COVER_OPEN = "cover_open"
    OFFLINE = "offline"
    CUTTER_JAMMED = "cutter_jammed"
    SILENCE = "silence"
    HALF_ANSWER = "half_answer"
    DUPLICATE_ANSWER = "duplicate_answer"


_TROUBLES: Final = {
    Rudeness.PAPER_OUT: (Trouble.PAPER_OUT, Trouble.OFFLINE),
    Rudeness.PAPER_NEAR_END: (Trouble.PAPER_NEAR_END,),
    Rudeness.COVER_OPEN: (Trouble.COVER_OPEN, Trouble.OFFLINE),
    Rudeness.OFFLINE: (Trouble.OFFLINE,),
    Rudeness.CUTTER_JAMMED: (Trouble.CUTTER, Trouble.ERROR, Trouble.OFFLINE),
}
# While one of these holds, the paper does not move: bytes wait in the buffer, status is still answered.
_STOPPED: Final = frozenset({Rudeness.PAPER_OUT, Rudeness.COVER_OPEN, Rudeness.OFFLINE, Rudeness.CUTTER_JAMMED})
_IDENTITIES: Final = {65: b"1.00", 66: b"Tillpoint", 67: b"Twin-80", 68: b"0000000001", 69: b"none"}
_NUMBERS: Final = {1: 0x20, 2: 0x02, 3: 0x01}  # GS I: model, type (cutter present), ROM version


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDocument:
    """One piece of paper.

    Attributes:
        is_cut: False for what hangs out of the printer uncut.
    """

    lines: tuple[str, ...]
    codes: tuple[str, ...]
    images: int
    is_cut: bool


class VirtualPrinter:
    """Feed it a till's bytes; it prints and answers; see `drivers.contract.Twin`.

    Args:
        settings: its profile says which code pages it has; None is the default.
        rude: names of the rudenesses it begins with.
    """

    def __init__(self, settings: EscposSettings | None = None, *, rude: Iterable[str] = ()) -> None:
        self._profile: Profile = profile_named((settings or EscposSettings()).profile)
        self._rude = {Rudeness(name) for name in rude}
        self._tokenizer = Tokenizer()
        self._builder = DocumentBuilder()
        self._waiting: list[Token] = []
        self._waiting_size = 0
        self._automatic = False
        self._cut: list[PaperDocument] = []
        self.roll = Roll()
        self.drawer_pulses = 0
        self.bytes_received = 0
        self._heard_at_s = 0.0

    @property
    def paper(self) -> tuple[PaperDocument, ...]:
        """Everything that was cut off, oldest first."""
        return tuple(self._cut)

    def tear_off(self) -> PaperDocument | None:
        """Tear off what hangs out uncut; None when nothing does."""
        if not self._builder.has_content:
            return None
        return _paper(self._builder.finish(self._profile), is_cut=False)

    def be_rude(self, name: str, *, on: bool = True) -> bytes:
        """Switch a rudeness; the answer is the automatic status, if the till asked for it."""
        change = Rudeness(name)
        if on:
            self._rude.add(change)
        else:
            self._rude.discard(change)
        if not self._rude & _STOPPED:
            waiting, self._waiting, self._waiting_size = self._waiting, [], 0
            for token in waiting:
                self._print(token)
        return self._send(self._automatic_status()) if self._automatic else b""

    def feed(self, data: bytes, now_s: float = 0.0) -> bytes:
        """Take bytes in any slicing; what the printer answers."""
        self._heard_at_s = now_s
        self.bytes_received += len(data)
        answers = b""
        for token in self._tokenizer.feed(data):
            if token.command.effect is Effect.STATUS:
                answers += self._answer(token)
            elif not self._rude & _STOPPED:
                self._print(token)
            elif self._waiting_size < BUFFER_SIZE_MAX:
                self._waiting.append(token)
                self._waiting_size += token.size
        return self._send(answers)

    def script(self) -> Sequence[Scene]:
        """What a till prints in an hour: receipts of every style that cuts, a ticket, a poll of the status."""
        cutting = [style for style in STYLES.values() if style.cut]
        every = b"".join(compose_receipt(sample_receipt(), style) for style in cutting)
        ticket = compose_kitchen_ticket([(2, "Борщ"), (1, "Чай")], "ru-two-lines", number="12")
        image = b"\x1dv0\x00\x30\x00\x10\x00" + bytes(range(256)) * 3 + b"\n\x1dV\x00"
        return [
            Scene(name="one receipt", from_host=compose_receipt(sample_receipt(), "ru-two-lines"), documents=1),
            Scene(name="a receipt in every style", from_host=every, documents=len(cutting)),
            Scene(name="a kitchen ticket", from_host=ticket, documents=1),
            Scene(name="an image with commands inside", from_host=image, documents=1),
            Scene(name="status polls", from_host=b"\x10\x04\x01\x10\x04\x04\x1dr\x01\x1da\xff\x1dI\x43"),
        ]

    # ── What it shows (drivers.twins) ───────────────────────────────────────────────────────────

    def tick(self, now_s: float) -> bytes:
        """What hangs out uncut for a while is torn off; it speaks when asked."""
        if self._builder.has_content and now_s - self._heard_at_s > HANGS_S:
            hanging = self.tear_off()
            self.roll.put(*(hanging.lines if hanging is not None else ()))
        return b""

    def facts(self) -> Mapping[str, str]:
        """Profile, documents, drawer."""
        return {
            "profile": self._profile.name,
            "documents": str(len(self._cut)),
            "drawer opened": str(self.drawer_pulses),
            "hangs out": "a document that is not cut" if self._builder.has_content else "nothing",
        }

    def rudenesses(self) -> Mapping[str, bool]:
        """Each name, and whether it holds."""
        return {one.value: one in self._rude for one in Rudeness}

    def set_rude(self, name: str, *, is_on: bool) -> bytes:
        """See `be_rude`."""
        return self.be_rude(name, on=is_on)

    def trials(self) -> Sequence[Trial]:
        """Paper or cover in the middle of a receipt: the rest waits in the buffer and is printed then."""
        receipt = compose_receipt(sample_receipt(), "ru-two-lines")
        half = len(receipt) // 2
        polls = b"\x10\x04\x01\x10\x04\x04"
        return [
            Trial(
                name=name,
                acts=(
                    Act(from_host=receipt[:half]),
                    Act(rude=rude, from_host=polls + receipt[half:]),
                    Act(rude=rude, is_on=False, from_host=polls),
                ),
                documents=1,
            )
            for name, rude in (("no paper in the middle, continued", "paper_out"), ("the cover opened", "cover_open"))
        ]

    # ── Paper ───────────────────────────────────────────────────────────────────────────────────

    def _print(self, token: Token) -> None:
        self._builder.take(token)
        if token.command.effect is Effect.DRAWER:
            self.drawer_pulses += 1
        elif token.command.effect is Effect.CUT and self._builder.has_content:
            self._cut.append(_paper(self._builder.finish(self._profile), is_cut=True))
            self.roll.put(*self._cut[-1].lines)
            self.roll.cut(_ROLL_COLUMNS)
            del self._cut[:-PAPER_DOCUMENTS_MAX]

    # ── Answers ─────────────────────────────────────────────────────────────────────────────────

    def _send(self, answer: bytes) -> bytes:
        if Rudeness.SILENCE in self._rude:
            return b""
        if Rudeness.HALF_ANSWER in self._rude:
            return answer[: len(answer) // 2]
        return answer * 2 if Rudeness.DUPLICATE_ANSWER in self._rude else answer

    def _answer(self, token: Token) -> bytes:
        name, parameter = token.command.name, token.data[0] if token.data else 0
        if name == "status_now":
            return self._real_time(parameter)
        if name == "status_back":
            return bytes([self._bits(PAPER_BITS)]) if parameter in (1, 49) else b"\x00"
        if name == "status_auto":
            self._automatic = parameter != 0
            return self._automatic_status() if self._automatic else b""
        if name == "identity":
            return self._identity(parameter)
        return bytes([self._bits(PAPER_BITS)]) if name == "paper_status" else b"\x00"

    def _troubles(self) -> frozenset[Trouble]:
        return frozenset(trouble for rude in self._rude for trouble in _TROUBLES.get(rude, ()))

    def _bits(self, table: Iterable[tuple[int, Trouble]]) -> int:
        found = self._troubles()
        return sum({bit for bit, trouble in table if trouble in found})

    def _real_time(self, parameter: int) -> bytes:
        if parameter not in REAL_TIME_BITS:
            return b""
        found = self._troubles()
        bits = REAL_TIME_BASE
        said: set[Trouble] = set()
        for bit, trouble in REAL_TIME_BITS[parameter]:
            if trouble in found and trouble not in said:
                bits |= bit
                said.add(trouble)
        return bytes([bits])

    def _automatic_status(self) -> bytes:
        found = self._troubles()
        status = bytearray(AUTOMATIC_SIZE)
        status[0] = AUTOMATIC_BASE
        for index, bit, trouble in AUTOMATIC_BITS:
            if trouble in found:
                status[index] |= bit
        return bytes(status)

    def _identity(self, parameter: int) -> bytes:
        if parameter in _IDENTITIES:
            return b"\x5f" + _IDENTITIES[parameter] + b"\x00"
        number = _NUMBERS.get(parameter if parameter < 0x30 else parameter - 0x30)
        return bytes([number]) if number is not None else b""


def _paper(printed: Printed, *, is_cut: bool) -> PaperDocument:
    return PaperDocument(lines=printed.lines, codes=printed.codes, images=printed.images, is_cut=is_cut)
