"""The tasks buffer of protocol 3: what the host asks of it and what it says of a task, as bytes; pure.

A task has a number of the host's own (tid). A number that is in the buffer is not taken a second time (B2), so adding
the same task again is harmless as long as the device keeps its buffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

TID_MAX: Final = 0xDF


class BufferCommand(IntEnum):
    """First byte of a frame of the host."""

    ADD = 0xC1
    ACK = 0xC2
    REQUEST = 0xC3
    ABORT = 0xC4
    ACK_ADD = 0xC5


class AddFlag(IntFlag):
    """How a task is added."""

    NEED_RESULT = 1
    IGNORE_ERROR = 2
    WAIT_ASYNC = 4


class TaskState(IntEnum):
    """First byte of a frame of the device."""

    DONE = 0x00
    PENDING = 0xA1
    IN_PROGRESS = 0xA2
    RESULT = 0xA3
    ERROR = 0xA4
    STOPPED = 0xA5
    ASYNC_RESULT = 0xA6
    ASYNC_ERROR = 0xA7
    WAITING = 0xA8
    OVERFLOW = 0xB1
    EXISTS = 0xB2
    NOT_FOUND = 0xB3
    ILLEGAL = 0xB4


@dataclass(frozen=True, slots=True)
class Said:
    """What the device says; `tid` is -1 in an answer, which is told by the frame's id."""

    state: int
    data: bytes
    tid: int = -1


def add(tid: int, payload: bytes, flags: int = AddFlag.NEED_RESULT) -> bytes:
    """Put a task into the buffer."""
    return bytes([BufferCommand.ADD, flags, tid]) + payload


def acknowledge(tid: int) -> bytes:
    """The result is taken: the buffer may forget the task."""
    return bytes([BufferCommand.ACK, tid])


def request(tid: int) -> bytes:
    """Ask how a task is."""
    return bytes([BufferCommand.REQUEST, tid])


def abort() -> bytes:
    """Empty the buffer."""
    return bytes([BufferCommand.ABORT])


def read_said(data: bytes, *, is_async: bool) -> Said | None:
    """What a frame of the device says, None for an empty one."""
    if not data:
        return None
    if is_async:
        return Said(data[0], data[2:], data[1]) if len(data) > 1 else None
    return Said(data[0], data[1:])
