"""The doors over the whole application: codes to phones, work that outlives a stop, tills that are told, commands."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from central.app import build
from central.cli import main
from central.code_senders import Message
from central.shops import inbox
from central.shops.shop import shop_of
from drivers.tills.contract import HttpRequest
from drivers.tills.woocommerce.wire import sign
from tests.own_loop import run_alone

DATABASES = ("sqlite",)
HEADERS = {"lognex-discount-api-auth-token": "the-key"}
PERSON = {"retailStore": {"meta": {"href": "h", "id": "s"}}, "meta": {"href": "h"}, "phone": "+79000000002"}


class Client:
    """Calls the application without a socket; nothing works behind it until a test says so."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def post(self, path: str, **more: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://centre") as line:
                return await line.post(path, **more)

        return run_alone(call)


def work_of(app: Any) -> Any:
    return next(one for one in app.routes if getattr(one, "path", "") == "/shops/{shop}").endpoint.__self__.work


class Sender:
    """Takes messages as a gateway would."""

    def __init__(self, *, can_send: bool = True) -> None:
        self.can_send = can_send
        self.sent: list[Message] = []

    def send(self, message: Message) -> bool:
        self.sent.append(message)
        return True


@pytest.mark.parametrize("can_send", [True, False])
def test_a_code_goes_to_the_phone_before_the_cashier_is_told(benches: Any, can_send: bool) -> None:
    bench, sender = benches("moysklad"), Sender(can_send=can_send)
    client = Client(build(bench.database, sender=sender))
    reply = client.post("/shops/shop-1/counterparty/verify", json=PERSON, headers=HEADERS)

    assert (200 if can_send else 503) == reply.status_code
    assert ["+79000000002"] * can_send == [one.to for one in sender.sent]
    assert all(one.code == reply.json()["verificationCode"] for one in sender.sent)


def test_what_was_kept_before_a_stop_is_done_after_it(benches: Any) -> None:
    bench = benches("woocommerce")
    body = json.dumps({"id": 1, "status": "processing", "total": "10.00", "currency": "RUB"}).encode()
    headers = {"x-wc-webhook-signature": sign(body, "the-key")}
    request = HttpRequest(method="POST", path="/", headers=headers, body=body)
    now = datetime.now(UTC)
    bench.database.writing(lambda connection: inbox.keep(connection, bench.shop, "d-1", request, now=now))
    done = work_of(build(bench.database)).drain()
    (row,) = bench.rows("shop_inbox")

    assert (1, "done", b"", {}) == (done, row.state, row.body, row.headers)
    assert {"wc:shop-1:1": "sale"} == bench.receipts()


def test_the_same_delivery_with_another_content_is_409(benches: Any) -> None:
    bench = benches("woocommerce")
    answers = []
    client = Client(build(bench.database))
    for total in ("10.00", "10.00", "11.00"):
        body = json.dumps({"id": 1, "status": "pending", "total": total, "currency": "RUB"}).encode()
        headers = {"x-wc-webhook-signature": sign(body, "the-key"), "x-wc-webhook-delivery-id": "d-1"}
        answers.append(client.post("/shops/shop-1", content=body, headers=headers).status_code)

    assert [200, 200, 409] == answers


def test_an_accident_in_a_room_is_an_answer_and_keeps_the_delivery(
    benches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale that cannot be recorded now is tried again; its cloud has been thanked."""
    from drivers.tills.woocommerce.door import WooDoor

    def fall(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    bench = benches("woocommerce")
    monkeypatch.setattr(WooDoor, "work", fall)
    body = json.dumps({"id": 1, "status": "processing", "total": "10.00", "currency": "RUB"}).encode()
    client = Client(build(bench.database))
    work = work_of(client.app)
    reply = client.post("/shops/shop-1", content=body, headers={"x-wc-webhook-signature": sign(body, "the-key")})
    work.drain()
    (row,) = bench.rows("shop_inbox")
    monkeypatch.setattr(WooDoor, "answer", fall)
    client = Client(build(bench.database))
    broken = client.post("/shops/shop-1", content=body)

    assert (200, "new", True) == (reply.status_code, row.state, "a bug" in row.reason)
    assert 503 == broken.status_code


# ── Commands ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def at(tmp_path: Path) -> list[str]:
    return ["--database", f"sqlite:///{tmp_path / 'central.db'}"]


def test_a_shop_comes_is_listed_and_goes(at: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text("secret-of-their-cloud\n")
    words = ["shops", "add", "moysklad", "--name", "shop-1", "--set", "ask_code=true", "--set", "lag_s=60"]
    added = main([*words, "--token", str(token), *at])
    printed = capsys.readouterr().out
    main(["shops", "list", *at])
    listed = capsys.readouterr().out
    twice = main([*words, *at])
    removed = main(["shops", "remove", "shop-1", *at])
    again = main([*words, *at])

    assert (0, 1, 0, 0) == (added, twice, removed, again)
    assert "/shops/shop-1" in printed
    assert "its key" in printed
    assert "secret-of-their-cloud" not in printed + listed
    assert "shop-1: moysklad; 0 deliveries wait, 0 were refused" in listed


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["shops", "add", "moyskladd", "--name", "a"], "moysklad"),
        (["shops", "add", "kilbil", "--name", "a"], "agent"),
        (["shops", "add", "moysklad", "--name", "A b"], "small letters"),
        (["shops", "add", "moysklad", "--name", "a", "--zone", "Moscow"], "Europe/Moscow"),
        (["shops", "add", "moysklad", "--name", "a", "--region", "Russia"], "two capital letters"),
        (["shops", "add", "moysklad", "--name", "a", "--set", "unitt=x"], "unit"),
        (["shops", "add", "moysklad", "--name", "a", "--set", "unit"], "KEY=VALUE"),
        (["shops", "add", "moysklad", "--name", "a", "--key", "/no/such/file"], "--key"),
        (["shops", "remove", "nobody"], "shops list"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    at: list[str], words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*words, *at])

    assert 1 == code
    assert named in capsys.readouterr().err


def test_a_removed_shop_is_not_answered(benches: Any) -> None:
    from central.shops.shop import remove_shop

    bench = benches("moysklad")
    bench.database.writing(lambda connection: remove_shop(connection, "shop-1"))
    client = Client(build(bench.database))
    reply = client.post("/shops/shop-1/counterparty/verify", json=PERSON, headers=HEADERS)

    assert 404 == reply.status_code
    assert bench.database.reading(lambda connection: shop_of(connection, "shop-1")) is None
