"""The twin's paper on a page of this machine: one page, its events, and two calls; loopback only, nothing from outside.

    GET  /          the page
    GET  /events    server-sent events: what is new on the paper, how the twin is
    POST /rude      {"name": ..., "is_on": ...} switches a trouble

A page of another site may reach loopback through the user's browser. It is kept out: the Host header must be ours, and
a call must say that it comes from our own page.
"""

from __future__ import annotations

import html
import ipaddress
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from drivers.vocabulary.errors import SettingsError, TransportUnavailable
from simulation.twins.stand import Stand

__all__ = ["View"]

PAGE: Final = Path(__file__).with_name("view.html")
BODY_MAX: Final = 1_000  # bytes of a call; it says one name
BEAT_S: Final = 10.0  # an event at least so often, so that a page that was closed is noticed
_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)  # fmt: skip


class View:
    """Serves the page until `stop`.

    Args:
        where: ``host:port`` with a host of loopback; port 0 is any.

    Raises:
        SettingsError: it is not on loopback.
        TransportUnavailable: the port is taken.
    """

    def __init__(self, where: str, stand: Stand, title: str) -> None:
        host, port = _loopback(where)
        try:
            self._server = _Server((host, port), stand, title)
        except OSError as error:
            raise TransportUnavailable(f"--view {where}: {error.strerror}; take another port") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="view", daemon=True)

    @property
    def url(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it; open pages are told by their connection."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _loopback(where: str) -> tuple[str, int]:
    host, colon, port = where.rpartition(":")
    is_port = port.isascii() and port.isdigit() and int(port) <= 65_535
    if not colon or not is_port:
        raise SettingsError(f"--view {where}: write it like 127.0.0.1:8801")
    host = "127.0.0.1" if host in {"", "localhost"} else host
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback and ":" not in host
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise SettingsError(f"--view {where}: the page is for this machine only; write it like 127.0.0.1:8801")
    return host, int(port)


class _Server(ThreadingHTTPServer):
    """A server that knows its twin."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], stand: Stand, title: str) -> None:
        self.stand = stand
        self.page = PAGE.read_text("utf-8").replace("{{title}}", html.escape(title)).encode()
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "tillpoint"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        """The page, or its events."""
        if not self._is_ours():
            return
        if self.path == "/":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
        elif self.path == "/events":
            self._stream()
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not here")

    def do_POST(self) -> None:
        """Switch a trouble."""
        if not self._is_ours() or not self._is_from_our_page():
            return
        size = self.headers.get("Content-Length", "")
        if self.path != "/rude" or not size.isdigit() or int(size) > BODY_MAX:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", b"POST /rude with a name", closes=True)
            return
        try:
            asked = json.loads(self.rfile.read(int(size)))
            self.server.stand.set_rude(str(asked["name"]), is_on=asked["is_on"] is True)
        except (ValueError, KeyError, TypeError) as error:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain; charset=utf-8", str(error).encode())
            return
        self._answer(HTTPStatus.OK, "application/json", b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """The terminal shows paper."""

    # ── Who asks ────────────────────────────────────────────────────────────────────────────

    def _is_ours(self) -> bool:
        name = self.headers.get("Host", "").rpartition(":")[0]
        if name in _NAMES:
            return True
        self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"open it as 127.0.0.1", closes=True)
        return False

    def _is_from_our_page(self) -> bool:
        is_json = self.headers.get("Content-Type", "").startswith("application/json")
        if is_json and self.headers.get("Origin", "") == f"http://{self.headers.get('Host', '')}":
            return True
        self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"only the page may ask this", closes=True)
        return False

    # ── Answers ─────────────────────────────────────────────────────────────────────────────

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, *, closes: bool = False) -> None:
        self.close_connection = self.close_connection or closes
        self.send_response(status)
        for name, value in (*_HEADERS, ("Content-Type", kind), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        for name, value in (*_HEADERS, ("Content-Type", "text/event-stream"), ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        stand, count, version = self.server.stand, 0, -1
        try:
            while not stand.is_stopped:
                version = stand.wait(version, BEAT_S)
                seen = stand.look(count)
                count = seen.count
                event = {
                    "lines": seen.lines, "facts": dict(seen.facts), "rude": dict(seen.rude), "wire": seen.wire,
                    "bytes": [seen.bytes_in, seen.bytes_out],
                }  # fmt: skip
                self.wfile.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        except OSError:
            return  # the page was closed
