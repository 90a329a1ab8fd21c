"""Which receipts are with the server and which of them were told: each once; pure.

A POS names a command by its ``IdCommand`` and asks with it what became of it, perhaps over another connection, perhaps
again hours later. A receipt is told when its result is first seen done; a command that is posted once more after that
is told once more, under the same fiscal name, and the till counts it once. A command repeated before that has the same
sent again; another one under a name that is still open passes as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Final

from drivers.json_amounts import text_of, write_json
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.receipt import DocumentKind

from .commands import DONE, Command, Result, id_of
from .receipts import read_receipt

RECEIPTS_MAX: Final = 500  # a POS asks about the last one or two


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was done to a command on its way.

    Attributes:
        asked: digest of the body as the POS sent it.
        sent: the whole request as the server got it.
        quoted: uid of the quote that was carried into it, "" for none.
        believed: what the POS takes the receipt for, when a discount of ours made it another one.
    """

    asked: bytes
    sent: bytes
    quoted: str = ""
    believed: WhatTillBelieves | None = None


@dataclass(slots=True)
class Entry:
    """A command that makes a receipt.

    Attributes:
        command: as the server got it.
        is_taken: the server has said that it has it.
        told: the fiscal documents of it that were told, by number and shift.
    """

    command: Command
    carried: Carried | None = None
    is_taken: bool = False
    told: set[str] = field(default_factory=set)

    def drop(self) -> str:
        """The quote of a receipt that did not come about, once."""
        quoted = self.carried.quoted if self.carried is not None else ""
        if self.carried is not None:
            self.carried = replace(self.carried, quoted="", believed=None)
        return quoted


@dataclass(frozen=True, slots=True)
class Told:
    """What came out of an answer: a document, and the quote that is of no use any more, "" for none."""

    document: Document | None = None
    dropped: str = ""


class Desk:
    """The receipts of one KKM-Server.

    Args:
        currency: of every amount.
        zone: the register's clock, for moments that come without one.
        columns: characters in a line of its paper.
    """

    def __init__(self, *, currency: str, zone: tzinfo, columns: int) -> None:
        self._currency = currency
        self._zone = zone
        self._columns = columns
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._strangers: OrderedDict[str, None] = OrderedDict()

    def known(self, name: str) -> tuple[bool, Carried | None]:
        """Whether a receipt of this name was sent, and what was done to it as long as it was not told."""
        entry = self._entries.get(name) if name else None
        return entry is not None, entry.carried if entry is not None and not entry.told else None

    def posted(self, command: Command, carried: Carried | None = None) -> Entry:
        """A receipt went to the server; nobody knows yet what it says."""
        name = id_of(command)
        before = self._entries.get(name) if name else None
        is_open = before is not None and not before.told
        if before is not None and is_open and (before.command == command or before.is_taken):
            return before  # the server has this name: what it answers is about the first command
        entry = Entry(command, carried)
        if name:
            self._entries[name] = entry
            self._entries.move_to_end(name)
            while len(self._entries) > RECEIPTS_MAX:
                self._entries.popitem(last=False)
        return entry

    def entry(self, name: str) -> Entry | None:
        """The receipt of this name."""
        return self._entries.get(name)

    def answered(self, entry: Entry, status: int, result: Result | None) -> Told:
        """The server's answer to a receipt, or to a question about it."""
        if result is None:
            # An answer of HTTP alone: the server did not take it, unless it said before that it has it.
            is_refused = status >= 400 and not entry.is_taken and not entry.told
            return Told(dropped=self._forget(entry)) if is_refused else Told()
        if result.is_open:
            entry.is_taken = True
            return Told()
        if result.status != DONE:
            return Told() if entry.told else Told(dropped=self._forget(entry))
        entry.is_taken = True
        key = _key(result)
        if key in entry.told:
            return Told()
        first = not entry.told
        entry.told.add(key)
        document = read_receipt(entry.command, result, currency=self._currency, zone=self._zone, columns=self._columns)
        if entry.carried is None or document.kind is not DocumentKind.SALE or not first:
            return Told(document)
        return Told(replace(document, quoted=entry.carried.quoted, believed=entry.carried.believed))

    def stranger(self, result: Result) -> Document | None:
        """A receipt that is done and whose command we did not see, once."""
        if result.status != DONE or result.answer.get("Command") != "RegisterCheck" or not result.fiscal:
            return None
        key = f"{id_of(result.answer)}:{_key(result)}"
        if key in self._strangers:
            return None
        self._strangers[key] = None
        while len(self._strangers) > RECEIPTS_MAX:
            self._strangers.popitem(last=False)
        problem = f"document {result.number} was made by a command we did not see; its receipt is not counted"
        return Document(
            kind=DocumentKind.OTHER,
            raw=write_json({"result": result.answer}),
            text=(),
            problems=(problem,),
            columns=self._columns,
        )

    def _forget(self, entry: Entry) -> str:
        """It did not happen: the next try under the same name is a new receipt."""
        name = id_of(entry.command)
        if self._entries.get(name) is entry:
            del self._entries[name]
        return entry.drop()


def _key(result: Result) -> str:
    fiscal = result.fiscal
    return (
        "-".join(map(str, fiscal)) if fiscal else f"{result.number}/{text_of(str(result.answer.get('SessionNumber')))}"
    )
