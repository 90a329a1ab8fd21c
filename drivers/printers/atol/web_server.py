"""The twin's web interface: the server's answers to requests, byte for byte and without I/O; see README.md, sources.

The queue goes on with each question about it or about a task, not with time: a task is ``wait``, then ``inProgress``,
then final, so that the same bytes always get the same answers.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from drivers.http_wire import Message, Reader
from drivers.http_writing import encode_response
from drivers.json_amounts import read_json, write_json

from .register import Refused, Register
from .status import driver_trouble
from .tasks import FINAL_STATUSES, Task

REQUESTS_MAX: Final = 2_000
_PREFIX: Final = "/api/v2"
_OPERATIONS: Final = {
    "queryDeviceStatus": "getDeviceStatus",
    "queryShiftStatus": "getShiftStatus",
    "queryFnInfo": "getFnInfo",
    "queryFnStatus": "getFnStatus",
}

Answer = tuple[int, Any]


@dataclass(slots=True)
class _Request:
    """One posted request; `looks` are the questions about it that were answered."""

    uuid: str
    tasks: list[Task]
    results: list[dict[str, Any]]
    looks: int = 0

    @property
    def is_final(self) -> bool:
        return all(result["status"] in FINAL_STATUSES for result in self.results)


@dataclass(slots=True)
class Manners:
    """How the server behaves; what is not said is good.

    Attributes:
        looks_max: questions about a task before it is ready.
        block_reason: the queue stands still for this reason, "" for not.
        has_operations: False answers 404 to operations, as the server before driver 10.7.
        user: and `password`: HTTP Basic is asked for; "" is none.
        is_failing: every answer is an error of the server itself.
    """

    looks_max: int = 1
    block_reason: str = ""
    has_operations: bool = True
    user: str = ""
    password: str = ""
    is_failing: bool = False


class WebServer:
    """The server behind any number of connections.

    Attributes:
        posted: how often a request was taken (201), for tests.
    """

    def __init__(self, register: Register, manners: Manners | None = None) -> None:
        self.register = register
        self.manners = manners or Manners()
        self._requests: OrderedDict[str, _Request] = OrderedDict()
        self.posted = 0

    def connection(self, spoil: Callable[[bytes], bytes] | None = None) -> WebConnection:
        """A new connection of a client; `spoil` may change an answer before it leaves."""
        return WebConnection(self, spoil)

    def answer(self, message: Message) -> bytes:
        """The bytes of the answer to one request."""
        status, value = self._guarded(message)
        headers = [("Content-Type", "application/json; charset=utf-8"), ("Server", "twin")]
        if status == 401:
            headers.append(("WWW-Authenticate", 'Basic realm="twin"'))
        return encode_response(status, headers, b"" if value is None else write_json(value))

    # ── Routes ──────────────────────────────────────────────────────────────────────────────────

    def _guarded(self, message: Message) -> Answer:
        path = urlsplit(message.target)
        route = path.path.rstrip("/").removeprefix(_PREFIX)
        if self.manners.is_failing:
            return _error(500, "internal error")
        if route == "/serverInfo":
            return 200, {"serverVersion": "1.0.4.0", "driverVersion": "10.10.0.0", "os": "linux"}
        if not self._is_known(message.header("authorization")):
            return _error(401, "unauthorized")
        device = parse_qs(path.query).get("deviceID", [""])[0]
        if device not in ("", "1"):
            return _error(404, f"Устройство с ID [{device}] не найдено")
        return self._route(message, route)

    def _is_known(self, header: str) -> bool:
        if not self.manners.user:
            return True
        wanted = base64.b64encode(f"{self.manners.user}:{self.manners.password}".encode()).decode("ascii")
        return header == f"Basic {wanted}"

    def _route(self, message: Message, route: str) -> Answer:
        name = unquote(route.rpartition("/")[2])
        found: Callable[[], Answer] | None = {
            ("POST", "/requests"): lambda: self._post(message.content),
            ("GET", "/requests/*"): lambda: self._results(name),
            ("DELETE", "/requests/*"): lambda: self._cancel(name),
            ("GET", "/getRequestsQueueStatus"): lambda: (200, self._queue()),
            ("GET", "/devices"): lambda: (200, [{"id": "1", "name": "twin", "isActive": True, "isDefault": True}]),
            ("POST", "/operations/*"): lambda: self._operation(name),
        }.get((message.method, route if route.count("/") == 1 else f"{route.rpartition('/')[0]}/*"))
        return found() if found is not None else _error(404, f"Нет такого метода: {message.method} {message.target}")

    def _operation(self, name: str) -> Answer:
        if not self.manners.has_operations:
            return _error(404, f"Нет такого метода: {name}")
        task = _OPERATIONS.get(name)
        return (200, self.register.execute({"type": task})) if task else _error(501, f"Операция {name} неизвестна")

    def _post(self, body: bytes) -> Answer:
        try:
            value = read_json(body)
        except ValueError as error:
            return _error(400, str(error))
        uuid = value.get("uuid") if isinstance(value, dict) else None
        request = value.get("request") if isinstance(value, dict) else None
        tasks: list[Any] = request if isinstance(request, list) else [request]
        if not isinstance(uuid, str) or not uuid:
            return _error(400, "Поле 'uuid' не задано или пустое")
        if not request or not all(isinstance(task, dict) for task in tasks):
            return _error(400, "Поле 'request' не задано или пустое")
        if uuid in self._requests:
            return _error(409, f"Невозможно добавить задание: задание с таким UUID уже есть [{uuid}]")
        self._requests[uuid] = _Request(uuid, tasks, [_result("wait", 0, {}) for _ in tasks])
        while len(self._requests) > REQUESTS_MAX:
            self._requests.popitem(last=False)
        self.posted += 1
        return 201, {"uuid": uuid, "number": self.waiting - 1, **self._block()}

    def _results(self, uuid: str) -> Answer:
        request = self._requests.get(uuid)
        if request is None:
            return _error(404, f"Задание с UUID [{uuid}] для устройства [1] не найдено")
        if not self.manners.block_reason:
            self._go_on(request)
        return 200, {"results": request.results}

    def _go_on(self, wanted: _Request) -> None:
        """A question about a request moves the queue up to it."""
        wanted.looks += 1
        for request in list(self._requests.values()):
            if not request.is_final:
                if request is not wanted or wanted.looks > self.manners.looks_max:
                    _carry_out(self.register, request)
                else:
                    request.results[0]["status"] = "inProgress"
            if request is wanted:
                return

    def _cancel(self, uuid: str) -> Answer:
        request = self._requests.get(uuid)
        if request is None:
            return _error(404, f"Задание с UUID [{uuid}] для устройства [1] не найдено")
        if any(result["status"] != "wait" for result in request.results):
            return _error(409, "Задание уже выполняется или выполнено")
        request.results = [_result("canceled", 0, {}) for _ in request.tasks]
        return 200, {}

    @property
    def waiting(self) -> int:
        """Requests that are not finished."""
        return sum(not request.is_final for request in self._requests.values())

    def _block(self) -> Task:
        reason = self.manners.block_reason
        blocked = next((request.uuid for request in self._requests.values() if not request.is_final), "")
        return {"isBlocked": bool(reason), "blockReason": reason, "blockedUUID": blocked if reason else ""}

    def _queue(self) -> Task:
        statuses = [request.results[0]["status"] for request in self._requests.values()]
        state = self._queue_state(statuses)
        oldest = next((request for request in self._requests.values() if not request.is_final), None)
        if oldest is not None and not self.manners.block_reason:
            self._go_on(oldest)
        return state

    def _queue_state(self, statuses: list[str]) -> Task:
        return {
            "number": self.waiting,
            "ready": statuses.count("ready"),
            "canceled": statuses.count("canceled"),
            **self._block(),
        }


@dataclass(slots=True)
class WebConnection:
    """One client's connection.

    Attributes:
        is_closed: the server wants it closed.
    """

    server: WebServer
    spoil: Callable[[bytes], bytes] | None = None
    is_closed: bool = False
    _reader: Reader = field(default_factory=lambda: Reader(reads_answers=False))

    def feed(self, data: bytes) -> bytes:
        """Bytes of the client, in any slicing; the answers to the requests they complete."""
        answers = b""
        for message in self._reader.feed(data):
            answer = self.server.answer(message)
            answers += self.spoil(answer) if self.spoil is not None else answer
            self.is_closed = self.is_closed or message.header("connection").lower() == "close"
        if self._reader.is_lost and not self.is_closed:
            self.is_closed = True
            answers += encode_response(400, [("Connection", "close")])
        return answers


def _carry_out(register: Register, request: _Request) -> None:
    """All tasks of a request; after one that failed the rest is interrupted."""
    results: list[dict[str, Any]] = []
    for task in request.tasks:
        if any(result["status"] == "error" for result in results):
            results.append(_result("interrupted", 502, {}))
            continue
        try:
            results.append(_result("ready", 0, register.execute(task)))
        except Refused as refused:
            results.append(_result("error", refused.error, {}))
    request.results = results


def _result(status: str, error: int, result: Task) -> dict[str, Any]:
    description = driver_trouble(error)[0] if error else "Ошибок нет"
    return {"error": {"code": error, "description": description}, "status": status, "result": result or None}


def _error(status: int, description: str) -> Answer:
    return status, {"error": {"code": 505, "description": description}}
