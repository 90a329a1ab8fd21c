"""A till's sale kept back on its way to the web server until the agent has said what may be taken off it; pure.

The request is whole before anybody is asked. What is sent then is the same request with its `sell` task rewritten and
the length of its body written anew; the till gets the server's own answer. A request that the till repeats has the same
bytes sent again, for the first copy may have arrived; another sale under the same uuid passes as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final, Protocol

from drivers.contract import AskOffer, Deliver, FloorStep, GiveFloor, Step, TakeFloor
from drivers.http_wire import Message
from drivers.http_writing import with_body
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer, InsidePolicy
from drivers.vocabulary.receipt import DocumentKind

from .desk import Carried
from .positions import read_sums
from .receipts import LAYOUT, make_receipt
from .rewriting import rewrite_body
from .tasks import TaskRequest, read_request

OFFER_S_MAX: Final = 3.0  # from the till's request to its delivery, whatever the agent does
Order = Step | FloorStep


class Known(Protocol):
    """What the desk knows of a uuid."""

    def known(self, uuid: str) -> tuple[bool, Carried | None]:
        """See `Desk.known`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A request that may go now: the orders, what it says to the server, and what was done to it."""

    orders: tuple[Order, ...]
    request: TaskRequest
    carried: Carried


@dataclass(slots=True)
class _Turn:
    message: Message
    raw: bytes
    request: TaskRequest
    about: Document
    until_s: float


class InsideTasks:
    """Carries decisions into sales.

    Args:
        desk: knows the uuids.
        policy: what may be done.
        currency: of every amount.
        zone: the register's clock.
        columns: characters in a line of its paper.
        new_uid: names a sale that has no fiscal name yet; a till's own uuid may come again one day.
    """

    def __init__(
        self,
        desk: Known,
        *,
        policy: InsidePolicy,
        currency: str,
        zone: tzinfo,
        columns: int,
        new_uid: Callable[[], str],
    ) -> None:
        self._desk = desk
        self._policy = policy
        self._currency = currency
        self._zone = zone
        self._columns = columns
        self._new_uid = new_uid
        self._turn: _Turn | None = None
        self.late = bytearray()

    @property
    def has_floor(self) -> bool:
        """Whether a request of the till is in our hands."""
        return self._turn is not None

    def begin(self, message: Message, raw: bytes, now_s: float) -> Sequence[Order] | Ready:
        """A posted request has come whole; () when it is none of ours and passes as it is."""
        request = read_request(message.content)
        if request is None or message.header("content-encoding"):
            return ()
        is_known, carried = self._desk.known(request.uuid)
        if carried is not None and carried.asked == _digest(raw):
            return self._again(request, carried)
        document = None if is_known else self._preview(request)
        if document is None:
            return ()
        self._turn = _Turn(message, raw, request, document, now_s + OFFER_S_MAX)
        return (TakeFloor(), AskOffer(document))

    def offered(self, asked: Document, offer: InsideOffer | None) -> Ready | None:
        """The agent's word on it; None when nothing was asked, or something else since."""
        turn = self._turn
        if turn is None or asked is not turn.about:
            return None
        if offer is None:
            return self.as_it_came()
        self._turn = None
        body, outcome = rewrite_body(turn.message.content, offer, self._policy)
        believed = outcome.believed(self._currency) if outcome is not None else None
        sent = turn.raw if body == turn.message.content else with_body(turn.raw, body)
        carried = Carried(asked=_digest(turn.raw), sent=sent, quoted=offer.quoted, believed=believed)
        return self._ready(read_request(body) or turn.request, carried)

    def as_it_came(self) -> Ready | None:
        """Nobody has a word on it, or it cannot be waited for: the request goes as the till sent it."""
        turn, self._turn = self._turn, None
        return None if turn is None else self._ready(turn.request, Carried(asked=_digest(turn.raw), sent=turn.raw))

    def tick(self, now_s: float) -> Ready | None:
        """Nobody answered: the request goes as it came."""
        if self._turn is None or now_s < self._turn.until_s:
            return None
        return self.as_it_came()

    def _ready(self, request: TaskRequest, carried: Carried) -> Ready:
        late = bytes(self.late)
        self.late.clear()
        return Ready(orders=(Deliver(carried.sent), GiveFloor(late)), request=request, carried=carried)

    def _again(self, request: TaskRequest, carried: Carried) -> Ready:
        """The till repeats a request: the first copy may have arrived, so it is the same bytes again."""
        ready = self._ready(request, carried)
        return replace(ready, orders=(TakeFloor(), *ready.orders))

    def _preview(self, request: TaskRequest) -> Document | None:
        """The sale as the till is about to close it; None for a request that has not exactly one that can be read."""
        sales = [task for task in request.tasks if task.get("type") == "sell"]
        if self._policy is InsidePolicy.OFF or len(sales) != 1:
            return None
        (task,) = sales
        try:
            receipt = make_receipt(
                DocumentKind.SALE, read_sums(task), uid=self._new_uid(), task=task, fiscal={},
                currency=self._currency, zone=self._zone,
            )  # fmt: skip
        except ValueError:
            return None
        return Document(kind=DocumentKind.SALE, raw=b"", text=(), receipt=receipt, layout=LAYOUT, columns=self._columns)


def _digest(raw: bytes) -> bytes:
    """Of the body: a till that sends it again may write other headers."""
    return hashlib.sha256(raw.lstrip(b"\r\n").partition(b"\r\n\r\n")[2]).digest()
