"""What is asked about updates, through the real client: checks, stretches, and answers that cannot be believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from agent.signatures import new_private_key, public_text
from agent.sync.errors import CentreRefused, CentreUnavailable
from agent.sync.identity import Identity
from agent.sync.line import Line
from agent.sync.update_line import STRETCH_BYTES, ArchiveChanged, UpdateLine
from drivers.vocabulary import codec
from drivers.vocabulary.release import CertifiedKey, Manifest, certify, sign_release
from drivers.vocabulary.updates import UpdateCheck, UpdateOffer, UpdateState

IDENTITY = Identity(
    url="https://centre.example",
    till="t1",
    shop="s1",
    epoch=1,
    token="secret-token",
    tenant_key="ab" * 32,
    currency="RUB",
)
CHECK = UpdateCheck(version="1.0.0", platform="linux-x86_64-cp311", state=UpdateState.IDLE)
ARCHIVE = bytes(range(256)) * 3_000
Handler = Callable[[httpx.Request], httpx.Response]


def answered(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    """An answer as it comes over a socket: once, a stream."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(content))


def line(handler: Handler) -> UpdateLine:
    """A conversation with a scripted centre."""
    return UpdateLine(Line("https://centre.example", transport=httpx.MockTransport(handler)), IDENTITY, version="1.0.0")


def offer() -> UpdateOffer:
    root, key = new_private_key(), new_private_key()
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    certificate = certify(root, CertifiedKey(key=public_text(key), valid_from=begin, valid_until=end))
    release = sign_release(key, certificate, Manifest(version="1.1.0", created=begin, platforms={}))
    return UpdateOffer(release=release, ring="first", not_before=begin, archive="/v1/x", size=7)


def test_nothing_new() -> None:
    """204, and when to ask again."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered(204, Tillpoint_Check_After_S="1800")

    assert (None, 1800.0) == line(answer).check(CHECK)
    assert "/v1/tills/t1/updates/check" == seen[0].url.path
    assert "Bearer secret-token" == seen[0].headers["authorization"]


def test_an_offer() -> None:
    """Read whole; a header that makes no sense is an hour, one that is too eager a minute."""
    wanted = offer()
    for header, after_s in (("soon", 3_600.0), ("1", 60.0), ("999999999", 86_400.0), ("", 3_600.0)):
        made = answered(200, codec.encode(wanted), Tillpoint_Check_After_S=header)
        assert (wanted, after_s) == line(lambda _, made=made: made).check(CHECK)


def test_a_centre_that_knows_no_updates() -> None:
    """Asked once a day."""
    body = b'{"code": "no_such_route", "message": "x"}'

    assert (None, 86_400.0) == line(lambda _: answered(404, body)).check(CHECK)


@pytest.mark.parametrize(
    "answer",
    [answered(200, b"<html>"), answered(503), answered(302, location="/")],
)
def test_an_answer_that_cannot_be_believed(answer: httpx.Response) -> None:
    """Asked again later."""
    with pytest.raises(CentreUnavailable):
        line(lambda _: answer).check(CHECK)


def serve(request: httpx.Request) -> httpx.Response:
    """As a centre does, with ranges."""
    begin, end = (int(one) for one in request.headers["range"].removeprefix("bytes=").split("-"))
    part = ARCHIVE[begin : end + 1]
    told = f"bytes {begin}-{begin + len(part) - 1}/{len(ARCHIVE)}"
    return answered(206, part, content_range=told)


def fetched(handler: Handler, begin: int = 0) -> bytes:
    """One stretch."""
    got: list[bytes] = []
    line(handler).stretch("/a", sha256="ab", begin=begin, size=len(ARCHIVE), take=got.append)
    return b"".join(got)


def test_stretches() -> None:
    """From the beginning, from the middle, the last one."""
    for begin in (0, STRETCH_BYTES, len(ARCHIVE) - 5):
        assert ARCHIVE[begin : begin + STRETCH_BYTES] == fetched(serve, begin)


def test_the_stretch_is_of_the_archive_that_was_offered() -> None:
    """If-Range names it; nothing is squeezed on the way."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return serve(request)

    fetched(answer, 10)
    assert ('"ab"', "identity", f"bytes=10-{STRETCH_BYTES + 9}") == (
        seen[0].headers["if-range"],
        seen[0].headers["accept-encoding"],
        seen[0].headers["range"],
    )


def test_a_server_without_ranges() -> None:
    """Whole at the beginning is well; whole in the middle is another archive, and nothing of it is kept."""
    whole = answered(200, ARCHIVE)
    assert ARCHIVE == fetched(lambda _: whole)

    got: list[bytes] = []
    with pytest.raises(ArchiveChanged):
        line(lambda _: answered(200, ARCHIVE)).stretch("/a", sha256="ab", begin=5, size=len(ARCHIVE), take=got.append)
    assert [] == got


@pytest.mark.parametrize(
    "answer",
    [
        answered(416, content_range="bytes */5"),
        answered(206, b"x", content_range="bytes 0-0/5"),
        answered(200, ARCHIVE + b"more"),
    ],
)
def test_another_stretch_than_was_asked_for(answer: httpx.Response) -> None:
    """Begin again."""
    with pytest.raises(ArchiveChanged):
        fetched(lambda _: answer, 7)


def test_squeezed_on_the_way() -> None:
    """A proxy that means well."""
    answer = answered(206, content_range="bytes 0-1/5", content_encoding="br")
    with pytest.raises(CentreUnavailable):
        fetched(lambda _: answer)


def test_withdrawn() -> None:
    """The centre's own no."""
    body = b'{"code": "archive_unknown", "message": "x"}'
    with pytest.raises(CentreRefused):
        fetched(lambda _: answered(404, body))
