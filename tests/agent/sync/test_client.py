"""What the client believes, and what each way of failing becomes."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.sync import errors
from agent.sync.line import RESPONSE_BYTES_MAX, retry_after_s
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ChangesPage, HoldGrant, HoldWanted, Problem, Upload, Verdict, VerdictState


def test_an_upload_is_gzip_and_says_who_asks(sync: Any) -> None:
    """The body is the envelopes byte for byte; every header is there."""
    envelopes = sync.chain(2)
    seen: list[httpx.Request] = []

    def centre(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return sync.reply(200, sync.answer(envelopes))

    answer = sync.client(centre).upload(envelopes)
    upload = codec.decode(gzip.decompress(seen[0].content), Upload)

    assert 2 == answer.through
    assert [one.body for one in envelopes] == [bytes(one.body) for one in upload.envelopes]
    assert "https://centre.example/v1/tills/t1/envelopes" == str(seen[0].url)
    assert "Bearer secret-token" == seen[0].headers["authorization"]
    assert ("1.2.3", "0", "0") == tuple(
        seen[0].headers[name] for name in ("tillpoint-version", "tillpoint-queue-depth", "tillpoint-oldest-age-s")
    )


@pytest.mark.parametrize(
    "other",
    [
        {"till": "t2"},
        {"epoch": 2},
        {"through": 0},
        {"head": "0" * 64},
        {"verdicts": ()},
        {"verdicts": (Verdict(sequence=1, id="other", state=VerdictState.APPLIED),) * 2},
    ],
)
def test_an_answer_about_something_else_is_not_believed(sync: Any, other: dict[str, Any]) -> None:
    """Nothing may be settled by an answer that does not echo what was sent."""
    envelopes = sync.chain(2)
    client = sync.client(lambda _: sync.reply(200, sync.answer(envelopes, **other)))

    with pytest.raises(errors.CentreUnavailable):
        client.upload(envelopes)


def test_a_part_of_a_batch_may_be_taken(sync: Any) -> None:
    """Another centre may take less than was sent; its hash and verdicts must be of just that part."""
    envelopes = sync.chain(3)
    client = sync.client(lambda _: sync.reply(200, sync.answer(envelopes[:2])))

    assert 2 == client.upload(envelopes).through


def test_a_centre_that_has_more_than_was_sent_is_believed(sync: Any) -> None:
    """We send again what it had; its mark lies beyond our batch."""
    envelopes = sync.chain(2)
    client = sync.client(lambda _: sync.reply(200, sync.answer(envelopes, through=9, head="f" * 64)))

    assert 9 == client.upload(envelopes).through


@pytest.mark.parametrize(
    ("status", "problem", "kind"),
    [
        (401, Problem(code="unauthorised", message="no"), errors.Unauthorised),
        (409, Problem(code="gap", message="no", wanted=3), errors.CentreGap),
        (409, Problem(code="gap", message="no"), errors.CentreRefused),
        (409, Problem(code="fork", message="no"), errors.CentreFork),
        (410, Problem(code="cursor_unknown", message="no"), errors.CursorUnknown),
        (413, Problem(code="too_large", message="no"), errors.CentreRefused),
    ],
)
def test_a_problem_becomes_its_own_type(sync: Any, status: int, problem: Problem, kind: type[Exception]) -> None:
    """The code decides, never the words."""
    with pytest.raises(errors.CentreRefused) as refused:
        sync.client(lambda _: sync.reply(status, problem)).changes("", 0)

    assert kind is type(refused.value)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"retry_after": "17"}, 17.0),
        (503, {"retry_after": "Mon, 02 Mar 2026 12:00:30 GMT"}, 30.0),
        (503, {"retry_after": "Mon, 02 Mar 2026 11:00:00 GMT"}, 0.0),
        (503, {"retry_after": "soon"}, None),
        (500, {}, None),
    ],
)
def test_a_busy_centre_is_unavailable_and_its_wish_is_kept(
    sync: Any, status: int, headers: dict[str, str], expected: float | None
) -> None:
    """Retry-After as seconds or as a date (RFC 9110 §10.2.3)."""
    with pytest.raises(errors.CentreUnavailable) as away:
        sync.client(lambda _: sync.reply(status, b"", **headers)).changes("", 0)

    assert expected == away.value.retry_after_s


@pytest.mark.parametrize("status", [200, 204, 302, 401, 403, 404, 407])
def test_a_hotel_page_is_not_the_centre(sync: Any, status: int) -> None:
    """Whatever answers without our words is a broken line, never a verdict."""
    with pytest.raises(errors.CentreUnavailable):
        sync.client(lambda _: sync.reply(status, b"<html>log in</html>")).changes("", 0)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")]
)
def test_a_broken_line_is_unavailable(sync: Any, error: Exception) -> None:
    """The outcome is unknown, so the same is sent again."""

    def centre(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(errors.CentreUnavailable, match=str(error)):
        sync.client(centre).changes("", 0)


@pytest.mark.parametrize("keep", [0, 1, 20, -1])
def test_a_cut_body_is_not_an_answer(sync: Any, keep: int) -> None:
    """A body without a length that was cut looks complete to the library."""
    envelopes = sync.chain(1)
    data = codec.encode(sync.answer(envelopes))[:keep]

    with pytest.raises(errors.CentreUnavailable):
        sync.client(lambda _: sync.reply(200, data)).upload(envelopes)


def test_a_gzip_bomb_is_dropped(sync: Any) -> None:
    """Fifty megabytes of nothing in fifty kilobytes never reach the memory."""
    bomb = gzip.compress(b" " * (RESPONSE_BYTES_MAX + 1))

    with pytest.raises(errors.CentreUnavailable, match="more than"):
        sync.client(lambda _: sync.reply(200, bomb, content_encoding="gzip")).changes("", 0)


@pytest.mark.parametrize("data", [b"not gzip", gzip.compress(b"{}", mtime=0)[:-3]])
def test_a_broken_gzip_answer_is_unavailable(sync: Any, data: bytes) -> None:
    """Cut or false, it is sent again."""
    with pytest.raises(errors.CentreUnavailable):
        sync.client(lambda _: sync.reply(200, data, content_encoding="gzip")).changes("", 0)


def test_an_answer_without_compression_is_bounded_too(sync: Any) -> None:
    """A till has little memory."""
    with pytest.raises(errors.CentreUnavailable, match="more than"):
        sync.client(lambda _: sync.reply(200, b" " * (RESPONSE_BYTES_MAX + 1))).changes("", 0)


def test_a_page_of_changes_comes_with_its_cursor(sync: Any) -> None:
    """The cursor and the wait travel as parameters; an unzipped answer is read alike."""
    page = ChangesPage(cursor="x.2", epoch=1, reflects=7, more=False, server_time=sync.NOON, changes=())
    seen: list[str] = []

    def centre(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return sync.reply(200, gzip.compress(codec.encode(page)), content_encoding="gzip")

    assert page == sync.client(centre).changes("x.1", 25)
    assert ["https://centre.example/v1/tills/t1/changes?wait=25&cursor=x.1"] == seen


def test_a_hold_is_all_or_none(sync: Any) -> None:
    """A grant of another size is not believed."""
    wanted = HoldWanted(receipt_uid="r1", customer_id="anna", unit="bonus", points=50)
    grants = [HoldGrant(id="h", points=50), HoldGrant(id="", points=0, reason="balance"), HoldGrant(id="h", points=40)]
    client = sync.client(lambda _: sync.reply(200, grants.pop(0)))

    assert 50 == client.hold(wanted, deadline_s=1).points
    assert "balance" == client.hold(wanted, deadline_s=1).reason
    with pytest.raises(errors.CentreUnavailable):
        client.hold(wanted, deadline_s=1)


def test_a_date_without_a_zone_is_greenwich(sync: Any) -> None:
    """HTTP dates are GMT even when they say -0000."""
    assert 60.0 == retry_after_s("Mon, 02 Mar 2026 12:01:00 -0000", sync.NOON)


def test_importing_the_sync_does_not_import_the_http_client(project: Path) -> None:
    """A till without a centre starts without 90 ms of httpx and 30 ms of tenacity."""
    modules = "agent.sync.service, agent.sync.enrol, agent.sync.loop"
    script = f"import sys, {modules}; print(sorted({{'httpx', 'tenacity'}} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=project)

    assert "[]" == shown.stdout.strip()
