"""What KKM-Server's messages mean in line: receipts, their results, and a sale to carry a decision into.

One for each connection; the desk behind it is the device's. See `drivers.http_inline`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from drivers.contract import DocumentEnds, ReceiptDropped, Step
from drivers.http_inline import Carry
from drivers.http_wire import Message
from drivers.http_writing import with_body
from drivers.json_amounts import write_json
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer, InsidePolicy
from drivers.vocabulary.receipt import DocumentKind

from .commands import SALE, Command, Result, id_of, is_execute, is_receipt, read_command, read_result, type_of
from .desk import Carried, Entry, Told
from .positions import read_sums
from .receipts import LAYOUT, codes_of, make_receipt
from .rewriting import rewrite


class DeskDoor(Protocol):
    """What a connection says to the desk; see `Desk`."""

    def known(self, name: str) -> tuple[bool, Carried | None]:
        """See `Desk.known`."""
        ...

    def posted(self, command: Command, carried: Carried | None = None) -> Entry:
        """See `Desk.posted`."""
        ...

    def entry(self, name: str) -> Entry | None:
        """See `Desk.entry`."""
        ...

    def answered(self, entry: Entry, status: int, result: Result | None) -> Told:
        """See `Desk.answered`."""
        ...

    def stranger(self, result: Result) -> Document | None:
        """See `Desk.stranger`."""
        ...


@dataclass(frozen=True, slots=True)
class Posted:
    """A receipt whose answer is awaited."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the command of this name."""

    name: str


class KkmRoom:
    """See `drivers.http_inline.HttpRoom`.

    Args:
        desk: of all connections of the device.
        policy: what may be done with a sale.
        currency: of every amount.
        zone: the register's clock.
        columns: characters in a line of its paper.
        new_uid: names a sale that has no fiscal name yet; a POS's own ``IdCommand`` may come again one day.
    """

    def __init__(
        self,
        desk: DeskDoor,
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

    @property
    def holds(self) -> bool:
        """Whether a sale is kept back."""
        return self._policy is not InsidePolicy.OFF

    def may_be_sale(self, method: str, target: str) -> bool:
        """Every command is posted to the same path."""
        return method == "POST" and is_execute(target)

    def preview(self, message: Message, raw: bytes) -> Document | Carry | None:
        """The sale as the POS is about to make it; None for what is none, or cannot be read."""
        command = read_command(message.content)
        if command is None or message.header("content-encoding") or not is_receipt(command):
            return None
        is_known, carried = self._desk.known(id_of(command))
        if carried is not None and carried.asked == _digest(raw):
            # The POS repeats its command: the first copy may have arrived, so it is the same bytes again.
            return Carry(sent=carried.sent, asked=Posted(self._desk.posted(_sent(carried.sent) or command, carried)))
        if is_known or type_of(command) != SALE:
            return None
        try:
            receipt = make_receipt(
                DocumentKind.SALE, read_sums(command), command, None, currency=self._currency, zone=self._zone,
                uid=self._new_uid(),
            )  # fmt: skip
        except ValueError:
            return None
        return Document(
            kind=DocumentKind.SALE, raw=b"", text=(), receipt=receipt, layout=LAYOUT, columns=self._columns,
            codes=codes_of(command),
        )  # fmt: skip

    def carry(self, message: Message, raw: bytes, offer: InsideOffer | None) -> Carry:
        """The sale with what the agent said."""
        command = read_command(message.content) or {}
        if offer is None:
            carried = Carried(asked=_digest(raw), sent=raw)
            return Carry(sent=raw, asked=Posted(self._desk.posted(command, carried)))
        outcome = rewrite(command, offer, self._policy)
        sent = raw if outcome.command == command else with_body(raw, write_json(outcome.command))
        carried = Carried(asked=_digest(raw), sent=sent, quoted=offer.quoted, believed=outcome.believed(self._currency))
        return Carry(sent=sent, asked=Posted(self._desk.posted(outcome.command, carried)))

    def asked(self, message: Message) -> Any:
        """A command passed on as it came."""
        if message.method != "POST" or not is_execute(message.target):
            return None
        command = read_command(message.content)
        if command is None:
            return None
        if is_receipt(command):
            return Posted(self._desk.posted(command))
        return Question(id_of(command)) if command.get("Command") == "GetRezult" and id_of(command) else None

    def answered(self, asked: Any, message: Message) -> Sequence[Step]:
        """What an answer says about a receipt."""
        is_question = isinstance(asked, Question)
        result = read_result(message.content, is_question=is_question) if message.status == 200 else None
        entry = self._desk.entry(asked.name) if is_question else asked.entry
        if is_question and result is None:
            return ()  # it says nothing about the command
        if entry is None:
            stranger = self._desk.stranger(result) if result is not None else None
            told = Told(stranger)
        else:
            told = self._desk.answered(entry, message.status, result)
        steps: list[Step] = []
        if told.document is not None:
            steps.append(DocumentEnds(document=told.document, render=_nothing))
        if told.dropped:
            steps.append(ReceiptDropped(told.dropped))
        return steps


def _sent(raw: bytes) -> Command | None:
    return read_command(raw.lstrip(b"\r\n").partition(b"\r\n\r\n")[2])


def _digest(raw: bytes) -> bytes:
    """Of the body: a POS that sends it again may write other headers."""
    return hashlib.sha256(raw.lstrip(b"\r\n").partition(b"\r\n\r\n")[2]).digest()


def _nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the contract's signature
    """No lines: the receipt is made, and bytes of ours would meet the POS's next request (see README.md)."""
    return b""
