"""The hops to the centre, each tried by itself: name, port, TLS, clock, an answer, our token; nothing is changed.

What the agent itself uses asks last (`agent.sync`), so that the doctor's word and the agent's cannot differ; the hops
before it say where on the way it ends.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from agent.doctor.report import Finding, failed, fine, skipped
from agent.settings import CentralSettings
from agent.sync.errors import CentreError, CentreUnavailable, IdentityError, NotEnrolled, SnapshotUnknown, Unauthorised
from agent.sync.identity import Identity, load
from agent.sync.tls import tls_of, tls_trouble
from drivers.vocabulary.errors import SettingsError

__all__ = ["CentreDoctor"]

DNS_S: Final = 5.0  # a resolver that is down keeps the system waiting far longer
TCP_S: Final = 5.0
ANSWER_S: Final = 10.0
CLOCK_OFF: Final = timedelta(minutes=2)  # more is no drift
CLOCK_BROKEN: Final = timedelta(minutes=10)  # signatures and leases are judged by less
HOPS: Final = ("dns", "tcp", "tls", "clock", "centre", "token")
_STATUS: Final = re.compile(r"answered (\d{3})$")
_NOT_VALID_YET: Final = 9  # OpenSSL's verify results (openssl/x509_vfy.h)
_EXPIRED: Final = 10

Resolve = Callable[[str, int], list[Any]]


def _resolve(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


@dataclass(slots=True)
class CentreDoctor:
    """Tries the way to one centre.

    Args:
        folder: where the identity lies.
        settings: ``[central]``.
        now: this machine's clock.
        resolve: the system's resolver.
    """

    folder: Path
    settings: CentralSettings
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    resolve: Resolve = _resolve
    _told_at: datetime | None = field(default=None, init=False)

    def check(self) -> Iterator[Finding]:
        """Hop after hop; after the first that fails the others are said to hang on it."""
        try:
            identity = load(self.folder)
        except NotEnrolled as error:
            yield self._waits() or failed("enrolment", "not_enrolled", str(error))
            return
        except IdentityError as error:
            yield failed("enrolment", "no_rights", str(error))
            return
        yield fine("enrolment", f"till {identity.till} of shop {identity.shop or '?'}, centre {identity.url}")
        for place, hop in enumerate(HOPS):
            found = getattr(self, f"_{hop}")(identity)
            yield found
            if found.code:
                yield from (skipped(later, f"not tried: {hop} failed") for later in HOPS[place + 1 :])
                return

    def _waits(self) -> Finding | None:
        """An enrolment that the agent is to make by itself."""
        from agent.machine import machine_id
        from agent.sync.pending import pending_in

        try:
            pending = pending_in(self.folder)
        except IdentityError as error:
            return failed("enrolment", "no_rights", str(error))
        if pending is None:
            return None
        if pending.not_on and pending.not_on == machine_id():
            return failed("enrolment", "is_image", f"this machine is an image; its copies enrol at {pending.url}")
        return failed("enrolment", "enrolling", f"the agent enrols this till at {pending.url} when that answers")

    # ── The hops ────────────────────────────────────────────────────────────────────────────────

    def _dns(self, identity: Identity) -> Finding:
        host, port = self._place(identity)
        answer: list[Any] = []

        def ask() -> None:
            try:
                answer.append(self.resolve(host, port))
            except (OSError, UnicodeError) as error:
                answer.append(error)

        asking = threading.Thread(target=ask, daemon=True, name="doctor-dns")
        asking.start()
        asking.join(DNS_S)
        if not answer:
            return failed("dns", "dns", f"no answer within {DNS_S:g} s for the name {host}")
        if isinstance(answer[0], BaseException):
            return failed("dns", "dns", f"the name {host} is not found: {_words(answer[0])}")
        places = list(dict.fromkeys(str(row[4][0]) for row in answer[0]))
        return fine("dns", f"{host} is {', '.join(places[:4])}")

    def _tcp(self, identity: Identity) -> Finding:
        host, port = self._place(identity)
        code = "proxy" if self.settings.proxy else "tcp"
        try:
            self._connect(host, port).close()
        except OSError as error:
            return failed("tcp", code, f"cannot connect to {host}, port {port}: {_words(error)}")
        return fine("tcp", f"{host}, port {port} takes the connection")

    def _tls(self, identity: Identity) -> Finding:
        if urlsplit(identity.url).scheme != "https":
            return fine("tls", "the address is http: there is no TLS to try")
        if self.settings.proxy:
            return skipped("tls", "through a proxy it is tried together with the answer")
        try:
            context = tls_of(self.settings)
        except SettingsError as error:
            return failed("tls", "settings_wrong", str(error))
        host, port = self._place(identity)
        try:
            with self._connect(host, port) as plain, context.wrap_socket(plain, server_hostname=host) as line:
                return fine("tls", f"{line.version()}, the certificate is trusted")
        except ssl.SSLCertVerificationError as error:
            return self._untrusted(host, port, error)
        except OSError as error:
            return failed("tls", "tls", tls_trouble(error) or _words(error))

    def _untrusted(self, host: str, port: int, error: ssl.SSLCertVerificationError) -> Finding:
        """Why a certificate is not believed: our clock, its dates, or somebody else who answers."""
        words = tls_trouble(error)
        if error.verify_code in {_NOT_VALID_YET, _EXPIRED}:
            told = self._ask_time(host, port, tls=True)
            off = self._off(told)
            if off is not None and abs(off) > CLOCK_BROKEN:
                return failed("tls", "clock", f"{words}; {_off_words(off)}")
            return failed("tls", "tls", words)
        return failed("tls", "tls_foreign" if "authority" in words and not self.settings.ca_file else "tls", words)

    def _clock(self, identity: Identity) -> Finding:
        if self.settings.proxy:
            return skipped("clock", "through a proxy the centre's clock is not asked")
        host, port = self._place(identity)
        off = self._off(self._ask_time(host, port, tls=urlsplit(identity.url).scheme == "https"))
        if off is None:
            return skipped("clock", "the centre does not say what time it is")
        words = _off_words(off)
        return failed("clock", "clock", words) if abs(off) > CLOCK_OFF else fine("clock", words)

    def _centre(self, identity: Identity) -> Finding:
        """Ask as the agent asks; what it would be told, we are told."""
        return self._asked(identity, hop="centre")

    def _token(self, identity: Identity) -> Finding:
        return self._asked(identity, hop="token")

    def _asked(self, identity: Identity, *, hop: str) -> Finding:
        from agent.sync.client import CentreClient, own_version
        from agent.sync.line import Line

        try:
            line = Line(identity.url, tls=self._context(identity), proxy=self.settings.proxy)
        except SettingsError as error:
            return failed(hop, "settings_wrong", str(error))
        client = CentreClient(line, identity, version=own_version(), now=self.now)
        try:
            client.snapshot()
        except SnapshotUnknown:
            pass  # the smallest question that needs a token: a centre without a snapshot says so, and knows us
        except Unauthorised as refused:
            return fine(hop, "the centre answers") if hop == "centre" else failed(hop, "token_refused", str(refused))
        except CentreUnavailable as error:
            return failed(hop, _unavailable_code(str(error)), str(error))
        except CentreError as error:
            return fine(hop, "the centre answers") if hop == "centre" else failed(hop, "centre_refused", str(error))
        finally:
            client.close()
        return fine(hop, "the centre answers" if hop == "centre" else "the centre knows this till")

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def _context(self, identity: Identity) -> ssl.SSLContext | None:
        return tls_of(self.settings) if urlsplit(identity.url).scheme == "https" else None

    def _place(self, identity: Identity) -> tuple[str, int]:
        """Where the first connection goes: to the proxy, where there is one."""
        parts = urlsplit(self.settings.proxy or identity.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def _connect(self, host: str, port: int) -> socket.socket:
        error: OSError = OSError("no address")
        for family, kind, number, _, place in self.resolve(host, port):
            line = socket.socket(family, kind, number)
            line.settimeout(TCP_S)
            try:
                line.connect(place)
            except OSError as refused:
                line.close()
                error = refused
                continue
            return line
        raise error

    def _ask_time(self, host: str, port: int, *, tls: bool) -> datetime | None:
        """The Date of any answer (RFC 9110 §6.6.1). The certificate is not looked at: a clock is compared, no more."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with contextlib.suppress(OSError, http.client.HTTPException, TypeError, ValueError):
            line = self._connect(host, port)
            line.settimeout(ANSWER_S)
            connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
            connection.sock = context.wrap_socket(line, server_hostname=host) if tls else line
            try:
                connection.request("HEAD", "/", headers={"User-Agent": "tillpoint-doctor"})
                told = connection.getresponse().getheader("Date", "")
                moment = parsedate_to_datetime(told)
                self._told_at = self.now()
                return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            finally:
                connection.close()
        return None

    def _off(self, told: datetime | None) -> timedelta | None:
        """How far our clock is ahead."""
        if told is None or self._told_at is None:
            return None
        return self._told_at - told


def _unavailable_code(words: str) -> str:
    """A status of 5xx is the centre's own fault; TLS and silence have their words."""
    if _STATUS.search(words):
        return "centre_broken"
    if words.startswith("something else"):
        return "tls_foreign"
    return "tls" if words.startswith("cannot trust") else "centre_silent"


def _off_words(off: timedelta) -> str:
    seconds = off.total_seconds()
    if abs(seconds) < 2:
        return "the till's clock agrees with the centre's"
    way = "ahead of" if seconds > 0 else "behind"
    amount = f"{abs(seconds):.0f} s" if abs(seconds) < 600 else f"{timedelta(seconds=round(abs(seconds)))}"
    return f"the till's clock is {amount} {way} the centre's"


def _words(error: BaseException) -> str:
    return (getattr(error, "strerror", "") or str(error) or type(error).__name__)[:200]
