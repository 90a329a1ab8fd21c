"""The twin's side of a low-level wire: protocols 2 and 3, byte for byte and without I/O; what is rude is asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from .buffer import BufferCommand, TaskState
from .frames import (
    ACK,
    ASYNC_ID,
    ENQ,
    EOT,
    NAK,
    Block,
    Control,
    Decoder2,
    Decoder3,
    Frame3,
    Item2,
    encode2,
    encode3,
)
from .low_register import LowRegister

BUFFER_MAX: Final = 8  # tasks that are not acknowledged

#: What leaves of an answer, and whether the register was restarted and has forgotten it.
Spoil = Callable[[bytes], tuple[bytes, bool]]


class TaskBuffer:
    """Tasks by number with their answers; it is the register's, not a connection's."""

    def __init__(self) -> None:
        self.tasks: OrderedDict[int, bytes] = OrderedDict()
        self.is_stopped = False

    def forget(self) -> None:
        """Empty it."""
        self.tasks.clear()
        self.is_stopped = False


class KeptAnswer:
    """Protocol 2: the answer that no host has acknowledged; it is the register's, not a connection's."""

    def __init__(self) -> None:
        self.block = b""
        self.is_offered = False  # it is out, its ACK is waited for

    def forget(self) -> None:
        """Nothing is kept."""
        self.block, self.is_offered = b"", False


class Line2:
    """One connection by protocol 2."""

    is_closed = False

    def __init__(self, register: LowRegister, kept: KeptAnswer, spoil: Spoil) -> None:
        self._register = register
        self._kept = kept
        self._spoil = spoil
        self._decoder = Decoder2()
        self._request = b""  # taken, and carried out at EOT

    def feed(self, data: bytes) -> bytes:
        """Bytes of the host; what the register says."""
        return b"".join(self._take(item) for item in self._decoder.feed(data))

    def silence(self) -> bytes:
        """The host stopped inside a block."""
        return b"".join(self._take(item) for item in self._decoder.silence())

    def _take(self, item: Item2) -> bytes:
        if isinstance(item, Block):
            self._request = item.data
            return bytes([ACK])
        if isinstance(item, Control):
            return self._take_control(item.code)
        return bytes([NAK]) if item.is_frame else b""

    def _take_control(self, code: int) -> bytes:
        kept = self._kept
        if code == ENQ:
            self._request = b""
            kept.is_offered = False
            return bytes([ENQ]) if kept.block else bytes([ACK])
        if code == EOT and self._request:
            payload, self._request = self._request, b""
            kept.block, kept.is_offered = encode2(self._register.execute(payload)), False
            return bytes([ENQ])
        if not kept.block:
            return b""
        if code == NAK:
            return kept.block
        return self._offer() if code == ACK else b""

    def _offer(self) -> bytes:
        """The host's ACK: to our ENQ it asks for the block, to our block it says that it has it."""
        kept = self._kept
        if kept.is_offered:
            kept.forget()
            return bytes([EOT])
        sent, is_forgotten = self._spoil(kept.block)
        kept.is_offered = True
        if is_forgotten:
            kept.forget()
        return sent


class Line3:
    """One connection by protocol 3."""

    is_closed = False

    def __init__(self, register: LowRegister, buffer: TaskBuffer, spoil: Spoil, *, is_async: bool = True) -> None:
        self._register = register
        self._buffer = buffer
        self._spoil = spoil
        self._is_async = is_async
        self._decoder = Decoder3()

    def feed(self, data: bytes) -> bytes:
        """Bytes of the host; what the register says."""
        return b"".join(self._take(item) for item in self._decoder.feed(data) if isinstance(item, Frame3))

    def silence(self) -> bytes:
        """The host stopped inside a frame."""
        self._decoder.silence()
        return b""

    def _take(self, frame: Frame3) -> bytes:
        if not frame.data:
            return b""
        command, rest = frame.data[0], frame.data[1:]
        if command == BufferCommand.ABORT:
            self._buffer.forget()
            return encode3(frame.id, bytes([TaskState.DONE]))
        if command == BufferCommand.ADD and len(rest) > 2:
            return self._add(frame.id, rest[1], rest[2:])
        if command == BufferCommand.REQUEST and rest:
            return self._state(frame.id, rest[0])
        if command == BufferCommand.ACK and rest:
            known = self._buffer.tasks.pop(rest[0], None)
            return encode3(frame.id, bytes([TaskState.DONE if known is not None else TaskState.NOT_FOUND]))
        return encode3(frame.id, bytes([TaskState.ILLEGAL]))

    def _add(self, number: int, tid: int, payload: bytes) -> bytes:
        buffer = self._buffer
        if tid in buffer.tasks:
            return encode3(number, bytes([TaskState.EXISTS]))
        if buffer.is_stopped:
            return encode3(number, bytes([TaskState.STOPPED]))
        if len(buffer.tasks) >= BUFFER_MAX:
            return encode3(number, bytes([TaskState.OVERFLOW]))
        answer = self._register.execute(payload)
        buffer.tasks[tid] = answer
        buffer.is_stopped = _is_error(answer)
        if not self._is_async:
            said = encode3(number, bytes([TaskState.IN_PROGRESS]))
        else:
            state = TaskState.ASYNC_ERROR if buffer.is_stopped else TaskState.ASYNC_RESULT
            said = encode3(number, bytes([TaskState.PENDING])) + encode3(ASYNC_ID, bytes([state, tid]) + answer)
        sent, is_forgotten = self._spoil(said)
        if is_forgotten:
            buffer.forget()
        return sent

    def _state(self, number: int, tid: int) -> bytes:
        answer = self._buffer.tasks.get(tid)
        if answer is None:
            return encode3(number, bytes([TaskState.NOT_FOUND]))
        state = TaskState.ERROR if _is_error(answer) else TaskState.RESULT
        sent, is_forgotten = self._spoil(encode3(number, bytes([state]) + answer))
        if is_forgotten:
            self._buffer.forget()
        return sent


def _is_error(answer: bytes) -> bool:
    """``55 error 00``: three bytes, as the register refuses."""
    return len(answer) == 3 and answer[0] == 0x55 and answer[1] != 0
