"""AIF: cards and groups in Artix's frame, as a file with its flag and over a real socket to a load service."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from central.cli import main
from drivers.tills.artix import aif, http_load
from drivers.tills.loads import LoadCard, LoadPlan, LoadTarget, LoadTier
from drivers.vocabulary.errors import DeviceRefused, TransportUnavailable
from drivers.vocabulary.money import Percent
from tests.central.test_cli_till_load import MEMBERS, PROGRAMME

TIERS = (LoadTier(name="silver", title="Серебро", code=101, percent=Percent.parse("5")),)
CARDS = (
    LoadCard(number="2900000000018", tier="silver", name="Анна П.", phone="+79000000001"),
    LoadCard(number="2900000000025", tier="gold"),
    LoadCard(number="2" * 41, tier="silver"),
)


def plan(cards=CARDS, **more: Any) -> LoadPlan:
    return LoadPlan(tiers=TIERS, cards=lambda: cards, day=date(2026, 3, 2), **more)


def read(data: bytes) -> list[dict[str, Any]]:
    """The file as Artix reads it."""
    lines = data.decode().splitlines()
    assert (lines[0], lines[-1]) == ("### data begin ###", "### data end ###")
    return [json.loads(part) for part in "\n".join(lines[1:-1]).split("\n---\n")]


def test_the_frame_and_the_order():
    told = read(b"".join(aif.write(plan())))

    assert [one["command"] for one in told] == ["clearCard", "clearCardGroup", "addCardGroup", "addCard"]
    assert told[2]["cardGroup"] == {"idcardgroup": 101, "name": "Серебро", "text": "Серебро 5 %"}
    assert told[3]["card"] == {
        "idcard": "2900000000018", "number": "2900000000018", "idcardgroup": 101, "validitydatebeg": "2026-03-02",
    }  # fmt: skip


def test_names_only_when_they_are_asked_for():
    told = read(b"".join(aif.write(plan(clients=True, whole=False))))

    assert [one["command"] for one in told] == ["addCardGroup", "addClient", "addCard"]
    assert "Анна".encode() not in b"".join(aif.write(plan()))


def test_many_cards_in_small_pieces():
    cards = [LoadCard(number=str(2_900_000_000_000 + place), tier="silver") for place in range(3_000)]
    pieces = list(aif.write(plan(cards)))

    assert len(read(b"".join(pieces))) == 3_003
    assert max(map(len, pieces)) < 100_000


class Service(BaseHTTPRequestHandler):
    """The cash server's load service."""

    taken: ClassVar[list[tuple[str, str, list[Any]]]] = []
    answer: ClassVar[tuple[int, bytes]] = (200, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = parse_qs(urlsplit(self.path).query)
        login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        assert urlsplit(self.path).path == "/aifexchange/loaddicts"
        assert said["shopcode"] == [self.headers["shopcode"]]
        type(self).taken.append((login, said["dictionaryid"][0], body))
        status, told = type(self).answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def service() -> Iterator[str]:
    Service.taken, Service.answer = [], (200, '{"success": true, "text": "Принято"}'.encode("cp1251"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def target(url: str) -> LoadTarget:
    return LoadTarget(url=url, shop="111", name="load-1", user="admin", password="secret")


@pytest.mark.net
def test_a_plan_goes_in_portions_in_their_order(service, monkeypatch):
    monkeypatch.setattr(http_load, "COMMANDS_AT_ONCE", 3)

    assert http_load.send(plan(), target(service)) == 4
    assert [(login, name) for login, name, _ in Service.taken] == [
        ("admin:secret", "load-1-1"), ("admin:secret", "load-1-2"),
    ]  # fmt: skip
    assert [one["command"] for _, _, body in Service.taken for one in body] == [
        "clearCard", "clearCardGroup", "addCardGroup", "addCard",
    ]  # fmt: skip


@pytest.mark.net
@pytest.mark.parametrize(
    "answer", [(200, b'{"success": false}'), (401, b"no"), (200, b"<html>"), (200, b"[]"), (500, b"")]
)
def test_what_is_not_taken_is_told(service, answer):
    Service.answer = answer
    with pytest.raises(DeviceRefused, match=f"HTTP {answer[0]}") as refused:
        http_load.send(plan(), target(service))

    assert "secret" not in str(refused.value)


@pytest.mark.net
def test_nobody_there():
    with pytest.raises(TransportUnavailable, match=r"127\.0\.0\.1:1"):
        http_load.send(plan(), target("http://127.0.0.1:1"))


@pytest.fixture
def central(tmp_path, capsys):
    def run(*words):
        status = main([*words, "--database", f"sqlite:///{tmp_path / 'central.db'}"])
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    (tmp_path / "members.csv").write_text(MEMBERS, encoding="utf-8")
    (tmp_path / "programme.toml").write_text(PROGRAMME, encoding="utf-8")
    assert run("members", "load", str(tmp_path / "members.csv"))[0] == 0
    assert run("programme", "set", str(tmp_path / "programme.toml"))[0] == 0
    return run


def test_the_command_writes_the_data_and_then_the_flag(central, tmp_path):
    data, flag = tmp_path / "pos1.aif", tmp_path / "pos1.flz"
    status, told = central("till-load", "artix", str(data), "--flag", str(flag))
    again, waits = central("till-load", "artix", str(data), "--flag", str(flag))

    assert (status, "Artix" in told, flag.read_bytes()) == (0, True, b"")
    assert {one["card"]["number"] for one in read(data.read_bytes()) if one["command"] == "addCard"} == {
        "2900000000018", "2900000000025",
    }  # fmt: skip
    assert (again, "waits" in waits) == (1, True)


@pytest.mark.net
def test_the_command_sends_it(central, service, monkeypatch):
    monkeypatch.setenv("TILLPOINT_LOAD_PASSWORD", "secret")
    status, told = central("till-load", "artix", "--send", service, "--shop", "111", "--user", "admin")

    assert (status, "6 commands" in told) == (0, True)
    assert Service.taken[0][0] == "admin:secret"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("artix",), "say where"),
        (("artix", "x", "--send", "http://127.0.0.1:1"), "say where"),
        (("frontol", "--send", "http://127.0.0.1:1"), "takes files alone"),
        (("artix", "--send", "127.0.0.1"), "--send wants"),
        (("artix", "--send", "http://127.0.0.1:1", "--shop", "1"), "does not answer"),
    ],
)
def test_what_is_wrong_with_the_command_is_said(central, words, sentence):
    status, told = central("till-load", *words)

    assert (status != 0, sentence in told) == (True, True)
