"""A till for the twin's scenes, for tests and demonstrations: JSON tasks, and their requests on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drivers.contract import Scene
from drivers.http_writing import encode_request
from drivers.json_amounts import read_json, write_json
from drivers.twins import Act, Trial

from .tasks import Task


def post(uuid: str, *tasks: Task) -> bytes:
    """A till's request with tasks."""
    body = write_json({"uuid": uuid, "request": list(tasks)})
    headers = [("Host", "127.0.0.1:16732"), ("Content-Type", "application/json"), ("User-Agent", "till/1.0")]
    return encode_request("POST", "/api/v2/requests", headers, body)


def look(uuid: str, *, times: int = 1) -> bytes:
    """A till asking for results."""
    return encode_request("GET", f"/api/v2/requests/{uuid}", [("Host", "127.0.0.1:16732")]) * times


def position(name: str, price: float, quantity: float, amount: float, **more: Any) -> Task:
    """One position; the numbers as a till writes them."""
    return {
        "type": "position", "name": name, "price": price, "quantity": quantity, "amount": amount, "department": 1,
        "paymentMethod": "fullPayment", "paymentObject": "commodity", "tax": {"type": "vat20"}, **more,
    }  # fmt: skip


def exact(task: Task) -> Task:
    """The same task with exact numbers, as it is read off the wire."""
    read: Task = read_json(write_json(task))
    return read


def sale(*, kind: str = "sell") -> Task:
    """2 × 45.00 with 1.00 off before, 0.351 × 90.00, cash 200.00."""
    return exact(
        {
            "type": kind,
            "taxationType": "osn",
            "operator": {"name": "Кассир Первый"},
            "items": [
                position("Хлеб", 45, 2, 90, infoDiscountAmount=1),
                {"type": "text", "text": "--------------------------------", "alignment": "left"},
                position("Яблоки", 90, 0.351, 31.59),
            ],
            "payments": [{"type": "cash", "sum": 200}],
            "total": 121.59,
        }
    )


def card_sale() -> Task:
    """3 pieces for 40.00, rounded down to whole rubles, by card."""
    return exact(
        {
            "type": "sell",
            "taxationType": "usnIncome",
            "items": [position("Чай", 13.33, 3, 39.99), position("Coffee", 99.99, 1, 99.99)],
            "payments": [{"type": "electronically", "sum": 139}],
            "total": 139,
        }
    )


def web_script() -> Sequence[Scene]:
    """Scenes over HTTP; a receipt counts when its result is seen ready."""
    short = {**sale(), "payments": [{"type": "cash", "sum": 100}]}
    ask_queue = encode_request("GET", "/api/v2/getRequestsQueueStatus", [("Host", "127.0.0.1:16732")])
    other = encode_request("POST", "/api/v1/strange?x=1", [("Host", "x"), ("X-Own", "kept")], b"\x00\xff no JSON")
    return [
        Scene(name="a sale", from_host=post("u-1", sale()) + look("u-1", times=3), documents=1),
        Scene(name="a card sale", from_host=post("u-2", card_sale()) + look("u-2", times=2), documents=1),
        Scene(name="a repeated uuid", from_host=post("u-2", card_sale()) + look("u-2", times=2)),
        Scene(name="a return", from_host=post("u-3", sale(kind="sellReturn")) + look("u-3", times=2), documents=1),
        Scene(name="not paid in full", from_host=post("u-4", short) + look("u-4", times=2)),
        Scene(name="two tasks", from_host=post("u-5", {"type": "reportX"}, card_sale()) + look("u-5", times=2),
              documents=1),
        Scene(name="questions", from_host=ask_queue + look("nobody")),
        Scene(name="what is no task", from_host=other),
        Scene(name="a shift is closed", from_host=post("u-6", {"type": "closeShift"}) + look("u-6", times=2)),
    ]  # fmt: skip


# ── Trouble in the middle ───────────────────────────────────────────────────────────────────────


def web_trials() -> Sequence[Trial]:
    """What a till does when a task fails: it posts it again under a new uuid; see `drivers.twins.Trial`."""

    def sell(uuid: str) -> bytes:
        return post(uuid, sale()) + look(uuid, times=2)

    go_on = post("go-on", {"type": "continuePrint"}) + look("go-on", times=2)
    close = post("z", {"type": "closeShift"}) + look("z", times=2)
    return [
        Trial(
            name="no paper, put in",
            acts=(
                Act(rude="paper_out", from_host=sell("t-1")),
                Act(rude="paper_out", is_on=False, from_host=sell("t-2")),
            ),
            documents=1,
        ),
        Trial(
            name="the cover opened",
            acts=(
                Act(rude="cover_open", from_host=sell("t-1")),
                Act(rude="cover_open", is_on=False, from_host=sell("t-2")),
            ),
            documents=1,
        ),
        Trial(
            name="printing interrupted and continued",
            acts=(Act(rude="printing_interrupted", from_host=sell("t-1") + go_on + sell("t-2")),),
            documents=2,
        ),
        Trial(
            name="a shift over 24 hours, closed",
            acts=(
                Act(from_host=sell("t-1")),
                Act(rude="shift_over_24h", from_host=sell("t-2")),
                Act(from_host=close + sell("t-3")),
            ),
            documents=2,
        ),
        Trial(
            name="the queue blocked for a while",
            acts=(
                Act(rude="queue_blocked", from_host=post("t-1", sale()) + look("t-1", times=3)),
                Act(rude="queue_blocked", is_on=False, from_host=look("t-1", times=2)),
            ),
            documents=1,
        ),
    ]
