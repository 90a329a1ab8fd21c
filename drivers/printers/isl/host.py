"""The device with us as its host: one command after another over an open pipe; slips, status, closed receipts.

For a printer that no till shares: one port has one master. It waits, so it belongs to a thread of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from drivers.transport.contract import Transport
from drivers.vocabulary.errors import DeviceRefused, TransportClosed, TransportError

from .commands import command_of
from .fields import fields_of
from .frames import SEQUENCE_MIN, Frame
from .link import ANSWER_S, Answered, HostLink, Outcome
from .models import Dialect, Model
from .pos_script import slip_line
from .pull import Pulled, pull
from .rows import RowReader
from .status import SENTENCES, Condition, Trouble, condition_of

READ_SLICE_S: Final = 0.02
WRITE_TIMEOUT_S: Final = 2.0
SLIP_LINES_MAX: Final = 200  # more is not a slip; paper costs money
_STATUS: Final = 0x4A
_SLIP_OPEN: Final = 0x26
_SLIP_TEXT: Final = 0x2A
_SLIP_CLOSE: Final = 0x27


class Host:
    """One open pipe to one device.

    Args:
        transport: open; who opened it closes it.
        sequence: the number of the first command, see `HostLink`.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        transport: Transport,
        model: Model,
        *,
        sequence: int = SEQUENCE_MIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._model = model
        self._clock = clock
        self.link = HostLink(model, sequence=sequence)
        self.condition = Condition()

    def ask(self, code: int, data: bytes = b"") -> bytes:
        """One command; the data of its answer.

        Raises:
            DeviceRefused: the device said no; our code, the sentence for the cashier and the maker's bytes.
            TransportError: no answer; `link.is_unknown` says whether the command may have been executed.
            LocalProtocolError: it does not fit, or would repeat something blindly.
        """
        frame = self.exchange(code, data)
        self.condition = condition_of(frame.status or b"", self._model.status)
        is_question = command_of(self._model, code).may_be_repeated
        if self.condition.question_refused if is_question else self.condition.refused:
            raise DeviceRefused(self.condition.sentence, code=self.condition.code, maker_code=self.condition.maker_code)
        error = fields_of(self._model, frame.data)[0] if self._model.dialect is Dialect.TAB else "0"
        if error not in ("", "0"):
            raise DeviceRefused(SENTENCES[Trouble.ERROR], code=Trouble.ERROR.value, maker_code=error)
        return frame.data

    def exchange(self, code: int, data: bytes = b"") -> Frame:
        """One command and its answer, whatever the status says; raises TransportError when there is none."""
        self.link.ask(code, data, self._clock())
        while True:
            outcome = self._turn()
            if isinstance(outcome, Answered):
                return outcome.frame
            if outcome is not None:
                raise TransportError(outcome.reason)

    def _turn(self) -> Outcome | None:
        try:
            outgoing = self.link.outgoing()
            if outgoing:
                self._transport.write(outgoing, WRITE_TIMEOUT_S)
            data = self._transport.read(min(READ_SLICE_S, ANSWER_S))
        except TransportClosed:
            self.link.line_lost()
            raise
        now_s = self._clock()
        return self.link.feed(data, now_s) if data else self.link.tick(now_s)

    def status(self) -> Condition:
        """How the device is; harmless at any time."""
        self.condition = condition_of(self.exchange(_STATUS).status or b"", self._model.status)
        return self.condition

    def print_slip(self, lines: Sequence[str]) -> None:
        """Print text as a service receipt and cut it; raises as `ask`.

        A service receipt that an earlier attempt left open is closed first. An open sale is never touched: the device
        refuses, and so do we.
        """
        condition = self.status()
        if condition.is_receipt_open:
            raise DeviceRefused(
                "a sale is open on the printer: finish it, then print the slip",
                code=Trouble.NOT_NOW.value,
                maker_code=condition.maker_code,
            )
        if condition.is_slip_open:
            self.ask(_SLIP_CLOSE)
        self.ask(_SLIP_OPEN)
        for line in lines[:SLIP_LINES_MAX]:
            self.ask(_SLIP_TEXT, slip_line(self._model, line))
        self.ask(_SLIP_CLOSE)
        if self._model.cut_command:
            self.ask(self._model.cut_command)

    def pull(self, reader: RowReader, *, after: int = 0) -> Iterator[Pulled]:
        """Closed receipts above the number `after`, oldest first; see `drivers.printers.isl.pull.pull`."""
        return pull(self.ask, self._model, reader, after=after)
