"""The simulated cash register's two connections: the local API of the agent, and its printer."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["ApiRefused", "LocalApi", "NoAnswer", "print_stream"]

ANSWER_TIMEOUT_S: Final = 5.0


class NoAnswer(Exception):  # noqa: N818 - a state of the world
    """The agent did not answer: whether it heard is not known, so the same call is made again."""


class ApiRefused(Exception):  # noqa: N818
    """The agent answered with a problem."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('message', '')}")
        self.code = str(problem.get("code", ""))


@dataclass(slots=True)
class LocalApi:
    """The local JSON API as any POS would call it: one request, one connection, bearer token."""

    port: int
    token_file: Path

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """POST `body` (or GET without one); raises NoAnswer or ApiRefused."""
        try:
            token = self.token_file.read_text("ascii").strip()
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_TIMEOUT_S)
            try:
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                data = None if body is None else json.dumps(body).encode()
                line.request("GET" if body is None else "POST", path, data, headers)
                answer = line.getresponse()
                text = answer.read()
            finally:
                line.close()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(str(error)) from None
        found: dict[str, Any] = json.loads(text) if text else {}
        if answer.status >= 400:
            raise ApiRefused(answer.status, found)
        return found


def print_stream(port: int, stream: bytes) -> None:
    """Print as a POS does: connect, send, close; raises OSError when the printer is not there."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S) as line:
        line.sendall(stream)
        line.shutdown(socket.SHUT_WR)
        # A receipt printer answers nothing here; its side closing says that everything was taken.
        while line.recv(4096):
            pass
