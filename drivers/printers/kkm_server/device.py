"""The register behind KKM-Server as a device that the agent asks: its state, and slips of our own.

Closed documents are not read: what ``GetDataCheck`` answers is not published. A slip is a receipt that is not fiscal.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Final

from drivers.http_wire import Message, Reader
from drivers.http_writing import encode_request
from drivers.json_amounts import write_json
from drivers.polled import Condition, Memory
from drivers.transport.contract import Transport
from drivers.vocabulary.errors import DeviceRefused, RemoteProtocolError, TransportError
from drivers.vocabulary.events import Document

from .commands import DONE, Command, Result, read_result
from .settings import KkmServerSettings
from .status import PASSWORD, condition_of, refusal

READ_SLICE_S: Final = 0.02  # how late a time-out may be noticed; bytes are noticed at once
WRITE_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 30.0  # the register prints meanwhile
QUIET_TIMEOUT_S: Final = 3.0  # inside an answer; its parts come together
SLIP_LINES_MAX: Final = 200  # more than a metre of paper
NO_PULL: Final = (
    "KKM-Server does not publish how closed documents are read; let the POS post to host, or read the register itself"
)


class _NothingCameError(TransportError):
    """Private to this file: the connection ended before any byte of the answer."""


class KkmDevice:
    """See `drivers.polled.PolledDevice`.

    Args:
        settings: of the device.
        connect: opens a pipe to the server; called again when a connection has ended.
        clock: seconds that only grow.
        new_id: names a command.
    """

    def __init__(
        self,
        settings: KkmServerSettings,
        connect: Callable[[], Transport],
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._clock = clock
        self._new_id = new_id
        self._pipe: Transport | None = None

    def condition(self) -> Condition:
        """How the register is."""
        result = self._run({"Command": "GetDataKKT"})
        if result.is_open:
            return Condition(is_busy=True)  # the queue has work: it has not come to the question
        return condition_of(result.error if result.status != DONE else "")

    def memory(self) -> Memory:
        """Not read; see the module."""
        raise DeviceRefused(NO_PULL, code="E306")

    def document(self, number: int) -> Document | None:
        """Not read; see the module."""
        raise DeviceRefused(f"document {number}: {NO_PULL}", code="E306")

    def print_slip(self, lines: Sequence[str]) -> None:
        """Print text as a receipt that is not fiscal; wider lines go on in the next one."""
        width = self._settings.columns
        rows = [line[at : at + width] for line in lines for at in range(0, max(1, len(line)), width)]
        strings = [{"PrintText": {"Text": row}} for row in rows[:SLIP_LINES_MAX]]
        result = self._run(
            {"Command": "RegisterCheck", "IsFiscalCheck": False, "NotPrint": False, "CheckStrings": strings}
        )
        if result.status != DONE and not result.is_open:
            raise refusal("a slip", result.error)

    # ── One command ─────────────────────────────────────────────────────────────────────────────

    def _run(self, command: Command) -> Result:
        """Have it carried out, once."""
        chosen = self._settings
        body = write_json(
            {
                **command,
                "NumDevice": chosen.num_device,
                "InnKkm": chosen.inn,
                "Timeout": 20,
                "IdCommand": self._new_id(),
            }
        )
        headers = [("Host", "127.0.0.1:5893"), ("Content-Type", "application/json; charset=UTF-8")]
        if chosen.user:
            token = base64.b64encode(f"{chosen.user}:{chosen.password}".encode()).decode("ascii")
            headers.append(("Authorization", f"Basic {token}"))
        name = str(command["Command"])
        answer = self._exchange(encode_request("POST", "/Execute", headers, body))
        if answer.status in (401, 403):
            raise DeviceRefused(f"{name}: {PASSWORD[1]}", code=PASSWORD[0], maker_code=f"HTTP {answer.status}")
        result = read_result(answer.content, is_question=False) if answer.status == 200 else None
        if result is None:
            raise RemoteProtocolError(f"{name}: HTTP {answer.status} and no result of KKM-Server in it")
        return result

    def _exchange(self, request: bytes) -> Message:
        """One request and its answer, over a new connection when the server has closed the one before.

        Every command may be sent again: it has its ``IdCommand``.
        """
        was_kept = self._pipe is not None
        try:
            return self._once(request)
        except _NothingCameError:
            self._leave()
            if not was_kept:
                raise
        except TransportError:
            self._leave()
            raise
        try:
            return self._once(request)
        except TransportError:
            self._leave()
            raise

    def _once(self, request: bytes) -> Message:
        if self._pipe is None:
            self._pipe = self._connect()
        reader = Reader(reads_answers=True)
        reader.expect("POST")
        try:
            self._pipe.write(request, WRITE_TIMEOUT_S)
        except TransportError as error:
            raise _NothingCameError(str(error)) from error
        answer = self._hear(self._pipe, reader)
        if answer.header("connection").lower() == "close":
            self._leave()
        return answer

    def _hear(self, pipe: Transport, reader: Reader) -> Message:
        began_s = heard_at_s = self._clock()
        while True:
            try:
                data = pipe.read(READ_SLICE_S)
            except TransportError as error:
                return self._ended(reader, error)
            answers = reader.feed(data)
            if answers:
                return answers[0]
            if reader.is_lost:
                self._leave()
                raise RemoteProtocolError("what answers is no KKM-Server: check address and port, 5893 as installed")
            now_s = self._clock()
            heard_at_s = now_s if data else heard_at_s
            if reader.is_between and now_s - began_s >= ANSWER_TIMEOUT_S:
                raise TransportError(f"no answer within {ANSWER_TIMEOUT_S:g} s")
            if not reader.is_between and now_s - heard_at_s >= QUIET_TIMEOUT_S:
                raise TransportError(f"an answer stopped in the middle for {QUIET_TIMEOUT_S:g} s")

    def _ended(self, reader: Reader, error: TransportError) -> Message:
        """The connection ended: nothing had come, or an answer without a length is whole, or half of one came."""
        if reader.is_between:
            raise _NothingCameError(str(error)) from error
        open_ended = reader.so_far()
        if open_ended is None:
            raise error
        self._leave()
        return open_ended

    def _leave(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
