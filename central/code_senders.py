"""How a one-time code reaches a phone: an HTTP request to whoever sends messages, or a file for a trial without one.

The request is signed: ``Tillpoint-Signature: v1=<hex of HMAC-SHA-256(secret, timestamp + "." + body)>`` with
``Tillpoint-Timestamp`` in seconds. Any 2xx answer is "taken for sending"; everything else, and silence, is not.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from central.errors import CentralStartError
from drivers.vocabulary.joining import mask_phone

__all__ = ["CodeSender", "HttpSender", "LogSender", "Message", "NoSender", "signature_of"]

SEND_TIMEOUT_S: Final = 5.0  # the customer stands at the till; a supervisor is there sooner
ANSWER_BYTES_MAX: Final = 4_096  # nothing in it is read
TEXT: Final = "{code} - tell the cashier this code to pay with your points"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One code to one phone.

    Attributes:
        id: names the code; the same one twice is one message.
        to: E.164.
        language: of the till that asked (two letters).
        expires_s: for so long the code is good.
    """

    id: str
    to: str
    code: str
    language: str
    expires_s: int

    def __repr__(self) -> str:
        return f"Message(id={self.id!r}, to={mask_phone(self.to)!r})"


class CodeSender(Protocol):
    """Somebody who brings a message to a phone; called on a worker thread."""

    @property
    def can_send(self) -> bool:
        """False where nobody sends anything: a till is told at once."""
        ...

    def send(self, message: Message) -> bool:
        """Hand the message over; whether it was taken. Never raises."""
        ...


class NoSender:
    """A centre that sends no codes."""

    can_send = False

    def send(self, message: Message) -> bool:
        """Nobody is there."""
        del message
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSender:
    """For a trial: the operator reads the codes in a file and tells the customer; not for a real shop."""

    path: Path
    now: Callable[[], datetime]
    can_send: bool = True

    def send(self, message: Message) -> bool:
        """One line: when, to whom (masked), the code."""
        line = f"{self.now().isoformat(timespec='seconds')} {mask_phone(message.to)} {message.code}\n"
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            _log.warning("code.unsent id=%s reason=%s", message.id, error.strerror)
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSender:
    """POSTs each message as JSON to one address, signed.

    Attributes:
        text: what the phone shows, with ``{code}``; whoever receives the request may word it by `language` instead.
        tls: for https; None is the machine's authorities.
    """

    url: str
    secret: bytes = field(repr=False)
    now: Callable[[], datetime]
    text: str = TEXT
    tls: ssl.SSLContext | None = None
    can_send: bool = True

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CentralStartError(f"cannot send codes to {self.url!r}; write https://host/path")
        if "{code}" not in self.text:
            raise CentralStartError("the text of a message has to say {code} somewhere")

    def send(self, message: Message) -> bool:
        """One request, no redirect, no second try: a code that comes twice confuses."""
        said = {
            "id": message.id,
            "to": message.to,
            "code": message.code,
            "text": self.text.replace("{code}", message.code),
            "language": message.language,
            "expires_s": message.expires_s,
        }
        body = json.dumps(said, ensure_ascii=False).encode()
        timestamp = str(int(self.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Tillpoint-Timestamp": timestamp,
            "Tillpoint-Signature": signature_of(self.secret, timestamp, body),
        }
        parts = urlsplit(self.url)
        try:
            connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
            try:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("POST", target, body=body, headers=headers)
                answer = connection.getresponse()
                answer.read(ANSWER_BYTES_MAX)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            _log.warning("code.unsent id=%s reason=%s", message.id, str(error) or type(error).__name__)
            return False
        if 200 <= answer.status < 300:
            return True
        _log.warning("code.unsent id=%s status=%d", message.id, answer.status)
        return False

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=SEND_TIMEOUT_S)
        context = self.tls if self.tls is not None else ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=SEND_TIMEOUT_S, context=context)


def signature_of(secret: bytes, timestamp: str, body: bytes) -> str:
    """What ``Tillpoint-Signature`` says; the receiver makes it again and compares, and refuses an old timestamp."""
    return "v1=" + hmac.digest(secret, timestamp.encode() + b"." + body, hashlib.sha256).hex()
