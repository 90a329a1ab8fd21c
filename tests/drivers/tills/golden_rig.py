"""What golden files of till systems are made with: a checkout that only listens, masks for people, sums by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drivers import registry
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest, TillSystem
from drivers.tills.reports import ReportContext
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import mask_name, mask_phone
from drivers.vocabulary.phones import normalise
from drivers.vocabulary.receipt import Receipt

KEY = "k" * 32
MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CUSTOMER = "customer-1"
#: A receipt's own text stays; these say who somebody is.
PEOPLE = {"code", "codes", "code_to", "phone"}


@dataclass
class Listener:
    """A checkout that knows one customer and keeps what it is asked; what changes anything it calls done already."""

    customer: str = CUSTOMER
    asked: list[dict[str, Any]] = field(default_factory=list)

    def identify(self, request: contract.IdentifyRequest, *, timeout_s: float) -> contract.IdentifyAnswer:
        self._keep("identify", request)
        if not self.customer:
            return contract.IdentifyAnswer(state=contract.IdentifyState.NOT_FOUND)
        return contract.IdentifyAnswer(state=contract.IdentifyState.FOUND, customer=Customer(id=self.customer))

    def cancel(self, request: contract.CancelRequest, *, timeout_s: float) -> contract.CancelAnswer:
        self._keep("cancel", request)
        return contract.CancelAnswer(receipt_uid=request.receipt_uid, cancelled=False)

    def __getattr__(self, name: str) -> Any:
        if name not in {"enrol", "quote", "hold", "confirm", "refund"}:
            raise AttributeError(name)

        def refuse(request: Any, *, timeout_s: float) -> Any:
            self._keep(name, request)
            raise CheckoutRefused("it was done before", code="already_closed")

        return refuse

    def _keep(self, name: str, request: Any) -> None:
        self.asked.append({"call": name, **plain(request)})


def plain(value: Any) -> Any:
    """As our codec writes it."""
    return json.loads(codec.encode(value))


def system_of(name: str) -> TillSystem:
    system = registry.load_system(name)
    assert isinstance(system, TillSystem), system
    return system


def ask(name: str, request: HttpRequest, listener: Listener, **settings: Any) -> HttpReply:
    """One request through the room's own door; what it keeps for later is done at once."""
    system = system_of(name)
    assert system.door is not None
    door: Any = system.door(
        codec.convert(settings, system.settings_type), DoorContext(name=name, key=KEY, zone=MOSCOW, currency="RUB")
    )
    reply: HttpReply = door.answer(request, listener, now=NOW, timeout_s=5)
    if reply.later:
        door.work(request, listener, now=NOW, timeout_s=5)
    return reply


def documents(name: str, data: bytes) -> list[dict[str, Any]]:
    """A report through the room's own book."""
    system = system_of(name)
    assert system.reports is not None
    book = system.reports.book(codec.convert({}, system.settings_type), ReportContext(zone=MOSCOW, currency="RUB"))
    file = book.file("sample")
    found = [one.read() for one in (*file.feed(data), *file.end())]
    assert ("", "") == (file.problem, book.complaint)
    assert () == tuple(problem for one in found for problem in one.problems)
    return [{"codes": list(one.codes), "receipt": plain(one.receipt)} for one in found]


def masked(value: Any, name: str = "") -> Any:
    """The same without people: phones and names as a cashier would read them."""
    if isinstance(value, dict):
        is_person = value.get("call") == "enrol"
        return {key: mask_name(one) if is_person and key == "name" else masked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [masked(one, name) for one in value]
    if name not in PEOPLE or not isinstance(value, str):
        return value
    is_one = value.startswith("+") or normalise(value, "RU") is not None
    return mask_phone(normalise(value, "RU") or value) if is_one else value


def same_as(golden: Path, told: Any) -> None:
    """The file says the same; `TILLPOINT_REMAKE=1` writes it."""
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if os.environ.get("TILLPOINT_REMAKE"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, "utf-8", newline="\n")
    assert golden.read_text("utf-8") == text, f"{golden}: TILLPOINT_REMAKE=1 makes it anew; read it then"


# ── Money ───────────────────────────────────────────────────────────────────────────────────────


def receipts_in(told: Any) -> Iterator[dict[str, Any]]:
    """Every receipt in a golden file."""
    if isinstance(told, dict):
        if {"uid", "lines", "total"} <= told.keys():
            yield told
        else:
            yield from (found for one in told.values() for found in receipts_in(one))
    elif isinstance(told, list):
        yield from (found for one in told for found in receipts_in(one))


def money(told: str | None) -> Decimal:
    return Decimal(told.removesuffix(" RUB")) if told else Decimal(0)


def reconcile(told: dict[str, Any]) -> None:
    """By hand, and as the vocabulary has it: what a reader of the wire would refuse is no receipt."""
    for line in told["lines"]:
        gross = money(line["price"]) * Decimal(line["quantity"])
        assert abs(gross - money(line.get("discount")) - money(line["total"])) <= Decimal("0.01"), line
    made = sum((money(line["total"]) for line in told["lines"]), start=money(told.get("adjustment")))
    assert made == money(told["total"]), told["uid"]
    if told.get("tenders"):
        paid = sum((money(one["amount"]) for one in told["tenders"]), start=-money(told.get("change")))
        assert paid == money(told["total"]), told["uid"]
    assert plain(codec.decode(json.dumps(told), Receipt)) == told
