"""Sends AIF commands to the cash server's own load service, for a shop whose folders nobody can reach.

``POST {url}/aifexchange/loaddicts?shopcode=…&dictionaryid=…`` with a JSON array of commands, Basic authorisation and
the header ``shopcode``; the answer is ``{"success": true}``. So say public exchange programmes; a load that was
answered is queued there, and reaches the tills later.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urlsplit

from drivers.tills.artix.aif import Command, commands
from drivers.tills.loads import LoadPlan, LoadTarget
from drivers.vocabulary.errors import DeviceRefused, TransportUnavailable

__all__ = ["send"]

PATH: Final = "/aifexchange/loaddicts"
PORT: Final = 28080
COMMANDS_AT_ONCE: Final = 5_000
TIMEOUT_S: Final = 60
ANSWER_BYTES_MAX: Final = 65_536


def send(plan: LoadPlan, target: LoadTarget) -> int:
    """Send a plan, some thousand commands at a time, in their order; how many commands there were.

    Raises:
        TransportUnavailable: nobody answers there.
        DeviceRefused: the service did not take a portion; those before it were taken, and a repeat does no harm.
    """
    sent = 0
    for place, portion in enumerate(_portions(plan), 1):
        _post(target, portion, dictionary=f"{target.name}-{place}")
        sent += len(portion)
    return sent


def _portions(plan: LoadPlan) -> Iterator[list[Command]]:
    left = commands(plan)
    while portion := list(itertools.islice(left, COMMANDS_AT_ONCE)):
        yield portion


def _post(target: LoadTarget, portion: list[Command], *, dictionary: str) -> None:
    import http.client  # a till that loads nothing needs none of it

    where = urlsplit(target.url)
    host, port = where.hostname or "", where.port or PORT
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    path = f"{where.path.rstrip('/')}{PATH}?shopcode={quote(target.shop)}&dictionaryid={quote(dictionary)}"
    login = base64.b64encode(f"{target.user}:{target.password}".encode()).decode()
    headers = {
        "Authorization": f"Basic {login}",
        "Content-Type": "application/json; charset=utf-8",
        "Accept": "application/json",
        "shopcode": target.shop,
    }
    try:
        connection.request("POST", path, json.dumps(portion, ensure_ascii=False).encode(), headers)
        answer = connection.getresponse()
        status, body = answer.status, answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise TransportUnavailable(
            f"the load service at {host}:{port} does not answer: {error or type(error).__name__}", reason="refused"
        ) from None
    finally:
        connection.close()
    if status == 200 and _is_taken(body):
        return
    said = body[:200].decode("utf-8", "replace")
    raise DeviceRefused(f"the load service at {host}:{port} refused: HTTP {status} {said}", code=str(status))


def _is_taken(body: bytes) -> bool:
    """Whether the answer says so; words beside it may be in the encoding of the server's language."""
    try:
        told = json.loads(body.decode("utf-8", "replace"))
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("success") is True
