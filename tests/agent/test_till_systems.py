"""Till systems of the settings: what cannot be used is said, and a port of its own has one door behind it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from agent.assembly import check
from agent.settings import Settings, TillSystemSettings
from drivers.tills.contract import HttpRequest
from tests.shop import Shop, carry

pytestmark = pytest.mark.net


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    port = free_port()
    one = TillSystemSettings(name="front", system="kilbil", listen=f"127.0.0.1:{port}", key="a-key-of-ours")
    made = Shop.opened(tmp_path_factory.mktemp("shop"), [one])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (TillSystemSettings(name="x", system="kilbill"), 'unknown till system "kilbill"; did you mean "kilbil"?'),
        (TillSystemSettings(name="x", system="kilbil", settings={"unti": "bonus"}), "did you mean 'unit'?"),
        (TillSystemSettings(name="x", system="kilbil", settings={"unit": "B"}), "unit"),
    ],
)
def test_what_cannot_be_used_is_said(one: TillSystemSettings, sentence: str) -> None:
    problems = check(Settings(till_systems=(one,)))

    assert 1 == len(problems)
    assert problems[0].startswith("till system 'x': ")
    assert sentence in problems[0]


def ask(shop: Shop, *, alone: bool, path: str = "/load/searchclient", headers: dict[str, str] | None = None) -> int:
    own = shop.systems[0].listen
    port = int(own.rpartition(":")[2]) if alone else shop.agent.port
    body = json.dumps({"search_mode": 3, "search_value": "c0"}).encode()
    request = HttpRequest(
        method="POST", path=path, query={"h": "a-key-of-ours"}, headers={"content-length": str(len(body)), **(headers or {})}, body=body
    )  # fmt: skip
    return carry(port, "" if alone else "/tills/front", request).status


def test_a_port_of_its_own_has_that_door_and_nothing_else(shop: Shop) -> None:
    assert 200 == ask(shop, alone=False)
    assert 200 == ask(shop, alone=True)
    assert 200 == ask(shop, alone=True, headers={"host": "till-7.shop.lan:8090"}), "another machine calls it by a name"
    assert 404 == ask(shop, alone=True, path="/v1/status")
    assert 404 == ask(shop, alone=True, path="/panel")


def test_no_page_of_a_browser_may_call_it(shop: Shop) -> None:
    for alone in (True, False):
        assert 403 == ask(shop, alone=alone, headers={"origin": "http://evil.example"})
    assert 403 == ask(shop, alone=True, headers={"sec-fetch-site": "cross-site"})


def test_a_body_too_large_is_refused_before_the_door_sees_it(shop: Shop) -> None:
    request = HttpRequest(method="POST", path="/load/processsale", query={"h": "a-key-of-ours"}, body=b" " * 10_000_000)
    connection = socket.create_connection(("127.0.0.1", shop.agent.port), timeout=20)
    with connection:
        head = f"POST /tills/front{request.path} HTTP/1.1\r\nhost: 127.0.0.1:{shop.agent.port}\r\ncontent-length: {len(request.body)}\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.recv(4096)

    assert b" 413 " in answer


def test_a_taken_port_is_a_sentence_and_the_rest_goes_on(shop: Shop) -> None:
    from agent.doors.server import DoorServer

    own = shop.systems[0].listen.rpartition(":")
    server = DoorServer(shop.agent.doors._app, port=0, also=[(own[0], int(own[2])), ("192.0.2.7", 8090)])
    server.start()
    try:
        assert server.is_running
        assert 2 == len(server.troubles)
        assert "in use" in server.troubles[0]
        assert "no such address; set listen" in server.troubles[1]
    finally:
        server._server.should_exit = True
        server._thread.join(10)
