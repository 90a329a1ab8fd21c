"""One HTTP conversation with the centre: bounded in time and size, errors by type; the only module that knows httpx.

httpx bounds each socket operation, not the whole: a server that drips a byte now and then could hold a request for
ever. So a watchdog shuts the socket down when the request's own deadline has passed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from agent.sync.errors import CentreRefused, CentreUnavailable, refused
from agent.sync.tls import CLOSED, tls_context, tls_trouble
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Problem
from drivers.vocabulary.errors import SettingsError

if TYPE_CHECKING:
    import httpx

__all__ = ["RESPONSE_BYTES_MAX", "Answer", "Line"]

RESPONSE_BYTES_MAX: Final = 8_388_608  # four times the largest page of changes; a till has little memory
CONNECT_TIMEOUT_S: Final = 10.0  # a satellite line needs two or three seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer: its status, its headers (names in lower case) and its body, unzipped; b"" when it was passed on."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Line:
    """Requests to one centre, one at a time; used by one thread.

    Args:
        url: the centre's address.
        tls: for https; None builds the default.
        proxy: address of the shop's proxy, "" for none. Environment variables are not looked at.
        transport: instead of sockets, for tests.
        now: the wall clock, for a Retry-After that is a date.
        told_time: told the Date of each good answer.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        proxy: str = "",
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        told_time: Callable[[datetime], None] = lambda moment: None,  # noqa: ARG005 - named for the reader
    ) -> None:
        import httpx  # 90 to 130 ms; only a till that speaks with a centre pays for it

        self._httpx = httpx
        self._url = url.rstrip("/")
        self._now = now
        self._told_time = told_time
        self._stream: Any = None
        #: Whether the connection of this request was made for it, with TLS.
        self._is_new_tls = False
        self._closed = (httpx.RemoteProtocolError, httpx.ReadError)
        try:
            self._client = httpx.Client(
                transport=transport,
                verify=tls if tls is not None else tls_context(),
                proxy=proxy or None,
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
                headers={"accept": "application/json", "accept-encoding": "gzip"},
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise SettingsError(f"central.proxy {proxy!r} cannot be used: {error}") from None

    def abort(self) -> None:
        """End the request that is under way on another thread."""
        self._cut()

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        deadline_s: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a 200 answer.

        Args:
            method: GET or POST.
            path: below the centre's address.
            deadline_s: for the whole request, answer included.
            body: JSON.
            headers: beside our own.
            query: parameters.

        Raises:
            CentreUnavailable: no answer in time, or none that can be believed.
            CentreRefused: a Problem.
        """
        answer = self.exchange(method, path, deadline_s=deadline_s, body=body, headers=headers, query=query)
        if answer.status == 200:
            return answer.data
        raise self.refusal(answer)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        deadline_s: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        take: Callable[[int, bytes], None] | None = None,
    ) -> Answer:
        """One request and its answer, whatever its status.

        Args:
            method: as for `ask`, like the others.
            path: likewise.
            deadline_s: likewise.
            body: likewise.
            headers: likewise.
            query: likewise.
            take: given the status and the body of a 200 or 206 as it comes, which is then not kept; what it raises
                ends the request.

        Raises:
            CentreUnavailable: no answer in time, or none that can be believed.
        """
        timeout = self._httpx.Timeout(deadline_s, connect=min(deadline_s, CONNECT_TIMEOUT_S))
        sent = {"content-type": "application/json", **(headers or {})} if body is not None else dict(headers or {})
        self._is_new_tls = False
        with self._deadline(deadline_s) as expired:
            try:
                with self._client.stream(
                    method,
                    self._url + path,
                    content=body,
                    params=query,
                    headers=sent,
                    timeout=timeout,
                    extensions={"trace": self._trace},
                ) as response:
                    if take is not None and response.status_code in {200, 206}:
                        data = _passed_on(response, take)
                    else:
                        data = _bounded(response.iter_raw(), response.headers.get("content-encoding", ""))
            except (self._httpx.HTTPError, self._httpx.InvalidURL, self._httpx.StreamError) as error:
                if expired.is_set():
                    raise CentreUnavailable(f"no complete answer from {self._url} within {deadline_s:g} s") from None
                trouble = tls_trouble(error)
                if not trouble and self._is_new_tls and isinstance(error, self._closed):
                    trouble = CLOSED
                if trouble:
                    raise CentreUnavailable(f"cannot trust the line to {self._url}: {trouble}") from None
                raise CentreUnavailable(
                    f"cannot reach {self._url}: {_words(error)}; check the address and the line"
                ) from None
        if response.status_code == 200:
            moment = moment_of(response.headers.get("date", ""))
            if moment is not None:
                self._told_time(moment)
        return Answer(status=response.status_code, headers=dict(response.headers), data=data)

    def refusal(self, answer: Answer) -> CentreUnavailable | CentreRefused:
        """An answer that is not what was asked for: the centre's own no, or somebody between us and it."""
        status, data = answer.status, answer.data
        wish = retry_after_s(answer.headers.get("retry-after", ""), self._now())
        if status >= 500 or status == 429:
            return CentreUnavailable(f"{self._url} answered {status}", retry_after_s=wish)
        try:
            problem = codec.decode(data, Problem)
        except codec.WireError:
            # A hotel page, a proxy that wants a password: not our centre, so nothing it says is about our envelopes.
            return CentreUnavailable(f"something else than the centre answered at {self._url} ({status})")
        return refused(status, problem)

    # ── The deadline ────────────────────────────────────────────────────────────────────────────

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the socket of the connection: httpx tells of it here and nowhere else before the answer."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._stream = info.get("return_value")
            self._is_new_tls = "start_tls" in event

    @contextlib.contextmanager
    def _deadline(self, deadline_s: float) -> Iterator[threading.Event]:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._cut()

        watchdog = threading.Timer(deadline_s, expire)
        watchdog.daemon = True
        watchdog.name = "sync-deadline"
        watchdog.start()
        try:
            yield expired
        finally:
            watchdog.cancel()

    def _cut(self) -> None:
        """Shut the socket down, so that a blocked read on the other thread ends at once."""
        stream = self._stream
        found = stream.get_extra_info("socket") if stream is not None else None
        if found is not None:
            # Not SSLSocket.shutdown(): that one takes the TLS state away under the reading thread.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(found, socket.SHUT_RDWR)


def retry_after_s(text: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header, as seconds or as an HTTP date; None when there is none (RFC 9110 §10.2.3)."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = moment_of(text)
    return max(0.0, (moment - now).total_seconds()) if moment is not None else None


def moment_of(text: str) -> datetime | None:
    """An HTTP date; None when it is none (RFC 9110 §5.6.7)."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _passed_on(response: Any, take: Callable[[int, bytes], None]) -> bytes:
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise CentreUnavailable("the answer has an encoding we did not ask for")
    for chunk in response.iter_raw():
        take(response.status_code, chunk)
    return b""


def _bounded(chunks: Iterator[bytes], encoding: str) -> bytes:
    """The whole body, unzipped, or CentreUnavailable when it is too large or cut short."""
    encoding = encoding.strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        raise CentreUnavailable(f"the answer has an encoding we did not ask for ({encoding[:20]})")
    machine = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    data = bytearray()
    for chunk in chunks:
        if machine is None:
            data += chunk
        else:
            try:
                data += machine.decompress(chunk, RESPONSE_BYTES_MAX + 1 - len(data))
            except zlib.error:
                raise CentreUnavailable("the answer is not gzip, though it says so") from None
        if len(data) > RESPONSE_BYTES_MAX:
            raise CentreUnavailable(f"the answer has more than {RESPONSE_BYTES_MAX} bytes")
    if machine is not None and not machine.eof:
        raise CentreUnavailable("the answer was cut short")
    return bytes(data)


def _words(error: Exception) -> str:
    """The library's words, with the name of its class when it has none."""
    return str(error) or type(error).__name__
