"""What a centre, or whoever stands between, can do to an upload: real sockets, a real outbox, nothing lost or doubled.

Each case: what came back, the sentence the agent said, how long it waited, and that the receipts were still there and
arrived once when the centre was itself again. The table in `docs/guides/store-it.md` names these tests.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from agent.sync.client import CentreClient
from agent.sync.identity import Identity
from agent.sync.line import RESPONSE_BYTES_MAX, Line
from agent.sync.link import Link
from agent.sync.loop import SLOW_S, Loop
from agent.sync.uploader import IDLE_S, Settlement, Uploader
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Problem, Upload, UploadAnswer, Verdict, VerdictState
from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

pytestmark = pytest.mark.net

RECEIPTS = 3
BUSY_S = 90  # what a busy centre asks for
BOMB = gzip.compress(b" " * (RESPONSE_BYTES_MAX + 1))

Answer = Callable[[Upload], bytes]


def http(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """An answer as it travels; `length` None says the body's own."""
    lines = [f"HTTP/1.1 {status}", "connection: close", *headers]
    if length != -1:
        lines.append(f"content-length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def problem(status: str, code: str, message: str, wanted: int | None = None) -> bytes:
    return http(status, codec.encode(Problem(code=code, message=message, wanted=wanted)))


def whole(upload: Upload) -> bytes:
    """The answer of a centre that took everything."""
    last = upload.envelopes[-1]
    return codec.encode(
        UploadAnswer(
            till="t1",
            epoch=last.epoch,
            through=last.sequence,
            head=last.hash,
            server_time=datetime.now(UTC),
            verdicts=tuple(
                Verdict(sequence=one.sequence, id=one.id, state=VerdictState.APPLIED) for one in upload.envelopes
            ),
        )
    )


class RudeCentre:
    """A server that answers as it is told, one answer a connection; with nothing left to tell it behaves."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.taken: list[int] = []  # the sequences it said yes to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with near, contextlib.suppress(OSError):
                upload = codec.decode(gzip.decompress(self._body(near)), Upload)
                if self.script:
                    near.sendall(self.script.pop(0)(upload))
                else:
                    self.taken += [one.sequence for one in upload.envelopes]
                    near.sendall(http("200 OK", whole(upload)))

    @staticmethod
    def _body(near: socket.socket) -> bytes:
        with near.makefile("rb") as stream:
            length = 0
            while (line := stream.readline().strip().lower()) != b"":
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            return stream.read(length)


@dataclass
class Upstream:
    """One till's upload, run on this thread; a wait is written down instead of waited."""

    store: TillStore
    centre: RudeCentre
    told: list[tuple[str, str]] = field(default_factory=list)

    def run(self, waits: int) -> list[float]:
        """Until it has waited so many times; how long each wait would have been."""
        waited: list[float] = []

        def wait(bell: threading.Event, seconds: float) -> bool:
            waited.append(seconds)
            if len(waited) >= waits:
                loop.ask_stop()
            return bell.is_set()

        identity = Identity(
            url=self.centre.url, till="t1", shop="s1", epoch=1, token="t", tenant_key="ab" * 32, currency="RUB"
        )
        link = Link(lambda state, sentence: self.told.append((state.value, sentence)))
        uploader = Uploader(
            connect=lambda: CentreClient(Line(self.centre.url), identity, version="0"),
            open_source=lambda: OutboxReader.open(self.store.path),
            settle=self._settle,
            epoch=1,
            lose=lambda epoch, sequence: pytest.fail(f"envelope {sequence} of epoch {epoch} lost"),
            reseal=lambda envelopes: pytest.fail(f"{len(envelopes)} envelopes sealed again"),
        )
        loop = Loop(uploader, link, random=lambda: 1.0, waiter=wait)
        loop.run()
        return waited

    def _settle(self, settlement: Settlement) -> None:
        self.store.settle(epoch=settlement.epoch, through=settlement.through, refused=settlement.refused)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """Three receipts wait."""
    centre = RudeCentre()
    with TillStore.open(tmp_path / "till.db", epoch=1) as store:
        for number in range(1, RECEIPTS + 1):
            with store.transaction() as tx:
                tx.append(
                    id=f"e{number}",
                    kind="hold.released",
                    occurred_at=datetime.now(UTC).isoformat(),
                    boot_id="boot",
                    uptime_ms=number,
                    programme_version=0,
                    body=b'{"hold":"h","receipt_uid":"r%d"}' % number,
                )
        yield Upstream(store, centre)
    centre.close()


def recovers(upstream: Upstream) -> None:
    """The centre is itself again: everything arrives, once."""
    assert [IDLE_S] == upstream.run(1)
    assert 0 == upstream.store.depth().waiting
    assert list(range(1, RECEIPTS + 1)) == upstream.centre.taken
    assert ("online", "") == upstream.told[-1]


UNBELIEVABLE: dict[str, tuple[Answer, str]] = {
    "gzip bomb": (
        lambda _: http("200 OK", BOMB, "content-encoding: gzip"),
        f"the answer has more than {RESPONSE_BYTES_MAX} bytes",
    ),
    "cut body with its length": (
        lambda upload: http("200 OK", whole(upload)[:40], length=len(whole(upload))),
        "cannot reach http://127.0.0.1",
    ),
    "cut body without a length": (lambda upload: http("200 OK", whole(upload)[:40], length=-1), "the answer"),
    "cut gzip": (
        lambda upload: http("200 OK", gzip.compress(whole(upload))[:-9], "content-encoding: gzip"),
        "the answer was cut short",
    ),
    "a whole answer about something else": (
        lambda upload: http("200 OK", whole(upload).replace(b'"t1"', b'"t2"')),
        "the answer",
    ),
    "a hotel's page": (lambda _: http("200 OK", b"<html>log in</html>"), "the answer"),
    "a hotel's refusal": (
        lambda _: http("403 Forbidden", b"<html>log in</html>"),
        "something else than the centre answered",
    ),
    "closed without a word": (lambda _: b"", "cannot reach http://127.0.0.1"),
}


@pytest.mark.parametrize("name", UNBELIEVABLE)
def test_an_answer_that_cannot_be_believed_settles_nothing(upstream: Upstream, name: str) -> None:
    """One sentence on the panel, a wait of at most a second, and the same envelopes again."""
    answer, sentence = UNBELIEVABLE[name]
    upstream.centre.script = [answer]
    waited = upstream.run(1)
    state, said = upstream.told[-1]

    assert ("offline", [1.0]) == (state, waited)
    assert sentence in said
    assert RECEIPTS == upstream.store.depth().waiting
    recovers(upstream)


def test_a_token_that_is_not_valid(upstream: Upstream) -> None:
    """401: the sentence says which command to run; tried again every five minutes."""
    upstream.centre.script = [lambda _: problem("401 Unauthorized", "unauthorised", "unknown token")]

    assert [SLOW_S] == upstream.run(1)
    assert "run `tillpoint enrol URL CODE`" in upstream.told[-1][1]
    assert RECEIPTS == upstream.store.depth().waiting
    recovers(upstream)


def test_another_history_at_the_centre(upstream: Upstream) -> None:
    """409 fork: the centre's own words are shown, nothing is overwritten."""
    words = "this till's history differs at 2; was the disk restored?"
    upstream.centre.script = [lambda _: problem("409 Conflict", "fork", words)]

    assert [SLOW_S] == upstream.run(1)
    assert ("offline", words) == upstream.told[-1]
    assert RECEIPTS == upstream.store.depth().waiting
    recovers(upstream)


def test_a_gap_at_the_centre_is_filled_again(upstream: Upstream) -> None:
    """409 gap: it was restored and lacks what it had acknowledged; the till sends from there, without a wait."""
    upstream.store.settle(epoch=1, through=2)
    upstream.centre.script = [lambda _: problem("409 Conflict", "gap", "send from 1", wanted=1)]
    recovers(upstream)


def test_a_busy_centre_that_names_a_date(upstream: Upstream) -> None:
    """429 with a Retry-After that is a date: the wait is that long, with jitter behind it."""
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=BUSY_S), usegmt=True)
    upstream.centre.script = [lambda _: http("429 Too Many Requests", b"", f"retry-after: {when}")]
    (waited,) = upstream.run(1)

    assert BUSY_S - 5 <= waited <= BUSY_S + 1
    assert "answered 429" in upstream.told[-1][1]
    assert RECEIPTS == upstream.store.depth().waiting
    recovers(upstream)


def test_a_storm_of_500(upstream: Upstream) -> None:
    """Told once; the waits double up to a minute."""
    upstream.centre.script = [lambda _: http("500 Internal Server Error")] * 8

    assert [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] == upstream.run(8)
    assert ["offline"] == [state for state, _ in upstream.told]
    assert "answered 500" in upstream.told[0][1]
    assert RECEIPTS == upstream.store.depth().waiting
    recovers(upstream)


def test_a_centre_that_is_off(upstream: Upstream) -> None:
    """Nobody listens at its address."""
    url = upstream.centre.url
    upstream.centre.close()
    waited = upstream.run(2)

    assert [1.0, 2.0] == waited
    assert f"cannot reach {url}" in upstream.told[0][1]
    assert RECEIPTS == upstream.store.depth().waiting


def test_nothing_of_a_fault_is_told_as_a_traceback(upstream: Upstream, caplog: Any) -> None:
    """The log of a bad night names the reason in one line each."""
    upstream.centre.script = [answer for answer, _ in UNBELIEVABLE.values()]
    with caplog.at_level("DEBUG"):
        upstream.run(len(UNBELIEVABLE))

    assert [] == [one for one in caplog.records if one.exc_info]
    assert len(UNBELIEVABLE) == sum("sync.unavailable" in one.message for one in caplog.records)
