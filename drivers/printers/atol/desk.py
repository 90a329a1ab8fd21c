"""Which requests are with the web server and which of their receipts were told: each once; pure.

A till posts under a uuid of its own and asks for the results until they are final, perhaps over another connection,
perhaps again hours later. A receipt is told when its result is first seen ready. A uuid that is posted again is
refused by the server (409) and changes nothing here; one that is accepted again (201: the server has forgotten it)
is a new request, and its fiscal document a new one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Final

from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import WhatTillBelieves

from .receipts import is_counted, read_receipt, unknown_receipt
from .tasks import Task, TaskRequest, TaskResult

REQUESTS_MAX: Final = 500  # the server forgets them after 12 hours; a till makes fewer receipts than that in its queue
_ACCEPTED: Final = frozenset({200, 201, 202})
_KNOWN: Final = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was done to a request on its way.

    Attributes:
        asked: digest of the request as the till sent it.
        sent: the whole request as the server got it; a till that repeats its request has the same sent again.
        quoted: uid of the quote that was carried into it, "" for none.
        believed: what the till takes the receipt for, when a discount of ours made it another one.
    """

    asked: bytes
    sent: bytes
    quoted: str = ""
    believed: WhatTillBelieves | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What came out of results: documents, and the quote that is of no use any more, "" for none."""

    documents: tuple[Document, ...] = ()
    dropped: str = ""


@dataclass(slots=True)
class _Entry:
    """A request; `told` are the places of receipts that were told. `is_certain`: the server said that it has it."""

    tasks: tuple[Task, ...]
    carried: Carried | None = None
    is_certain: bool = False
    told: set[int] = field(default_factory=set)

    def drop(self) -> str:
        """The quote of a receipt that did not come about, once."""
        quoted = self.carried.quoted if self.carried is not None else ""
        if self.carried is not None:
            self.carried = replace(self.carried, quoted="", believed=None)
        return quoted


class Desk:
    """The requests of one web server.

    Args:
        currency: of every amount.
        zone: the register's clock, for moments that come without one.
        columns: characters in a line of its paper, 0 when that is not known.
    """

    def __init__(self, *, currency: str, zone: tzinfo, columns: int) -> None:
        self._currency = currency
        self._zone = zone
        self._columns = columns
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def known(self, uuid: str) -> tuple[bool, Carried | None]:
        """Whether a request of this uuid was sent, and what was done to it as long as its receipt was not told."""
        entry = self._entries.get(uuid)
        return entry is not None, entry.carried if entry is not None and not entry.told else None

    def posted(self, request: TaskRequest, carried: Carried | None = None) -> None:
        """A request went to the server; nobody knows yet what it says."""
        entry = self._entries.get(request.uuid)
        if entry is None or not (entry.is_certain or entry.told):
            self._keep(request.uuid, _Entry(request.tasks, carried))

    def answered(self, request: TaskRequest, status: int) -> str:
        """The server's answer to that request; the quote that is of no use any more, "" for none."""
        entry = self._entries.get(request.uuid)
        if status in _ACCEPTED:
            is_same = entry is not None and not entry.told and entry.tasks == request.tasks
            carried = entry.carried if entry is not None and is_same else None
            self._keep(request.uuid, _Entry(request.tasks, carried, is_certain=True))
        elif status == _KNOWN:
            if entry is not None:
                entry.is_certain = True
        elif 400 <= status < 500 and entry is not None and not entry.is_certain and not entry.told:
            del self._entries[request.uuid]
            return entry.drop()
        return ""

    def told(self, uuid: str, results: Sequence[TaskResult]) -> Told:
        """The results of a request as the server gave them; what is new by them."""
        entry = self._entries.get(uuid)
        if entry is None:
            if not any(_is_receipt(result) for result in results):
                return Told()
            entry = _Entry(())
            self._keep(uuid, entry)
        documents = []
        for place, result in enumerate(results):
            document = self._document(entry, place, result)
            if document is not None:
                entry.told.add(place)
                documents.append(document)
        has_failed = bool(results) and all(one.is_final for one in results) and not entry.told
        return Told(tuple(documents), entry.drop() if has_failed else "")

    def _document(self, entry: _Entry, place: int, result: TaskResult) -> Document | None:
        if place in entry.told or not result.fiscal:
            return None
        if not entry.tasks:
            return unknown_receipt(result, columns=self._columns) if _is_receipt(result) else None
        task = entry.tasks[place] if place < len(entry.tasks) else {}
        if not is_counted(task):
            return None
        document = read_receipt(task, result, currency=self._currency, zone=self._zone, columns=self._columns)
        if entry.carried is None or task.get("type") != "sell":
            return document
        return replace(document, quoted=entry.carried.quoted, believed=entry.carried.believed)

    def _keep(self, uuid: str, entry: _Entry) -> None:
        self._entries[uuid] = entry
        self._entries.move_to_end(uuid)
        while len(self._entries) > REQUESTS_MAX:
            self._entries.popitem(last=False)


def _is_receipt(result: TaskResult) -> bool:
    """Fiscal parameters of a receipt have a number in the shift and a total; those of a shift have not."""
    return result.fiscal.get("fiscalReceiptNumber") is not None and result.fiscal.get("total") is not None
