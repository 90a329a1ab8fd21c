"""What stands before the agent in a trial: passes each call of the POS on, loses what the step says, remembers all."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

__all__ = ["Exchange", "Fate", "Front"]

log = logging.getLogger(__name__)

BODY_BYTES_MAX: Final = 2_000_000
ANSWER_S: Final = 35.0  # longer than the agent may take


class Fate(Enum):
    """What becomes of a call. LOSE: the agent gets it, the POS gets no answer; REFUSE: the agent never gets it."""

    PASS = "pass"  # noqa: S105 - not a password
    LOSE = "lose"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call and its answer, as JSON where it is.

    Attributes:
        status: 0 when the agent never got the call.
    """

    path: str
    body: dict[str, Any]
    status: int
    answer: dict[str, Any] = field(default_factory=dict)
    fate: Fate = Fate.PASS

    @property
    def call(self) -> str:
        """The last word of the path: ``quote``."""
        return self.path.rpartition("/")[2]

    @property
    def uid(self) -> str:
        """Of the receipt it is about, "" for none."""
        receipt = self.body.get("receipt")
        found = receipt.get("uid") if isinstance(receipt, dict) else self.body.get("receipt_uid")
        return found if isinstance(found, str) else ""


class Front:
    """An HTTP server on loopback before the agent's port.

    Args:
        port: 0 takes any free one.
        agent_port: where the agent answers.
        fate: asked before each call: what becomes of it.
    """

    def __init__(self, port: int, agent_port: int, fate: Callable[[Exchange], Fate]) -> None:
        self.seen: list[Exchange] = []
        self.changed = threading.Condition()
        self._agent_port = agent_port
        self._fate = fate
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = ANSWER_S

            def do_GET(self) -> None:
                front._answer(self)

            def do_POST(self) -> None:
                front._answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
                del self
                log.debug(format, *args)

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="front", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, call: BaseHTTPRequestHandler) -> None:
        length = min(int(call.headers.get("content-length") or 0), BODY_BYTES_MAX)
        body = call.rfile.read(length)
        asked = Exchange(path=call.path.partition("?")[0], body=_json(body), status=0)
        fate = self._fate(asked)
        if fate is Fate.REFUSE:
            self._remember(Exchange(path=asked.path, body=asked.body, status=0, fate=fate))
            call.close_connection = True
            return
        status, kind, data = self._pass_on(call, body)
        self._remember(Exchange(path=asked.path, body=asked.body, status=status, answer=_json(data), fate=fate))
        if fate is Fate.LOSE:
            call.close_connection = True
            return
        call.send_response(status)
        call.send_header("content-type", kind)
        call.send_header("content-length", str(len(data)))
        call.end_headers()
        call.wfile.write(data)

    def _pass_on(self, call: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self._agent_port, timeout=ANSWER_S)
        dropped = {"host", "connection", "content-length", "transfer-encoding"}
        headers = {name: value for name, value in call.headers.items() if name.lower() not in dropped}
        try:
            line.request(call.command, call.path, body if call.command == "POST" else None, headers)
            answer = line.getresponse()
            return answer.status, answer.headers.get("content-type", "application/json"), answer.read()
        finally:
            line.close()

    def _remember(self, one: Exchange) -> None:
        with self.changed:
            self.seen.append(one)
            self.changed.notify_all()


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
