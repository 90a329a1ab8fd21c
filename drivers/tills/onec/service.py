"""The client of the HTTP service that 1C publishes: reads closed receipts by their numbers, and writes nothing there.

``{url}/ping``, ``{url}/last`` and ``{url}/receipts`` with Basic authorisation, as 1C's web server asks for it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from drivers.tills.onec import service_wire as wire
from drivers.tills.onec.settings import HttpService, OnecSettings
from drivers.tills.reports import ReportContext, Reported
from drivers.vocabulary.errors import ProtocolError, TransportClosed, TransportUnavailable

if TYPE_CHECKING:
    import http.client

__all__ = ["ServiceLedger", "open_service", "refusal"]

TIMEOUT_S: Final = 10  # for connecting, and for each answer
BYTES_MAX: Final = 16 * 1_048_576  # of an answer with two hundred packages
OK: Final = 200
_SAID: Final = {
    401: "refuses the user; check service.user and service.password, and that the user may use the HTTP service",
    403: "refuses the user; give the user the right to the HTTP service",
    404: "has no such HTTP service; is it published, and does service.url end in /hs/tillpoint?",
}


def refusal(settings: OnecSettings) -> str:
    """Why the service cannot be read with these settings, "" when it can."""
    url = settings.service.url
    if not url:
        return ""
    where = urlsplit(url)
    try:
        is_whole = where.scheme in {"http", "https"} and bool(where.hostname) and where.port != 0
    except ValueError:
        is_whole = False
    return "" if is_whole else f"service.url: {url!r} is no address; write http://SERVER:PORT/BASE/hs/tillpoint"


def open_service(settings: OnecSettings, context: ReportContext) -> ServiceLedger:
    """Connect, and ask which infobase it is; raises TransportUnavailable."""
    try:
        return ServiceLedger(settings, context)
    except TransportClosed as error:
        raise TransportUnavailable(str(error), reason="refused") from None


class ServiceLedger:
    """One connection; see `drivers.tills.ledgers.Ledger`."""

    def __init__(self, settings: OnecSettings, context: ReportContext) -> None:
        self._settings = settings
        self._context = context
        self._service: HttpService = settings.service
        where = urlsplit(self._service.url)
        self._root = where.path.rstrip("/")
        self._connection = _connection(where.scheme, where.hostname or "", where.port)
        login = base64.b64encode(f"{self._service.user}:{self._service.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Accept": "application/json"}
        try:
            self._base = self._read("ping", wire.Base).base.lower()
        except TransportClosed:
            self._connection.close()
            raise

    @property
    def counter(self) -> str:
        """As the contract says."""
        return self._base

    def last_before(self, moment: datetime | None) -> int:
        """As the contract says."""
        if moment is None:
            return 0
        local = moment.astimezone(self._context.zone).replace(tzinfo=None)
        return self._read("last", wire.Last, before=local.isoformat(timespec="seconds")).number

    def closed(self, after: int, missing: Sequence[tuple[int, int]], *, limit: int) -> list[Reported]:
        """As the contract says."""
        asked = {"after": str(after), "limit": str(limit)}
        if missing:
            asked["missing"] = wire.span(missing)
        told = self._read("receipts", wire.Told, **asked)
        if told.base.lower() != self._base:
            raise TransportClosed("1C's HTTP service answers for another infobase now; its receipts are asked for anew")
        return wire.documents(
            told,
            zone=self._context.zone,
            currency=self._context.currency,
            phone_is_customer=self._settings.phone_is_customer,
        )[:limit]

    def close(self) -> None:
        """As the contract says."""
        self._connection.close()

    def _read(self, name: str, wanted: type[wire.T], **asked: str) -> wire.T:
        try:
            return wire.read(self._get(name, **asked), wanted)
        except ProtocolError as error:
            raise TransportClosed(str(error)) from None

    def _get(self, name: str, **asked: str) -> bytes:
        import http.client  # a till without 1C needs none of it

        question = f"?{urlencode(asked)}" if asked else ""
        try:
            self._connection.request("GET", f"{self._root}/{name}{question}", headers=self._headers)
            answer = self._connection.getresponse()
            body = answer.read(BYTES_MAX + 1)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise TransportClosed(
                f"1C's HTTP service at {self._service.url} does not answer: {error or type(error).__name__}"
            ) from None
        if answer.status == OK and len(body) <= BYTES_MAX:
            return body
        self._connection.close()
        said = _SAID.get(answer.status, f"answers {answer.status}: {body[:200].decode('utf-8', 'replace')}")
        if len(body) > BYTES_MAX:
            said = f"answers with more than {BYTES_MAX} bytes"
        raise TransportClosed(f"1C at {self._service.url} {said}")


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    import http.client

    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=TIMEOUT_S)
