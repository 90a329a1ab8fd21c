"""A receipt task and its fiscal parameters → a `Document`; the same receipt as the one read out of the fiscal memory.

The receipt is called by fiscal memory, document number and fiscal sign (``f-…``), as everywhere, so that whoever sees
it twice knows it.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from drivers.ffd.lines import fiscal_uid, make_line
from drivers.json_amounts import minor_of, text_of, whole_of, write_json
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt, Tender

from .positions import Sums, read_sums
from .tasks import CORRECTIONS, RECEIPTS, Task, TaskResult

LAYOUT: Final = "atol-json"
_KINDS: Final = {"sell": DocumentKind.SALE, "sellReturn": DocumentKind.RETURN}
_PERSONAL: Final = frozenset({"clientInfo", "companyInfo"})  # not kept with a receipt that could not be read
_PARTS_MAX: Final = 40


def is_counted(task: Task) -> bool:
    """Whether this task makes a fiscal receipt or a correction of one."""
    return task.get("type") in RECEIPTS or task.get("type") in CORRECTIONS


def read_receipt(task: Task, result: TaskResult, *, currency: str, zone: tzinfo, columns: int) -> Document:
    """What a finished receipt task is; what is wrong with it is a problem in the value, not an exception."""
    kept = {key: value for key, value in task.items() if key not in _PERSONAL}
    raw = write_json({"task": kept, "fiscalParams": result.fiscal})
    name = str(task.get("type", ""))[:_PARTS_MAX]
    kind = _KINDS.get(name)
    number = whole_of(result.fiscal.get("fiscalDocumentNumber"))
    if kind is None:
        what = "a correction" if name in CORRECTIONS else "a purchase from the customer"
        problem = f"{what} ({name}, document {number}): nothing was sold"
        return Document(kind=DocumentKind.OTHER, raw=raw, text=(), problems=(problem,), columns=columns)
    try:
        sums = read_sums(task)
        uid = _uid(result.fiscal)
        receipt = make_receipt(kind, sums, uid=uid, task=task, fiscal=result.fiscal, currency=currency, zone=zone)
    except ValueError as error:
        problem = f"the receipt of document {number} cannot be read: {error}"
        return Document(kind=kind, raw=raw, text=(), problems=(problem,), columns=columns)
    return Document(kind=kind, raw=raw, text=(), receipt=receipt, layout=LAYOUT, columns=columns)


def unknown_receipt(result: TaskResult, *, columns: int) -> Document:
    """A closed receipt whose task was posted before our time."""
    number = whole_of(result.fiscal.get("fiscalDocumentNumber"))
    problem = f"document {number} was closed by a task we did not see; read it out of the fiscal memory"
    return Document(
        kind=DocumentKind.OTHER,
        raw=write_json({"fiscalParams": result.fiscal}),
        text=(),
        problems=(problem,),
        columns=columns,
    )


def make_receipt(
    kind: DocumentKind, sums: Sums, *, uid: str, task: Task, fiscal: Task, currency: str, zone: tzinfo
) -> Receipt:
    """The receipt of a task; without `fiscal` the one the till is about to close. Raises ValueError."""
    lines = tuple(
        make_line(
            number,
            position.name,
            position.quantity,
            Money(position.price, currency),
            Money(position.amount, currency),
            off=max(0, position.off),
            barcode=position.barcode,
        )
        for number, position in enumerate(sums.positions, start=1)
    )
    total = minor_of(fiscal["total"], "fiscalParams.total") if fiscal.get("total") is not None else sums.total
    change = sums.paid - total
    if change < 0:
        raise ValueError(f"payments of {sums.paid} minor units do not make the total of {total}")
    adjustment = total - sums.amount
    operator = task.get("operator")
    number = whole_of(fiscal.get("fiscalDocumentNumber"))
    return Receipt(
        uid=uid,
        kind=kind,
        total=Money(total, currency),
        lines=lines,
        tenders=tuple(
            Tender(kind=payment.kind, amount=Money(payment.minor, currency), name=payment.name)
            for payment in sums.payments
        ),
        change=Money(change, currency) if change else None,
        adjustment=Money(adjustment, currency) if adjustment else None,
        closed_at=moment_of(fiscal.get("fiscalDocumentDateTime"), zone),
        cashier=text_of(operator.get("name"))[:400] if isinstance(operator, dict) else "",
        shift=whole_of(fiscal.get("shiftNumber")) or None,
        number=str(number) if number else "",
    )


def _uid(fiscal: Task) -> str:
    memory = str(fiscal.get("fnNumber", "")).strip()
    number, sign = whole_of(fiscal.get("fiscalDocumentNumber")), whole_of(fiscal.get("fiscalDocumentSign"))
    if not memory.isdigit() or not number or not sign:
        raise ValueError("fiscal memory, document number or fiscal sign is missing")
    return fiscal_uid(memory, number, sign)


def moment_of(value: object, zone: tzinfo) -> datetime | None:
    """``2026-01-15T12:30:00+03:00``, or without an offset as the wall clock of the place; None for what is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=zone)
