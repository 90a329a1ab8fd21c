"""Bytes to ESC/POS tokens, in any slicing and without ever failing; knows lengths, not meaning.

A token is a run of text or one command. A block whose length the command states is counted and never looked into:
a DLE or a GS V inside an image is image. Memory stays bounded: of a block at most BLOCK_KEPT_MAX bytes are kept, and
none of an image.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .commands import (
    BY_CODE,
    COMMANDS,
    CONTROL,
    DLE,
    PAGE_CANCEL,
    PAGE_PRINT,
    PREFIXES,
    TEXT,
    TRUNCATED,
    UNKNOWN,
    Command,
    Measure,
)

# The largest payload a receipt carries in a block is a QR code's 7,089 digits; anything longer is an image.
BLOCK_KEPT_MAX: Final = 8_192
# An incomplete header: the longest is a barcode that has not met its NUL.
PENDING_SIZE_MAX: Final = 300

# How far ahead one search goes; bounds what is searched in vain when a block begins.
SLICE_SIZE: Final = 16_384


class Token(NamedTuple):
    """One run of text or one command.

    Attributes:
        command: its row.
        start: offset of its first byte in the stream.
        data: the text bytes, or the parameters with as much of the block as is kept.
        size: every byte of it on the wire, opcode and dropped block included.
    """

    command: Command
    start: int
    data: bytes
    size: int


def _token_pattern() -> re.Pattern[bytes]:
    """One expression for text runs and for commands of fixed length, made from the table.

    Group 1 is text, group 2 a command. Anything else swallows the rest of the slice in one match without a group:
    the search never looks into a block, and the caller goes the slow way from there.
    """
    by_shape: dict[tuple[int, int], bytes] = {}
    for row in COMMANDS:
        if row.fixed is not None and row.rule is None:
            key = (row.code[0], row.fixed)
            by_shape[key] = by_shape.get(key, b"") + re.escape(row.code[1:])
    shapes = [
        re.escape(bytes([prefix])) + b"[" + letters + b"].{%d}" % count for (prefix, count), letters in by_shape.items()
    ]
    return re.compile(rb"([\t\n\r\x20-\xff]+)|(" + b"|".join(shapes) + b")|.+", re.DOTALL)


_TOKEN: Final = _token_pattern()
_CONTROL_RUN: Final = re.compile(rb"[\x00-\x08\x0b\x0e\x0f\x11-\x17\x19\x1a\x1e\x1f]+")


class _Block:
    """The counted block being passed through."""

    __slots__ = ("command", "kept", "left", "parts", "size", "start", "unit")

    def __init__(self, command: Command, start: int, header: bytes, measure: Measure) -> None:
        self.command = command
        self.start = start
        self.kept = bytearray(header)
        self.left = measure.body
        self.parts = measure.parts
        self.unit = measure.unit
        self.size = 2 + len(header)


class Tokenizer:
    """Feed it bytes, get tokens; it holds only what a command still lacks."""

    def __init__(self) -> None:
        self._pending = b""
        self._offset = 0  # stream offset of the first pending byte, or of the next one
        self._block: _Block | None = None

    @property
    def pending(self) -> bytes:
        """The beginning of a command that is not complete; b"" between tokens and inside a counted block."""
        return b"" if self._block is not None else self._pending

    @property
    def is_between(self) -> bool:
        """True when the stream stands between two commands, so that other bytes may be put in."""
        return self._block is None and not self._pending

    @property
    def offset(self) -> int:
        """How many bytes of the stream were taken so far."""
        return self._offset + len(self._pending)

    def feed(self, data: bytes) -> list[Token]:
        """Take the next bytes; the tokens they complete, in order."""
        buffer = self._pending + data if self._pending else data
        tokens: list[Token] = []
        position, size = 0, len(buffer)
        while position < size:
            if self._block is not None:
                position, waits = self._pass_block(buffer, position, tokens)
            else:
                stop = self._fast(buffer, position, tokens)
                # The end of a slice may have split a command that the next slice holds whole.
                waits = stop == position and (taken := self._slow(buffer, position, tokens)) == 0
                position = stop if stop > position else position + taken
            if waits:
                break
        self._pending = buffer[position:]
        self._offset += position
        return tokens

    def finish(self) -> list[Token]:
        """The stream stops here or starts anew: what was incomplete comes out as truncated, and is forgotten."""
        block, pending = self._block, self._pending
        start = self._offset
        self._block, self._pending = None, b""
        self._offset += len(pending)
        if block is not None:
            return [Token(TRUNCATED, block.start, block.command.code + bytes(block.kept), block.size + len(pending))]
        return [Token(TRUNCATED, start, pending, len(pending))] if pending else []

    def _fast(self, buffer: bytes, position: int, tokens: list[Token]) -> int:
        """Text and commands of fixed length, up to the first byte that needs the slow way or to the end."""
        append = tokens.append
        by_code = BY_CODE
        make = tuple.__new__  # a third faster than calling the class, and this is the loop that counts
        start = self._offset + position
        for text, command in _TOKEN.findall(buffer, position, position + SLICE_SIZE):
            if text:
                size = len(text)
                append(make(Token, (TEXT, start, text, size)))
            elif command:
                size = len(command)
                append(make(Token, (by_code[command[:2]], start, command[2:], size)))
            else:
                break
            start += size
        return start - self._offset

    def _slow(self, buffer: bytes, position: int, tokens: list[Token]) -> int:
        """What the fast expression leaves: control bytes, unknown and counted commands; bytes taken, 0 = wait."""
        start = self._offset + position
        first = buffer[position]
        if first not in PREFIXES:
            run = _CONTROL_RUN.match(buffer, position)
            if run is not None:
                tokens.append(Token(CONTROL, start, run.group(), len(run.group())))
                return len(run.group())
            tokens.append(Token(PAGE_PRINT if first == PAGE_PRINT.code[0] else PAGE_CANCEL, start, b"", 1))
            return 1
        code = buffer[position : position + 2]
        if len(code) < 2:
            return 0
        row = BY_CODE.get(code)
        if row is None:
            # A prefix before another control byte is a stray: eating that byte too could swallow a cut.
            size = 1 if first == DLE or code[1] < 0x20 else 2
            tokens.append(Token(UNKNOWN, start, code[:size], size))
            return size
        measure = row.rule(buffer, position + 2) if row.rule is not None else None
        if measure is None or position + 2 + measure.header > len(buffer):
            return 0
        header = buffer[position + 2 : position + 2 + measure.header]
        taken = 2 + measure.header
        if measure.body or measure.parts:
            self._block = _Block(row, start, header, measure)
        elif measure.header == 0 and row.rule is not None:
            tokens.append(Token(UNKNOWN, start, code, 2))  # GS v and GS 8 with a letter we do not know
        else:
            tokens.append(Token(row, start, header, taken))
        return taken

    def _pass_block(self, buffer: bytes, position: int, tokens: list[Token]) -> tuple[int, bool]:
        """Count the block's bytes off; (new position, whether more bytes are needed)."""
        block = self._block
        assert block is not None
        while True:
            taken = min(block.left, len(buffer) - position)
            if block.command.keeps and len(block.kept) < BLOCK_KEPT_MAX:
                block.kept += buffer[position : position + min(taken, BLOCK_KEPT_MAX - len(block.kept))]
            block.left -= taken
            block.size += taken
            position += taken
            if block.left:
                return position, True
            if not block.parts:
                break
            assert block.command.part is not None
            measure = block.command.part(buffer, position, block.unit)
            if measure is None:
                return position, True
            block.parts -= 1
            block.size += measure.header
            block.left = measure.body
            position += measure.header
        tokens.append(Token(block.command, block.start, bytes(block.kept), block.size))
        self._block = None
        return position, False
