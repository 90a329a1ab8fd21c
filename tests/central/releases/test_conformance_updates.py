"""The conformance suite on updates: our own server passes, and servers that are wrong on purpose fail the right check."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from central.app import build
from central.conformance.bench import Bench
from central.conformance.contract import Contract
from central.conformance.everything import chosen
from central.conformance.suite import Outcome, Result, run
from central.conformance.wanted import Wanted
from central.conformance.wire import wire_to
from central.openapi import document
from central.releases import arranging
from central.releases.folder import ArchiveFolder
from central.tills import make_code
from tests.central.releases.conftest import ReleaseServer
from tests.central.releases.desk import BY, Publisher, SigningDesk

DATABASES = ("sqlite",)
pytestmark = pytest.mark.net

CHECKS = ("updates", "updates-older", "updates-signature", "updates-token", "updates-range", "updates-resume")


class Spoiled:
    """Our server behind somebody who spoils its answers about updates (ASGI)."""

    def __init__(self, app: Any, spoil: Callable[[dict[str, Any], dict[str, Any], bytes], bytes]) -> None:
        self.app = app
        self.state = app.state
        self._spoil = spoil

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or "/updates/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        started: dict[str, Any] = {}
        body = bytearray()

        async def catch(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                body.extend(message.get("body", b""))

        asked = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked["path"] = scope["path"]
        await self.app({**scope, "headers": before(scope["headers"], self._spoil)}, receive, catch)
        told = {"status": started["status"], **{name.decode(): value.decode() for name, value in started["headers"]}}
        data = self._spoil(asked, told, bytes(body))
        headers = [(name.encode(), str(value).encode()) for name, value in told.items() if name != "status"]
        headers = [pair for pair in headers if pair[0] != b"content-length"]
        headers.append((b"content-length", str(len(data)).encode()))
        if told["status"] == 204:
            headers.pop()
        await send({"type": "http.response.start", "status": told["status"], "headers": headers})
        await send({"type": "http.response.body", "body": data})


def before(headers: list[tuple[bytes, bytes]], spoil: Any) -> list[tuple[bytes, bytes]]:
    """What the server is asked: as it came, but for those that do not understand parts; never squeezed."""
    deaf = getattr(spoil, "deaf", ())
    return [pair for pair in headers if pair[0] not in {b"accept-encoding", *deaf}]


def _offer(change: Callable[[dict[str, Any]], None]) -> Callable[..., bytes]:
    def spoil(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
        if not asked["path"].endswith("/check") or told["status"] != 200:
            return body
        offer = json.loads(body)
        change(offer)
        return json.dumps(offer).encode()

    return spoil


def _other_notes(offer: dict[str, Any]) -> None:
    manifest = json.loads(base64.b64decode(offer["release"]["manifest"]))
    manifest["notes"] = "and something else"
    offer["release"]["manifest"] = base64.b64encode(json.dumps(manifest).encode()).decode()


def _other_size(offer: dict[str, Any]) -> None:
    offer["size"] += 1


def _no_time(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
    told.pop("tillpoint-check-after-s", None)
    return body


def _other_byte(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1]) if "/archives/" in asked["path"] and body else body


def _whole_always(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
    return body


def _part_always(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
    return body


def _no_tag(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
    told.pop("etag", None)
    return body


_whole_always.deaf = (b"range",)  # type: ignore[attr-defined]
_part_always.deaf = (b"if-range",)  # type: ignore[attr-defined]


class Offering:
    """A server with a release that the suite's first till is pinned to."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        publisher.add("1.1.0", filling=5_000)

    def checked(self, spoil: Callable[..., bytes] | None = None) -> dict[str, Outcome]:
        database, now = self.publisher.database, datetime.now(UTC)
        with database.write() as connection:
            codes = [make_code(connection, shop="s9", till=name, now=now) for name in ("check-a", "check-b")]
        app: Any = build(database, releases=self.publisher.folder.path)
        server = ReleaseServer(Spoiled(app, spoil) if spoil is not None else app)
        try:
            wire = wire_to(server.url)
            wanted = Wanted(codes=codes, release_root=self.publisher.desk.root)
            bench = Bench(wire=wire, wanted=wanted, ours=Contract(document()))
            wire.watch = bench.watch
            found = {}
            for one in run(bench, chosen(CHECKS)):
                found[one.id] = one
                if one.id == "enrol":
                    with database.write() as connection:
                        arranging.hold(connection, "check-a", pinned="1.1.0", by=BY, now=now)
            bench.clean_up()
        finally:
            server.stop()
        assert [] == bench.faults or spoil is not None, bench.faults
        return found


@pytest.fixture
def offering(database: Any, tmp_path: Path) -> Offering:
    now = datetime.now(UTC)
    desk = SigningDesk(tmp_path / "desk", now)
    return Offering(Publisher(database, desk, ArchiveFolder(tmp_path / "releases"), now))


def test_our_own_server_passes(offering: Offering) -> None:
    """Every check of updates, and every answer has the form of the contract."""
    found = offering.checked()

    assert dict.fromkeys(CHECKS, Result.PASSED) == {name: found[name].result for name in CHECKS}, found


@pytest.mark.parametrize(
    ("spoil", "caught"),
    [
        (_no_time, "updates"),
        (_offer(_other_notes), "updates-signature"),
        (_offer(_other_size), "updates-signature"),
        (_whole_always, "updates-range"),
        (_no_tag, "updates-range"),
        (_other_byte, "updates-resume"),
        (_part_always, "updates-resume"),
    ],
    ids=["no-time", "manifest-changed", "size", "no-ranges", "no-etag", "archive-changed", "if-range-unheard"],
)
def test_a_wrong_server_fails_the_right_check(offering: Offering, spoil: Any, caught: str) -> None:
    """And no check before it."""
    found = offering.checked(spoil)

    failed = [name for name in CHECKS if found[name].result is Result.FAILED]
    assert [caught] == failed, {name: (found[name].expected, found[name].got) for name in failed}


def test_a_server_that_offers_the_old_version_fails(offering: Offering) -> None:
    """To a till that runs a newer one."""
    seen: dict[str, bytes] = {}

    def again(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
        if asked["path"].endswith("/check") and told["status"] == 200:
            seen["offer"] = body
        elif asked["path"].endswith("/check") and told["status"] == 204 and seen:
            told["status"] = 200
            told["content-type"] = "application/json"
            return seen["offer"]
        return body

    assert Result.FAILED is offering.checked(again)["updates-older"].result


def test_a_server_that_gives_archives_to_anybody_fails(offering: Offering) -> None:
    """Without a token."""

    def everybody(asked: dict[str, Any], told: dict[str, Any], body: bytes) -> bytes:
        if told["status"] == 401:
            told["status"] = 200
            return b"PK"
        return body

    assert Result.FAILED is offering.checked(everybody)["updates-token"].result
