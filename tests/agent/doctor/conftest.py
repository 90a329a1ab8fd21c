"""A till to examine: its folder, its identity, its settings, and a centre that answers as it is told."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.doctor.examine import examine
from agent.doctor.report import Report
from agent.sync.identity import Identity, save

TOKEN = "tt-secret-token-000000000001"


class Centre:
    """A server on loopback: `status` and `problem` are what it answers, `clock` is how far its clock is behind."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 404
        self.problem = {"code": "no_snapshot", "message": "there is no snapshot"}
        self.clock = timedelta()
        self.asked: list[str] = []
        centre = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(b"")

            def do_GET(self) -> None:
                centre.asked.append(self.headers.get("authorization", ""))
                self._answer(json.dumps(centre.problem).encode())

            def _answer(self, body: bytes) -> None:
                self.send_response_only(centre.status)
                self.send_header("Date", format_datetime(datetime.now(UTC) - centre.clock, usegmt=True))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self._server.server_port
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Patient:
    """A till, and the doctor's report about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.folder.mkdir(mode=0o700)
        self.file = folder / "config.toml"
        self.central = ""
        self.devices = ""

    def enrol(self, url: str) -> None:
        identity = Identity(url=url, till="2", shop="17", epoch=1, token=TOKEN, tenant_key="ab" * 32, currency="RUB")
        save(self.folder, identity)

    def write(self) -> Path:
        text = (
            f"[till]\nstate_folder = {json.dumps(str(self.folder))}\n[doors]\nport = 0\n{self.central}\n{self.devices}"
        )
        self.file.write_text(text, "utf-8")
        return self.file

    def examine(self, **more: Any) -> Report:
        more = {"find": lambda: (), "free": lambda _: 10**12} | more
        return examine(self.write(), **more)[0]


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


@pytest.fixture
def centre() -> Iterator[Callable[..., Centre]]:
    """Makes centres and takes them down."""
    made: list[Centre] = []

    def make(tls: ssl.SSLContext | None = None, **more: Any) -> Centre:
        made.append(Centre(tls))
        for key, value in more.items():
            setattr(made[-1], key, value)
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def by_hop() -> Callable[[Report], SimpleNamespace]:
    """Findings by the name of their hop."""
    return lambda report: SimpleNamespace(**{one.hop.replace(" ", "_"): one for one in report.findings})
