"""The twin: a register with its web server, or on its own wire by the low-level protocols; can be rude on request.

It takes the place of a register in tests, demonstrations and support; it is no cash register and signs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Final, Protocol

from drivers.contract import Scene

from .amounts import read_json, write_json
from .http_wire import encode_request
from .models import model_named
from .register import Register
from .settings import AtolSettings
from .tasks import Task
from .web_server import Manners, WebServer


class Rudeness(Enum):
    """What can be wrong with the register; several at once."""

    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    SHIFT_OVER_24H = "shift_over_24h"
    PRINTING_INTERRUPTED = "printing_interrupted"
    QUEUE_BLOCKED = "queue_blocked"
    SERVER_ERROR = "server_error"
    SLOW = "slow"
    WRONG_CHECKSUM = "wrong_checksum"
    HALF_ANSWER = "half_answer"
    DUPLICATE_ANSWER = "duplicate_answer"
    ANSWER_LOST = "answer_lost"
    RESTART = "restart"
    SILENCE = "silence"


# One answer is spoiled and the rudeness is over: the next try succeeds.
ONCE: Final = (Rudeness.WRONG_CHECKSUM, Rudeness.HALF_ANSWER, Rudeness.ANSWER_LOST, Rudeness.RESTART)
_SLOW_LOOKS: Final = 5


class Line(Protocol):
    """One connection to the twin, whatever it speaks."""

    is_closed: bool

    def feed(self, data: bytes) -> bytes:
        """Bytes of the other side; what the twin answers."""
        ...


class VirtualAtol:
    """Feed it bytes; it sells, prints and answers; see `drivers.contract.Twin`.

    Args:
        settings: its interface and model say what it is like; None is the default.
        rude: names of the rudenesses it begins with.

    Attributes:
        register: what is inside: paper, fiscal memory, shift.
        web: the web server; only with ``interface = "web"`` anybody speaks with it.
    """

    def __init__(self, settings: AtolSettings | None = None, *, rude: Iterable[str] = ()) -> None:
        self._settings = settings or AtolSettings()
        self.register = Register(model_named(self._settings.model))
        self.web = WebServer(self.register, Manners(user=self._settings.user, password=self._settings.password))
        self._rude: set[Rudeness] = set()
        self._line: Line | None = None
        for name in rude:
            self.be_rude(name)

    @property
    def paper(self) -> tuple[str, ...]:
        """Every line printed, oldest first."""
        return tuple(self.register.paper)

    def be_rude(self, name: str, *, on: bool = True) -> None:
        """Switch a rudeness."""
        change, register, manners = Rudeness(name), self.register, self.web.manners
        if on:
            self._rude.add(change)
        else:
            self._rude.discard(change)
        if change is Rudeness.PAPER_OUT:
            register.is_out_of_paper = on
        elif change is Rudeness.COVER_OPEN:
            register.is_cover_open = on
        elif change is Rudeness.SHIFT_OVER_24H:
            register.is_over_24h = on
        elif change is Rudeness.PRINTING_INTERRUPTED:
            register.is_interrupted = on
        elif change is Rudeness.QUEUE_BLOCKED:
            manners.block_reason = "paperError" if on else ""
        elif change is Rudeness.SERVER_ERROR:
            manners.is_failing = on
        elif change is Rudeness.SLOW:
            manners.looks_max = _SLOW_LOOKS if on else Manners().looks_max

    def connection(self) -> Line:
        """A new connection."""
        return self.web.connection(self._spoil)

    def feed(self, data: bytes, now_s: float = 0.0) -> bytes:  # noqa: ARG002 - the contract's signature
        """Take bytes in any slicing; what the twin answers."""
        if not data:
            return b""
        if self._line is None:
            self._line = self.connection()
        return self._line.feed(data)

    def _spoil(self, answer: bytes) -> bytes:
        """What leaves of an answer of the web server; a rudeness of the wire breaks the connection."""
        if Rudeness.SILENCE in self._rude:
            return b""
        for rude in ONCE:
            if rude in self._rude:
                self._rude.discard(rude)
                return answer[: len(answer) // 2] if rude is Rudeness.HALF_ANSWER else b""
        return answer

    def script(self) -> Sequence[Scene]:
        """What a till sends in an hour: sales, a return, a repeated request, what fails, questions, what is no task."""
        return web_script()


# ── A till ──────────────────────────────────────────────────────────────────────────────────────


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
