"""Tasks to the web server as its client, over pipes that are opened for us; knows no task by name.

A task is never sent twice blindly: it has a uuid, and the server takes a uuid once. Whoever lost an answer runs the
same tasks under the same uuid again; 409 says that the first request arrived, and then its results are asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from drivers.http_wire import Message, Reader
from drivers.http_writing import encode_request
from drivers.json_amounts import read_json, write_json
from drivers.transport.contract import Transport
from drivers.vocabulary.errors import DeviceRefused, RemoteProtocolError, TransportError

from .status import BLOCK_REASONS, SENTENCES, Trouble, condition_of, driver_refusal
from .tasks import Task, TaskResult, read_error, read_results

PREFIX: Final = "/api/v2"
READ_SLICE_S: Final = 0.02  # how late a time-out may be noticed; bytes are noticed at once
WRITE_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 15.0  # for an answer to begin; the server has its own store, operations ask the register
QUIET_TIMEOUT_S: Final = 3.0  # inside an answer; its parts come together
TASK_TIMEOUT_S: Final = 90.0  # closing a shift prints for a minute
POLL_S: Final = 0.02  # the first question about a task; each one after it waits twice as long
POLL_S_MAX: Final = 0.5


class AnswerLost(TransportError):  # noqa: N818 - a state of the world, named as the field names it
    """A question stayed without an answer.

    Attributes:
        may_have_happened: the register may have carried it out: find out before asking again.
    """

    def __init__(self, message: str, *, may_have_happened: bool) -> None:
        super().__init__(message)
        self.may_have_happened = may_have_happened


class _NothingCameError(TransportError):
    """Private to this file: the connection ended before any byte of the answer."""


class WebSession:
    """One client; one thread at a time.

    Args:
        connect: opens a pipe to the server; called again when a connection has ended.
        clock: seconds that only grow.
        wait: waits so many seconds.
        new_uuid: names a request that has no name of its own.
        device_id: which register, "" for the server's default one.
        user: and `password`: HTTP Basic, where the server has users; "" sends none.
        host: what the header Host says.
    """

    def __init__(
        self,
        connect: Callable[[], Transport],
        *,
        clock: Callable[[], float],
        wait: Callable[[float], object],
        new_uuid: Callable[[], str],
        device_id: str = "",
        user: str = "",
        password: str = "",
        host: str = "127.0.0.1:16732",
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._wait = wait
        self._new_uuid = new_uuid
        self._query = f"?deviceID={quote(device_id)}" if device_id else ""
        self._headers = [("Host", host), ("Accept", "application/json")]
        if user:
            token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
            self._headers.append(("Authorization", f"Basic {token}"))
        self._pipe: Transport | None = None

    def close(self) -> None:
        """Give the connection back."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    # ── Tasks ───────────────────────────────────────────────────────────────────────────────────

    def run(self, *tasks: Task, uuid: str = "", timeout_s: float = TASK_TIMEOUT_S) -> tuple[TaskResult, ...]:
        """Have tasks carried out, once; call it again with the same `uuid` and tasks after AnswerLost.

        Raises:
            DeviceRefused: the server did not take them, or its queue is blocked.
            AnswerLost: the line broke, or the tasks did not end in time.
            RemoteProtocolError: an answer makes no sense.
        """
        name = uuid or self._new_uuid()
        body = write_json({"uuid": name, "request": list(tasks)})
        posted = self.exchange("POST", "/requests", body)
        if posted.status not in (200, 201, 202, 409):
            raise _refusal("the web server did not take the task", posted)
        return self._results(name, posted, self._clock() + timeout_s)

    def ask(self, task: Task) -> Task:
        """One task's result; raises as `run`, and DeviceRefused when the task ended with an error."""
        (result,) = self.run(task)[:1] or (None,)
        if result is None:
            raise RemoteProtocolError("the web server gives no result for a task")
        if result.status in ("canceled", "interrupted") and not result.error:
            raise DeviceRefused(
                f"{task.get('type')}: taken back before it was begun; it is tried again",
                code=Trouble.BLOCKED.value,
                maker_code=result.status,
            )
        if result.status != "ready" or result.error:
            raise driver_refusal(str(task.get("type")), result.error, result.description)
        return result.result

    def operation(self, name: str, task: Task) -> Task:
        """An operation that the server carries out at once; as the task where it has no such operation."""
        answer = self.exchange("POST", f"/operations/{name}", b"{}")
        if answer.status in (404, 405, 501):
            return self.ask(task)
        if answer.status != 200:
            raise _refusal(name, answer)
        return _object(answer)

    def queue(self) -> Task:
        """The state of the server's queue: ``number``, ``isBlocked``, ``blockReason`` …; {} when it says none."""
        answer = self.exchange("GET", "/getRequestsQueueStatus")
        if answer.status == 401:
            raise _refusal("the queue", answer)
        return _object(answer) if answer.status == 200 else {}

    # ── One exchange ────────────────────────────────────────────────────────────────────────────

    def exchange(self, method: str, path: str, body: bytes = b"") -> Message:
        """One request and its answer, over a new connection when the one before has ended.

        Every request we send may be repeated: a question changes nothing, and a task has its uuid. Raises AnswerLost.
        """
        headers = [*self._headers, ("Content-Type", "application/json")] if body else self._headers
        request = encode_request(method, f"{PREFIX}{path}{self._query}", headers, body)
        was_kept = self._pipe is not None
        try:
            return self._once(method, request)
        except _NothingCameError as error:
            self.close()
            if not was_kept:
                raise AnswerLost(f"{method} {path}: {error}", may_have_happened=method == "POST") from error
        except TransportError as error:
            self.close()
            raise AnswerLost(f"{method} {path}: {error}", may_have_happened=method == "POST") from error
        # The server had closed a connection that was kept: the usual end of one, and no failure.
        try:
            return self._once(method, request)
        except TransportError as error:
            self.close()
            raise AnswerLost(f"{method} {path}: {error}", may_have_happened=method == "POST") from error

    def _once(self, method: str, request: bytes) -> Message:
        if self._pipe is None:
            self._pipe = self._connect()
        pipe, reader = self._pipe, Reader(reads_answers=True)
        reader.expect(method)
        try:
            pipe.write(request, WRITE_TIMEOUT_S)
        except TransportError as error:
            raise _NothingCameError(str(error)) from error
        answer = self._hear(pipe, reader)
        if answer.header("connection").lower() == "close":
            self.close()
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
                self.close()
                raise RemoteProtocolError("what answers is no web server: check address and port, 16732 as installed")
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
        self.close()
        return open_ended

    # ── Results ─────────────────────────────────────────────────────────────────────────────────

    def _results(self, uuid: str, posted: Message, ends_s: float) -> tuple[TaskResult, ...]:
        pause_s = POLL_S
        while True:
            answer = self.exchange("GET", f"/requests/{quote(uuid, safe='')}")
            if answer.status == 404 and posted.status == 409:
                raise _refusal("the web server did not take the task", posted)  # 409 for another reason than the uuid
            if answer.status == 404:
                raise AnswerLost("the web server has forgotten a task it had taken", may_have_happened=True)
            if answer.status != 200:
                raise _refusal("the results of a task", answer)
            results = read_results(answer.content)
            if results is None:
                raise RemoteProtocolError("the results of a task cannot be read")
            if results and all(result.is_final for result in results):
                return results
            if self._clock() >= ends_s:
                self._withdraw(uuid)
            self._wait(pause_s)
            pause_s = min(2 * pause_s, POLL_S_MAX)

    def _withdraw(self, uuid: str) -> None:
        """Too late: take the task back, so that nothing of ours happens when nobody waits for it any more."""
        state = self.queue()
        answer = self.exchange("DELETE", f"/requests/{quote(uuid, safe='')}")
        if answer.status != 200:
            raise AnswerLost("a task did not end in time and goes on", may_have_happened=True)
        if state.get("isBlocked") is True:
            reason = str(state.get("blockReason", ""))
            trouble = BLOCK_REASONS.get(reason, Trouble.BLOCKED)
            raise DeviceRefused(
                f"the web server's queue is blocked: {condition_of(trouble, reason).sentence}",
                code=trouble.value,
                maker_code=reason,
            )
        raise AnswerLost("a task was not begun in time and was taken back", may_have_happened=False)


def _refusal(what: str, answer: Message) -> DeviceRefused:
    code, description = read_error(answer.content)
    if answer.status in (401, 403):
        return DeviceRefused(
            f"{what}: {SENTENCES[Trouble.PASSWORD]}", code=Trouble.PASSWORD.value, maker_code=f"HTTP {answer.status}"
        )
    words = f": {description[:200]}" if description else ""
    return DeviceRefused(
        f"{what}, HTTP {answer.status}{words}; look at the register on the web server's own page",
        code=Trouble.REQUEST.value,
        maker_code=str(code or f"HTTP {answer.status}"),
    )


def _object(answer: Message) -> Task:
    try:
        value = read_json(answer.content)
    except ValueError as error:
        raise RemoteProtocolError(f"the web server's answer cannot be read: {error}") from None
    return value if isinstance(value, dict) else {}
