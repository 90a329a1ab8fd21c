"""One-time codes: what is kept of them, how many there are, who is told what; sent to a real loopback receiver."""

from __future__ import annotations

import argparse
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from central import schema
from central.app import build
from central.cli_codes import add_codes, sender_of
from central.code_senders import HttpSender, LogSender, Message, NoSender, signature_of
from central.errors import CentralStartError
from central.members import Member, load_members
from central.spend_codes import (
    AGAIN_S,
    CUSTOMER_HOUR_MAX,
    LIFE_S,
    TILL_HOUR_MAX,
    Prepared,
    check_code,
    prepare_code,
    prune_codes,
    settle_code,
)
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted
from tests.own_loop import run_alone

SECRET = b"a secret of the tests"
PHONE, LANDLINE = "+79000000001", "+74950000001"


def member(centre: Any, name: str, phone: str, **more: Any) -> None:
    one = Member(id=name, name="", phone=phone, card="", tier="", spent_minor=0, points={"bonus": 1}, **more)
    load_members(centre.database, [one], now=centre.now, progress=lambda _: None)


@pytest.fixture
def nina(centre: Any) -> Any:
    member(centre, "nina", PHONE)
    return centre


def prepare(centre: Any, name: str = "code-0001", *, customer: str = "nina", till: str = "t1") -> Prepared | CodeSent:
    with centre.database.write() as connection:
        wanted = CodeWanted(id=name, customer_id=customer)
        made = prepare_code(connection, wanted, till=till, code="4711", now=centre.now)
        if isinstance(made, Prepared):
            settle_code(connection, name, is_sent=True)
        return made


def check(centre: Any, code: str, *, name: str = "code-0001", customer: str = "nina", till: str = "t1") -> CodeVerdict:
    with centre.database.write() as connection:
        tried = CodeTried(id=name, customer_id=customer, code=code)
        return check_code(connection, tried, till=till, now=centre.now)


def later(centre: Any, **step: float) -> None:
    centre.now += timedelta(**step)


def test_a_code_is_right_and_right_again(nina: Any) -> None:
    """An answer that was lost on the way is asked for once more; the table holds no code and no phone."""
    made = prepare(nina)
    with nina.database.read() as connection:
        row = connection.execute(select(schema.spend_code)).one()

    assert isinstance(made, Prepared)
    assert (PHONE, "+7900***01", LIFE_S, AGAIN_S) == (
        made.phone,
        made.sent.mask,
        made.sent.expires_s,
        made.sent.again_s,
    )
    assert not [value for value in row if value in {"4711", PHONE}]
    assert [True, True] == [check(nina, "4711").is_right for _ in range(2)]


def test_three_tries_and_no_more(nina: Any) -> None:
    """The right one after three wrong ones is too late."""
    prepare(nina)
    said = [check(nina, code) for code in ("1111", "2222", "3333", "4711")]

    assert [("wrong", 2), ("wrong", 1), ("no_tries", 0), ("no_tries", 0)] == [
        (one.reason, one.tries_left) for one in said
    ]


def test_a_code_is_for_one_till_one_customer_and_three_minutes(nina: Any) -> None:
    """Nobody else's word counts, and no old one."""
    member(nina, "oleg", "+79000000002")
    prepare(nina)

    assert "unknown" == check(nina, "4711", till="t2").reason
    assert "unknown" == check(nina, "4711", customer="oleg").reason
    assert "unknown" == check(nina, "4711", name="code-0002").reason
    later(nina, seconds=LIFE_S + 1)
    assert "expired" == check(nina, "4711").reason


def test_asking_again_under_one_name_sends_nothing_twice(nina: Any) -> None:
    """The first answer was lost."""
    first = prepare(nina)
    later(nina, seconds=10)
    second = prepare(nina)

    assert isinstance(first, Prepared)
    assert CodeSent(digits=4, mask="+7900***01", expires_s=LIFE_S - 10, again_s=AGAIN_S - 10) == second


def test_how_often_one_customer_is_sent_a_code(nina: Any) -> None:
    """Half a minute between two, five in an hour; each refusal says when."""
    prepare(nina, "code-0000")
    assert CodeSent(again_s=AGAIN_S, reason="too_often") == prepare(nina, "code-soon")
    for number in range(1, CUSTOMER_HOUR_MAX):
        later(nina, seconds=AGAIN_S)
        assert isinstance(prepare(nina, f"code-000{number}"), Prepared)
    later(nina, seconds=AGAIN_S)
    refused = prepare(nina, "code-last")

    assert ("too_often", 3600 - CUSTOMER_HOUR_MAX * AGAIN_S) == (refused.reason, refused.again_s)
    later(nina, seconds=refused.again_s)
    assert isinstance(prepare(nina, "code-late"), Prepared)


def test_how_many_codes_one_till_asks_for(centre: Any) -> None:
    """A till that tries everybody is stopped, another till goes on."""
    for number in range(TILL_HOUR_MAX):
        member(centre, f"c{number}", f"+790000100{number:02}")
        assert isinstance(prepare(centre, f"code-{number:04}", customer=f"c{number}"), Prepared)
    member(centre, "nina", PHONE)

    assert "too_often" == prepare(centre, "code-more").reason
    assert isinstance(prepare(centre, "code-more", till="t2"), Prepared)


def test_who_can_have_no_code(nina: Any) -> None:
    """Nobody, somebody without a phone, a fixed line; said by its own word."""
    member(nina, "fixed", LANDLINE)

    said = [prepare(nina, f"code-{name}", customer=name).reason for name in ("nobody", "anna", "fixed")]

    assert ["unknown_customer", "no_phone", "no_mobile"] == said


def test_old_codes_are_forgotten(nina: Any) -> None:
    """After a week."""
    prepare(nina)
    with nina.database.write() as connection:
        kept = prune_codes(connection, now=nina.now + timedelta(days=6))
        gone = prune_codes(connection, now=nina.now + timedelta(days=8))

    assert (0, 1) == (kept, gone)


# ── Sending ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Receiver:
    """Whoever sends messages: a real HTTP server that answers as it is told."""

    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def start(self) -> HTTPServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                body = self.rfile.read(int(self.headers["content-length"]))
                owner.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(owner.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal of a test."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@pytest.fixture
def receiver() -> Iterator[Any]:
    made = Receiver()
    server = made.start()
    made.url = f"http://127.0.0.1:{server.server_port}/send?shop=1"  # type: ignore[attr-defined]
    yield made
    server.shutdown()
    server.server_close()


def moment() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


MESSAGE = Message(id="code-0001", to=PHONE, code="4711", language="ru", expires_s=180)


@pytest.mark.net
def test_the_request_is_signed_and_says_everything(receiver: Any) -> None:
    """Whoever has the secret can check who asked, and when."""
    sender = HttpSender(url=receiver.url, secret=SECRET, now=moment, text="Код {code}")

    assert sender.send(MESSAGE)
    headers, body = receiver.got[0]
    said = json.loads(body)
    assert {
        "id": "code-0001",
        "to": PHONE,
        "code": "4711",
        "text": "Код 4711",
        "language": "ru",
        "expires_s": 180,
    } == said
    assert hmac.compare_digest(
        signature_of(SECRET, headers["tillpoint-timestamp"], body), headers["tillpoint-signature"]
    )
    assert str(int(moment().timestamp())) == headers["tillpoint-timestamp"]
    assert "4711" not in repr(MESSAGE) + repr(sender)
    assert PHONE not in repr(MESSAGE)


@pytest.mark.net
@pytest.mark.parametrize("status", [302, 400, 429, 500])
def test_only_a_yes_is_a_yes(receiver: Any, status: int) -> None:
    """A redirect is followed nowhere."""
    receiver.status = status

    assert not HttpSender(url=receiver.url, secret=SECRET, now=moment).send(MESSAGE)
    assert 1 == len(receiver.got)


@pytest.mark.net
def test_nobody_there_is_a_no() -> None:
    """A closed port raises nothing."""
    assert not HttpSender(url="http://127.0.0.1:9/", secret=SECRET, now=moment).send(MESSAGE)


def test_a_trial_reads_the_codes_in_a_file(tmp_path: Path) -> None:
    """One line each, the phone masked."""
    path = tmp_path / "codes"

    assert LogSender(path=path, now=moment).send(MESSAGE)
    assert "2026-03-02T12:00:00+00:00 +7900***01 4711\n" == path.read_text("utf-8")
    assert not LogSender(path=tmp_path, now=moment).send(MESSAGE)


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_codes(parser)
    return parser.parse_args(words)


def test_the_command_line_says_who_sends(tmp_path: Path) -> None:
    """Nobody, a file, or an address with a secret of its own."""
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    url = ("--codes-url", "https://sms.example/send")

    assert isinstance(sender_of(given(), moment), NoSender)
    assert isinstance(sender_of(given("--codes-file", "x"), moment), LogSender)
    made = sender_of(given(*url, "--codes-secret", str(secret)), moment)
    assert isinstance(made, HttpSender)
    assert SECRET == made.secret


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--codes-url", "https://sms.example"), "needs --codes-secret"),
        (("--codes-url", "https://sms.example", "--codes-file", "x"), "exclude each other"),
        (("--codes-url", "https://sms.example", "--codes-secret", "/nowhere"), "cannot read --codes-secret"),
        (("--codes-url", "sms.example", "--codes-secret", "SECRET"), "write https://host/path"),
        (("--codes-url", "https://s.example", "--codes-secret", "SECRET", "--codes-text", "hi"), r"\{code\}"),
        (("--codes-url", "https://s.example", "--codes-secret", "SHORT"), "holds 3 bytes"),
    ],
)
def test_a_command_line_that_cannot_be(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    """Each is one sentence with the next step."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "short").write_bytes(b"abc")
    files = {"SECRET": str(tmp_path / "secret"), "SHORT": str(tmp_path / "short")}
    with pytest.raises(CentralStartError, match=sentence):
        sender_of(given(*(files.get(word, word) for word in words)), moment)


# ── Over HTTP ───────────────────────────────────────────────────────────────────────────────────


def ask(centre: Any, sender: Any, *questions: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """POST each to the application, as till t1."""
    token = centre.enrol("t1").token

    async def story() -> list[dict[str, Any]]:
        app = build(centre.database, now=lambda: centre.now, sender=sender)
        transport = httpx.ASGITransport(app=app)
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://centre", headers=headers) as client:
            return [(await client.post(f"/v1/tills/t1/{path}", json=body)).json() for path, body in questions]

    return run_alone(story)


WANTED = {"id": "code-0001", "customer_id": "nina", "language": "ru"}


def test_from_the_question_to_the_right_code(nina: Any, tmp_path: Path) -> None:
    """The centre sends what it then takes; the answer names the phone by its mask only."""
    path = tmp_path / "codes"
    sender = LogSender(path=path, now=moment)
    (sent,) = ask(nina, sender, ("codes", WANTED))
    code = path.read_text("utf-8").split()[-1]
    tried = {"id": "code-0001", "customer_id": "nina", "code": code}
    (verdict,) = ask(nina, sender, ("codes/check", tried))

    assert {"mask": "+7900***01", "expires_s": 180, "again_s": 30} == sent
    assert {"is_right": True, "tries_left": 3} == verdict


def test_a_centre_that_sends_nothing_says_so(nina: Any) -> None:
    """At once, so that the panel offers another proof."""
    assert [{"reason": "no_sender"}] == ask(nina, None, ("codes", WANTED))


@pytest.mark.net
def test_a_code_that_was_not_sent_is_no_code_and_does_not_count(nina: Any, receiver: Any) -> None:
    """The sender is down: the next question may be asked at once."""
    receiver.status = 503
    sender = HttpSender(url=receiver.url, secret=SECRET, now=moment)
    first, again = ask(nina, sender, ("codes", WANTED), ("codes", WANTED | {"id": "code-0002"}))
    code = json.loads(receiver.got[0][1])["code"]
    (verdict,) = ask(nina, sender, ("codes/check", {"id": "code-0001", "customer_id": "nina", "code": code}))

    assert [{"reason": "not_sent"}] * 2 == [first, again]
    assert {"reason": "unknown"} == verdict
