"""The suite's own HTTP client: one connection a request, no proxy, no redirect, everything bounded.

Standard library only. It can also do what an honest client does not: leave before the answer, or in mid-body.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from drivers.vocabulary.errors import TillpointError

__all__ = ["Answer", "NoAnswer", "Wire", "pause_s", "squeeze", "wire_to"]

ANSWER_BYTES_MAX: Final = 67_108_864  # of one answer, decompressed; a part of a snapshot has 2 MiB
DEADLINE_S: Final = 60.0
BUSY_TRIES: Final = 5  # of one request that is answered 429 or 503
BUSY_WAIT_MAX_S: Final = 10.0  # of each pause between them, whatever Retry-After says
SHOWN_CHARS: Final = 200  # of an answer that is quoted
_SECRETS: Final = re.compile(r'("(?:token|tenant_key|tenant_key_next)"\s*:\s*)"[^"]*"')


class NoAnswer(TillpointError):  # noqa: N818 - a state of the world, named as the field names it
    """There is no answer: nobody listens, the connection broke, or the time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        body: decompressed.
        value: the body read as JSON; None when it is none.
        seconds: how long it took.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    value: Any
    seconds: float

    @property
    def code(self) -> str:
        """The word of a Problem a program may branch on, or ""."""
        return str(self.get("code", ""))

    def get(self, name: str, default: Any = None) -> Any:
        """A field of the answer; `default` also when the answer is no JSON object."""
        return self.value.get(name, default) if isinstance(self.value, dict) else default

    def __str__(self) -> str:
        text = _SECRETS.sub(r'\1"…"', self.body[: SHOWN_CHARS * 20].decode("utf-8", "replace"))
        return f"{self.status} {text[:SHOWN_CHARS]}{'…' if len(text) > SHOWN_CHARS else ''}".strip()


#: Called with (method, path as the contract writes it, answer) for each answer.
Watch = Callable[[str, str, Answer], None]


@dataclass(slots=True, kw_only=True)
class Wire:
    """Asks one server; may be used by several threads.

    Attributes:
        prefix: path in front of every route, for a server behind one.
        tls: None for plain HTTP.
        watch: sees every answer.
        busy: the Retry-After of every 429 and 503 there was, None where it was missing.
    """

    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None
    watch: Watch = lambda method, path, answer: None  # noqa: ARG005 - named for the reader
    busy: list[str | None] = field(default_factory=list)

    def ask(
        self,
        method: str,
        path: str,
        *,
        names: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Answer:
        """The answer to one request; a server that is busy is asked again.

        Args:
            method: GET or POST.
            path: as the contract writes it ("/v1/tills/{till}/changes").
            names: what stands in its braces.
            query: after the question mark.
            headers: besides those every request has.
            body: sent as it is.
            deadline_s: for each attempt.

        Raises:
            NoAnswer: there is none.
        """
        target = self._target(path, names or {}, query or {})
        for attempt in range(1, BUSY_TRIES + 1):
            answer = self._once(method, target, headers or {}, body, deadline_s)
            self.watch(method, path, answer)
            if answer.status not in {429, 503}:
                break
            after = answer.headers.get("retry-after")
            self.busy.append(after)
            if attempt < BUSY_TRIES:
                wanted_s = pause_s(after, now=datetime.now(UTC))
                time.sleep(min(BUSY_WAIT_MAX_S, 1.0 if wanted_s is None else wanted_s))
        return answer

    def leave(
        self, path: str, *, names: Mapping[str, str], headers: Mapping[str, str], body: bytes, share: float
    ) -> None:
        """Send a POST, or the first `share` of its body, and go away without reading the answer.

        Raises:
            NoAnswer: nobody listens.
        """
        connection = self._connect(DEADLINE_S)
        try:
            connection.putrequest("POST", self._target(path, names, {}))
            for name, value in (*_COMMON.items(), *headers.items(), ("Content-Length", str(len(body)))):
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(body[: round(len(body) * share)])
        except OSError as error:
            raise NoAnswer(f"{self._name()}: {error.strerror or error}") from None
        finally:
            connection.close()

    def _once(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, deadline_s: float
    ) -> Answer:
        began = time.monotonic()
        connection = self._connect(deadline_s)
        told = {**_COMMON, "Accept-Encoding": "gzip", "Tillpoint-Clock": datetime.now(UTC).isoformat(), **headers}
        try:
            # Who refuses a body that is too large may answer before it has read all of it.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body=body, headers=told)
            response = connection.getresponse()
            data = _received(response, until=began + deadline_s)
            found = {name.lower(): value for name, value in response.getheaders()}
            status = response.status
        except (OSError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
            raise NoAnswer(f"{self._name()}, {method} {target.partition('?')[0]}: {words}") from None
        finally:
            connection.close()
        plain = _unzipped(data) if found.get("content-encoding", "").lower() == "gzip" else data
        return Answer(status=status, headers=found, body=plain, value=_json(plain), seconds=time.monotonic() - began)

    def _connect(self, deadline_s: float) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=deadline_s)
        return http.client.HTTPSConnection(self.host, self.port, timeout=deadline_s, context=self.tls)

    def _target(self, path: str, names: Mapping[str, str], query: Mapping[str, str]) -> str:
        filled = path.format(**{name: quote(value, safe="") for name, value in names.items()})
        return f"{self.prefix}{filled}{'?' if query else ''}{urlencode(query)}"

    def _name(self) -> str:
        return f"{self.host}:{self.port}"


_COMMON: Final = {
    "Accept": "application/json",
    "Tillpoint-Version": "conformance check",
    "Tillpoint-Queue-Depth": "0",
    "Tillpoint-Oldest-Age-S": "0",
}


def wire_to(url: str, *, tls: ssl.SSLContext | None = None) -> Wire:
    """A client of the server at `url`; `tls` says whom to trust, None is the machine's authorities.

    Raises:
        NoAnswer: the address cannot be one.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == -1 or parts.query or parts.fragment:
        raise NoAnswer(f"not the address of a server: {url!r}; write https://centre.example or http://127.0.0.1:8700")
    secure = parts.scheme == "https"
    context = (tls or ssl.create_default_context()) if secure else None
    return Wire(host=parts.hostname, port=port or (443 if secure else 80), prefix=parts.path.rstrip("/"), tls=context)


def pause_s(after: str | None, *, now: datetime) -> float | None:
    """What a Retry-After asks for: seconds, or an HTTP date (RFC 9110 §10.2.3); None for what is neither."""
    if after is None:
        return None
    if after.isascii() and after.isdigit():
        return float(after)
    try:
        moment = parsedate_to_datetime(after)
    except ValueError:
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo is not None else None


def _received(response: http.client.HTTPResponse, *, until: float) -> bytes:
    data = bytearray()
    while chunk := response.read1(65_536):
        data += chunk
        if len(data) > ANSWER_BYTES_MAX:
            raise OSError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        if time.monotonic() > until:
            raise TimeoutError("the answer did not end in time")
    if response.length:
        raise OSError(f"the answer was cut: {response.length} bytes are missing")
    return bytes(data)


def _unzipped(data: bytes) -> bytes:
    machine = zlib.decompressobj(wbits=31)
    try:
        return machine.decompress(data, ANSWER_BYTES_MAX)
    except zlib.error:
        return data


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def squeeze(data: bytes) -> bytes:
    """gzip, as tills send it."""
    return gzip.compress(data, mtime=0)
