"""One question over protocol 3: a task is added to the register's buffer, waited for, taken and acknowledged; no I/O.

A task number (tid) that the buffer has already is not taken again (B2), but a register that was restarted has an empty
buffer and would take it. So when the answer to adding stays away, a task that does no harm is added again, and any
other is asked for by its number: when the register does not know it (B3), nobody can tell whether it was carried out,
and whoever asked finds out. The buffer is emptied before the first task, so that a number in it can only be ours; it
is kept (`go_on_after`) when a task of an earlier connection may still be at work.
"""

from __future__ import annotations

from typing import Final

from . import buffer
from .buffer import TID_MAX, Said, TaskState
from .commands import Command
from .frames import ASYNC_ID, ID_MAX, Decoder3, Frame3, encode3
from .link import Answered, Failed, Lost, Outcome

FRAME_TIMEOUT_S: Final = 0.5  # for the answer to a frame
POLL_S: Final = 0.5  # between two questions about a task that is not done
BYTE_TIMEOUT_S: Final = 0.5
TRIES_MAX: Final = 5
STALE_MAX: Final = 32  # numbers left in the buffer by somebody before us
_DONE: Final = frozenset({TaskState.RESULT, TaskState.ASYNC_RESULT})
_FAILED: Final = frozenset({TaskState.ERROR, TaskState.ASYNC_ERROR})
_GOING_ON: Final = frozenset({TaskState.PENDING, TaskState.IN_PROGRESS, TaskState.WAITING})


class Link3:
    """The host's side of protocol 3.

    Args:
        tid: number of the first task; after a restart of ours another one is better than the same.
    """

    def __init__(self, *, tid: int = 0) -> None:
        self._decoder = Decoder3()
        self._out = bytearray()
        self._id = 0
        self._tid = tid % (TID_MAX + 1)
        self._is_resumed = self._is_clean = self._is_aborting = False
        self._command: Command | None = None
        self._payload = b""
        self._sent_frame = b""
        self._is_asking = False  # a frame of ours has no answer yet
        self._is_added = False
        self._was_sent = False
        self._tries = self._stale = self._resets = self._copies = 0
        self._deadline_s = self._due_s = self._heard_at_s = 0.0
        self.outcome: Outcome | None = None

    @property
    def tid(self) -> int:
        """Number of the task asked last: a new connection asks for the same task by it."""
        return self._tid

    def ask(self, command: Command, payload: bytes, now_s: float, *, resume_tid: int | None = None) -> None:
        """Begin; the outcome of the question before is forgotten.

        Args:
            command: its time-out counts.
            payload: password, code and parameters.
            now_s: the time.
            resume_tid: the task was added under this number before, perhaps: it is not added as another one.
        """
        self._command, self._payload = command, payload
        self._is_resumed = resume_tid is not None
        self._tid = resume_tid if resume_tid is not None else (self._tid + 1) % (TID_MAX + 1)
        self._tries = self._stale = self._resets = 0
        self._is_added = self._was_sent = self._is_aborting = False
        self.outcome = None
        self._deadline_s = now_s + command.timeout_s + TRIES_MAX * FRAME_TIMEOUT_S
        self._decoder = Decoder3()
        if self._is_clean:
            self._add(now_s)
        else:
            self._abort(now_s)

    def go_on_after(self, tid: int) -> None:
        """A task of that number may still be at work: keep the buffer, and use the numbers after it."""
        self._tid = tid
        self._is_clean = True

    @property
    def was_sent(self) -> bool:
        """Whether any of the command left us."""
        return self._was_sent

    def outgoing(self) -> bytes:
        """Bytes to send, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def feed(self, data: bytes, now_s: float) -> None:
        """Bytes of the register, in any slicing."""
        if data:
            self._heard_at_s = now_s
        for item in self._decoder.feed(data):
            if isinstance(item, Frame3) and self.outcome is None:
                self._take(item, now_s)

    def tick(self, now_s: float) -> None:
        """Time passed."""
        if self.outcome is not None or self._command is None:
            return
        if not self._decoder.is_between and now_s - self._heard_at_s > BYTE_TIMEOUT_S:
            self._decoder.silence()
        if now_s >= self._deadline_s:
            self._lose("no answer came in time")
        elif now_s >= self._due_s:
            if not self._is_asking:
                self._request(now_s)
            else:
                self._again(now_s)

    # ── what came ───────────────────────────────────────────────────────────────────────────────

    def _take(self, frame: Frame3, now_s: float) -> None:
        is_async = frame.id == ASYNC_ID
        said = buffer.read_said(frame.data, is_async=is_async)
        if said is None:
            return
        if is_async:
            if said.tid == self._tid and self._was_sent:
                self._take_state(said, now_s)
        elif self._is_asking and frame.id == self._id:
            self._is_asking, self._tries = False, 0
            if self._is_aborting:
                self._is_aborting, self._is_clean = False, True
                self._add(now_s)
            else:
                self._take_state(said, now_s)

    def _take_state(self, said: Said, now_s: float) -> None:
        if said.state in _DONE:
            self._finish(Answered(said.data))
        elif said.state in _FAILED:
            self._finish(Failed(said.data))
        elif said.state in _GOING_ON:
            self._is_added = True
            self._due_s = now_s + POLL_S
        elif said.state == TaskState.EXISTS:
            self._exists(now_s)
        elif said.state in (TaskState.STOPPED, TaskState.OVERFLOW) and not self._is_added:
            self._reset(now_s)
        elif said.state == TaskState.NOT_FOUND:
            self._lose("the register does not know the task: it never came, or the register was restarted")
        elif said.state == TaskState.ILLEGAL:
            self._finish(Lost(may_have_happened=False, reason="it does not take such a task"))
        else:
            self._lose(f"it says {said.state:02X}h")

    def _exists(self, now_s: float) -> None:
        """The number is in the buffer: our own task, or one of somebody before us."""
        if self._is_added or self._is_resumed or self._copies > 1:  # the first copy may have been the one
            self._is_added = True
            self._request(now_s)
            return
        self._stale += 1
        if self._stale >= STALE_MAX:
            self._finish(Lost(may_have_happened=False, reason="its buffer is full of tasks of somebody else"))
            return
        self._tid = (self._tid + 1) % (TID_MAX + 1)
        self._add(now_s)

    def _reset(self, now_s: float) -> None:
        """Full, or stopped by an error before us: ours was not taken. The buffer is emptied and it is added again."""
        self._resets += 1
        if self._resets >= TRIES_MAX or self._is_resumed:
            self._lose("its buffer takes no task")
        else:
            self._abort(now_s)

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _abort(self, now_s: float) -> None:
        self._is_aborting = True
        self._frame(buffer.abort(), now_s)

    def _add(self, now_s: float) -> None:
        self._copies = 1
        self._was_sent = True
        self._frame(buffer.add(self._tid, self._payload), now_s)

    def _request(self, now_s: float) -> None:
        self._frame(buffer.request(self._tid), now_s)

    def _frame(self, data: bytes, now_s: float) -> None:
        self._id = (self._id + 1) % (ID_MAX + 1)
        self._sent_frame = encode3(self._id, data)
        self._is_asking = True
        self._out += self._sent_frame
        self._due_s = now_s + FRAME_TIMEOUT_S

    def _again(self, now_s: float) -> None:
        self._tries += 1
        if self._tries >= TRIES_MAX:
            self._lose("it does not answer")
            return
        if self._was_sent and not self._is_added and not self._is_repeatable:
            self._request(now_s)
            return
        self._copies += 1
        self._out += self._sent_frame
        self._due_s = now_s + FRAME_TIMEOUT_S

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._is_asking = False
        self._id = (self._id + 1) % (ID_MAX + 1)
        # The result is ours: the buffer may forget the task. After an error it stands still until it is emptied.
        done = buffer.acknowledge(self._tid) if isinstance(outcome, Answered) else buffer.abort()
        self._out += encode3(self._id, done)

    @property
    def _is_repeatable(self) -> bool:
        return self._command is not None and self._command.is_repeatable

    def _lose(self, reason: str) -> None:
        self.outcome = Lost(may_have_happened=self._was_sent and not self._is_repeatable, reason=reason)
        self._is_asking = False
