"""The conversation between a till and its ESC/POS printer: every byte passes at once, documents are read on the way.

Only one byte is ever held back: an ESC or a GS at the end of a read that may begin the cut of an open document, and
that for HOLD_S at the most, so that the loyalty lines can still be put before the cut.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from drivers.contract import DocumentEnds, Step, ToDevice, ToHost
from drivers.vocabulary.events import Document

from .commands import CUT_WITH_FEED, ESC, GS, Effect
from .document import DocumentBuilder, Printed
from .frames import Token, Tokenizer
from .models import Profile
from .slip import FEED_BEFORE_CUT_LINES, FEED_WITHOUT_CUT_LINES, Place, columns_of, compose_slip, paper_columns
from .status import Condition, StatusReader

# A command split over two reads is completed within a few milliseconds even at 9600 baud.
HOLD_S: Final = 0.05
# Kept of a document as evidence. In base64 it still fits one upload to the centre; a picture of a long receipt has
# 150 KB. What comes after is passed on, and not kept.
RAW_SIZE_MAX: Final = 524_288
# No till pauses so long inside an image; if it does, what follows is taken for a new beginning.
BLOCK_SILENCE_S: Final = 10.0

_CUT_PREFIX: Final = bytes([GS, 0x56])
_MAY_CUT: Final = frozenset({bytes([ESC]), bytes([GS])})

ReadDocument = Callable[[Printed, bytes], Document]
"""(what was printed, its bytes) → the document; must not raise."""


class EscposConversation:
    """One till, one printer; no I/O, no clock of its own.

    Args:
        read: makes the event of a finished document.
        profile: which code page numbers the printer has.
        columns: width of the paper, 0 to take it from the profile or the text.
        idle_end_s: a document without a cut ends after so much silence.
        reset_ends: ESC @ after text ends a document (for tills that never cut).
        loyalty_lines: False composes nothing, whatever it is given.
    """

    def __init__(
        self,
        *,
        read: ReadDocument,
        profile: Profile,
        columns: int,
        idle_end_s: float,
        reset_ends: bool,
        loyalty_lines: bool,
    ) -> None:
        self._read = read
        self._profile = profile
        self._columns = columns
        self._idle_end_s = idle_end_s
        self._reset_ends = reset_ends
        self._loyalty_lines = loyalty_lines
        self._tokenizer = Tokenizer()
        self._builder = DocumentBuilder()
        self._status = StatusReader()
        self._raw = bytearray()
        self._held = b""
        self._held_since_s = 0.0
        self._heard_at_s = 0.0
        self._cut_begun = False  # the document ended at a GS V whose parameters have not come yet

    @property
    def condition(self) -> Condition:
        """How the printer is, from its own answers."""
        return self._status.condition

    # ── InlineConversation ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step]:
        """Bytes the till sent; the ToDevice steps together are exactly these bytes (and a byte held before)."""
        if not data:
            return ()
        self._heard_at_s = now_s
        tokens = self._tokenizer.feed(data)
        out = self._held + data
        self._held = b""
        out_end = self._tokenizer.offset
        out_start = out_end - len(out)
        steps: list[Step] = []
        sent = out_start  # everything before this offset is in the steps or went earlier
        for token in tokens:
            if self._ends_document(token):
                sent = self._end(steps, out, out_start, sent, token.start, feeds=_feeds_wanted(token))
            if token.command.effect is Effect.CUT:
                self._cut_begun = False
                sent = self._pass(steps, out, out_start, sent, token.start + token.size)
                self._raw.clear()  # the cut belongs to no document, nor does a drawer pulse before it
            elif token.command.effect is Effect.STATUS:
                self._status.asked(token.command.code, token.data[0] if token.data else 0)
            self._builder.take(token)
        pending = self._tokenizer.pending
        start_pending = out_end - len(pending)
        if pending.startswith(_CUT_PREFIX) and not self._cut_begun and self._builder.has_content:
            sent = self._end(steps, out, out_start, sent, start_pending, feeds=FEED_BEFORE_CUT_LINES)
            self._cut_begun = True
        elif pending in _MAY_CUT and self._builder.has_content:
            self._held, self._held_since_s = pending, now_s
        self._pass(steps, out, out_start, sent, out_end - len(self._held))
        return steps

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step]:  # noqa: ARG002 - the contract's signature
        """Bytes the printer answered; passed on as they are."""
        if not data:
            return ()
        self._status.answered(data)
        return (ToHost(data),)

    def tick(self, now_s: float) -> Sequence[Step]:
        """Let a held byte go, end a document by silence."""
        steps: list[Step] = []
        if self._held and now_s - self._held_since_s >= HOLD_S:
            self._release(steps)
        silence_s = now_s - self._heard_at_s
        if not self._tokenizer.is_between and not self._tokenizer.pending and silence_s >= BLOCK_SILENCE_S:
            self._tokenizer.finish()
            self._builder_end(steps, is_open=False, feeds=0)
        elif silence_s >= self._idle_end_s and (self._tokenizer.is_between or self._tokenizer.pending):
            self._builder_end(steps, is_open=self._tokenizer.is_between, feeds=FEED_WITHOUT_CUT_LINES)
        return steps

    def host_gone(self, now_s: float) -> Sequence[Step]:  # noqa: ARG002
        """The till closed its connection: what it left is a document, and the next bytes begin anew."""
        steps: list[Step] = []
        self._release(steps)
        is_open = self._tokenizer.is_between
        self._tokenizer.finish()
        self._cut_begun = False
        self._builder_end(steps, is_open=is_open, feeds=FEED_WITHOUT_CUT_LINES)
        return steps

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def _ends_document(self, token: Token) -> bool:
        effect = token.command.effect
        if effect is Effect.CUT:
            return not self._cut_begun and self._builder.has_content
        return effect is Effect.RESET and self._reset_ends and self._builder.has_text

    def _pass(self, steps: list[Step], out: bytes, out_start: int, sent: int, until: int) -> int:
        """Put the bytes up to stream offset `until` into the steps; the new offset."""
        piece = out[max(0, sent - out_start) : max(0, until - out_start)]
        if piece:
            steps.append(ToDevice(piece))
            self._keep(piece)
        return max(sent, until)

    def _keep(self, piece: bytes) -> None:
        room = RAW_SIZE_MAX - len(self._raw)
        if room > 0:
            self._raw += piece[:room]

    def _end(self, steps: list[Step], out: bytes, out_start: int, sent: int, at: int, *, feeds: int) -> int:
        """End the document before stream offset `at`."""
        sent = self._pass(steps, out, out_start, sent, at)
        # A command whose first byte has left already cannot be kept from the printer: nothing may be put in.
        self._builder_end(steps, is_open=at >= out_start, feeds=feeds)
        return sent

    def _release(self, steps: list[Step]) -> None:
        if self._held:
            steps.append(ToDevice(self._held))
            self._keep(self._held)
            self._held = b""

    def _builder_end(self, steps: list[Step], *, is_open: bool, feeds: int) -> None:
        if not self._builder.has_content:
            return
        formatting = self._builder.formatting
        printed = self._builder.finish(self._profile)
        place = Place(
            is_open=is_open and self._loyalty_lines,
            formatting=formatting,
            codecs=printed.codecs,
            feeds=feeds,
            text_columns=columns_of(printed.lines),
        )
        columns = paper_columns(self._columns, self._profile, place.text_columns)
        document = dataclasses.replace(self._read(printed, bytes(self._raw)), columns=columns)
        self._raw.clear()
        steps.append(
            DocumentEnds(
                document=document,
                render=partial(compose_slip, place=place, profile=self._profile, columns=columns),
            )
        )


def _feeds_wanted(token: Token) -> int:
    """Line feeds the slip must add so that the knife meets blank paper."""
    if token.command.effect is Effect.RESET:
        return FEED_WITHOUT_CUT_LINES
    feeds_itself = token.command.code == _CUT_PREFIX and token.data[:1] and token.data[0] in CUT_WITH_FEED
    return 0 if feeds_itself else FEED_BEFORE_CUT_LINES
