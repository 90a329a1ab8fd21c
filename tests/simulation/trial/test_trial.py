"""A POS on trial: a good one passes every step, and each way of being wrong is named."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from simulation.trial import cli

pytestmark = pytest.mark.net
PHONE = "+7 900 000-00-00"


class Talk(io.StringIO):
    """What the trial says, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()

    def write(self, text: str) -> int:
        with self.changed:
            count = super().write(text)
            self.changed.notify_all()
        return count

    def wait(self, pattern: str) -> re.Match[str]:
        with self.changed:
            assert self.changed.wait_for(lambda: re.search(pattern, self.getvalue()), 60), self.getvalue()
            match = re.search(pattern, self.getvalue())
            assert match is not None
            return match


class Pos:
    """A POS as an integrator writes one; each habit can be switched to a bad one."""

    def __init__(self, port: int, token: str, **bad: bool) -> None:
        self.port, self.token, self.bad = port, token, bad
        self.count = 0

    def call(self, name: str, body: dict[str, Any]) -> dict[str, Any] | None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
            line.request("POST", f"/v1/{name}", json.dumps(body).encode(), headers)
            answer: dict[str, Any] = json.loads(line.getresponse().read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()
        return answer

    def until(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        while (answer := self.call(name, body)) is None:
            if self.bad.get("new_uid") and name == "confirm":
                body = {**body, "receipt": {**body["receipt"], "uid": body["receipt"]["uid"] + "x"}}
        return answer

    def receipt(
        self, *, kind: str = "sale", off: str = "0.00", total: str = "1000.00", quantity: str = "10"
    ) -> dict[str, Any]:
        self.count += 1
        line = {"number": 1, "name": "Кофе", "quantity": quantity, "price": "100.00 RUB", "total": f"{total} RUB"}
        if off != "0.00":
            line["discount"] = f"{off} RUB"
        return {"uid": f"r-{self.count}", "kind": kind, "total": f"{total} RUB", "lines": [line]}

    def sell(self, *, member: bool = True, points: int = 0) -> str:
        receipt = self.receipt()
        uid: str = receipt["uid"]
        if member:
            self.until("identify", {"code": PHONE, "receipt_uid": uid})
            quote = self.until("quote", {"receipt": receipt, "points": points})
            line = quote["lines"][0]
            receipt["total"] = quote["payable"]
            receipt["lines"][0] |= {"discount": line["discount"], "total": line["total"]}
            if self.bad.get("whole_price"):
                receipt = {**self.receipt(), "uid": uid}
        self.until("confirm", {"receipt": receipt})
        return uid

    def give_up(self) -> None:
        receipt = self.receipt()
        self.until("identify", {"code": PHONE, "receipt_uid": receipt["uid"]})
        self.until("quote", {"receipt": receipt})
        self.until("cancel", {"receipt_uid": receipt["uid"]})

    def take_back(self, uid: str) -> None:
        receipt = self.receipt(kind="return", total="95.00", quantity="1", off="5.00")
        if not self.bad.get("no_base"):
            receipt["base_uid"] = uid
        self.until("refund", {"receipt": receipt})


def trial(
    monkeypatch: pytest.MonkeyPatch, play: Callable[[Pos, Talk], None], *argv: str, **bad: bool
) -> tuple[int, str]:
    """Run a trial on a thread while a POS plays."""
    talk, told = Talk(), []
    reads, writes = os.pipe()
    keys = os.fdopen(reads)
    monkeypatch.setattr("sys.stdout", talk)
    monkeypatch.setattr("sys.stderr", talk)
    thread = threading.Thread(
        target=lambda: told.append(cli.main(["--port", "0", "--answer-timeout", "20", *argv], given=keys))
    )
    thread.start()
    port = int(talk.wait(r"the POS calls   http://127\.0\.0\.1:(\d+)")[1])
    token = talk.wait(r"with the token  (\S+)\n")[1]
    play(Pos(port, token, **bad), talk)
    os.write(writes, b"next\n")
    os.close(writes)
    thread.join(60)
    keys.close()
    assert not thread.is_alive(), talk.getvalue()
    return told[0], talk.getvalue()


def test_a_good_pos_passes_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(pos: Pos, talk: Talk) -> None:
        talk.wait("1. a sale to nobody")
        pos.sell(member=False)
        talk.wait("2. a sale to a member")
        pos.sell()
        talk.wait("3. points")
        pos.sell(points=50)
        for number in (4, 5, 6, 7):
            talk.wait(rf"\n{number}\. ")
            uid = pos.sell(member=number != 6)
        talk.wait(r"\n8\. ")
        pos.give_up()
        talk.wait(r"\n9\. ")
        pos.take_back(uid)

    code, said = trial(monkeypatch, play)

    assert "9 of 9 steps are good" in said
    assert 0 == code


@pytest.mark.parametrize(
    ("step", "bad", "fault"),
    [
        (2, "whole_price", "charged 50.00 RUB more"),
        (4, "new_uid", "a receipt keeps its uid for ever"),
    ],
)
def test_a_bad_habit_is_named(monkeypatch: pytest.MonkeyPatch, step: int, bad: str, fault: str) -> None:
    def play(pos: Pos, talk: Talk) -> None:
        talk.wait(r"\n1\. ")
        pos.sell()
        talk.wait("✗")

    code, said = trial(monkeypatch, play, "--step", str(step), **{bad: True})

    assert fault in said
    assert "0 of 1 steps are good" in said
    assert 1 == code


def test_a_return_without_its_sale_and_a_refused_call_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(pos: Pos, talk: Talk) -> None:
        talk.wait(r"\n1\. ")
        pos.call("refund", {"receipt": {"uid": "x"}})
        pos.take_back("nothing")
        talk.wait("base_uid")
        pos.bad = {}
        pos.take_back(pos.sell())

    code, said = trial(monkeypatch, play, "--step", "9", no_base=True)

    assert "/v1/refund was answered 400 invalid_request at receipt.kind" in said
    assert "put the sale's uid into receipt.base_uid" in said
    assert 1 == code
