"""The twin's inside: a register with shift, receipts, fiscal memory and paper; carries out JSON tasks, knows no wire.

It checks what the device checks: price × quantity against the amount, payments against the total, shift, paper, cover.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from drivers.ffd import tlv
from drivers.ffd.tlv import Tag
from drivers.json_amounts import amount_of, text_of, whole_of
from drivers.twins import CUT, Roll
from drivers.vocabulary.money import divide_half_up
from drivers.vocabulary.receipt import TenderKind

from .fiscal_memory import NUMBER, REGISTRATION, FiscalMemory, Stored
from .models import Model
from .positions import Sums, read_sums
from .status import driver_trouble
from .tasks import RECEIPTS, Task

BEGINNING: Final = datetime(2026, 1, 15, 12, 0)  # noqa: DTZ001 - the register's wall clock has no zone
TITLES: Final = {1: "ПРИХОД", 2: "ВОЗВРАТ ПРИХОДА", 3: "РАСХОД", 4: "ВОЗВРАТ РАСХОДА"}
_TAGS: Final = {
    TenderKind.CASH: Tag.CASH, TenderKind.CARD: Tag.ELECTRONIC, TenderKind.PREPAID: Tag.PREPAID,
    TenderKind.CREDIT: Tag.CREDIT, TenderKind.OTHER: Tag.COUNTER,
}  # fmt: skip


class Refused(Exception):  # noqa: N818 - an answer with an error
    """Private to the twin: a driver error."""

    def __init__(self, error: int) -> None:
        super().__init__(driver_trouble(error)[0])
        self.error = error


class Register:
    """Carries out one task after the other.

    Attributes:
        roll: the paper that came out.
        is_out_of_paper, is_cover_open, is_over_24h: what can be wrong.
        is_interrupted: the next document is closed and not printed; `continuePrint` prints it.
    """

    def __init__(self, model: Model, *, offset: str = "+03:00") -> None:
        self.model = model
        self.memory = FiscalMemory()
        self.roll = Roll()
        self.moment = BEGINNING
        self.shift = 1
        self.is_shift_open = False
        self.receipts_in_shift = 0
        self.is_out_of_paper = self.is_cover_open = self.is_over_24h = self.is_interrupted = False
        self._offset = offset
        self._unprinted: list[str] = []

    @property
    def paper(self) -> list[str]:
        """The lines printed, oldest first."""
        return list(self.roll.since(0))

    def execute(self, task: Task) -> Task:
        """One task's result; raises Refused."""
        name = str(task.get("type", ""))
        if name in RECEIPTS:
            return self._receipt(RECEIPTS[name], task)
        handler: Callable[[Task], Task] | None = getattr(self, f"_do_{name}", None)
        if handler is None:
            raise Refused(501)
        return handler(task)

    def must_print(self) -> None:
        """Raises Refused without paper or with an open cover."""
        if self.is_out_of_paper:
            raise Refused(44)
        if self.is_cover_open:
            raise Refused(45)

    def print(self, *lines: str) -> None:
        """Put lines on the paper, wide ones on several."""
        width = self.model.columns
        rows = [line[at : at + width] for line in lines for at in range(0, max(1, len(line)), width)]
        if self._unprinted or self.is_interrupted:
            self._unprinted += rows
            return
        self.roll.put(*rows)

    def store(self, kind: int, items: Any = (), *, operation: int = 0, total: int = 0) -> Stored:
        """Close a document in the fiscal memory."""
        self.moment += timedelta(seconds=1)
        return self.memory.store(
            kind, items, moment=self.moment, shift=self.shift, operation=operation, total=total
        )  # fmt: skip

    # ── Receipts ────────────────────────────────────────────────────────────────────────────────

    def _receipt(self, operation: int, task: Task) -> Task:
        self.must_print()
        try:
            sums = read_sums(task)
        except ValueError:
            raise Refused(501) from None
        check_sums(sums)
        if self.is_over_24h:
            raise Refused(68)
        if not self.is_shift_open:
            self.open_shift()
        operator = task.get("operator")
        cashier = text_of(operator.get("name")) if isinstance(operator, dict) else ""
        stored = self.close_receipt(operation, sums, cashier=cashier)
        was_interrupted = self.is_interrupted
        self._print_receipt(operation, task, sums, stored)
        self.is_interrupted = False
        fiscal = self._fiscal(stored) | {
            "fiscalReceiptNumber": self.receipts_in_shift,
            "total": amount_of(sums.total),
        }
        return {"fiscalParams": fiscal, "warnings": {"notPrinted": True} if was_interrupted else None}

    def close_receipt(self, operation: int, sums: Sums, *, cashier: str = "") -> Stored:
        """Put a receipt into the fiscal memory."""
        items = [
            tlv.Item(
                Tag.ITEM,
                inner=(
                    tlv.Item(Tag.NAME, one.name.encode(tlv.TEXT_CODEC, "replace")),
                    tlv.Item(Tag.QUANTITY, tlv.fvln(one.quantity)),
                    tlv.Item(Tag.PRICE, tlv.vln(one.price)),
                    tlv.Item(Tag.SUM, tlv.vln(one.amount)),
                ),
            )
            for one in sums.positions
        ]
        paid: dict[Tag, int] = {}
        for payment in sums.payments:
            tag = _TAGS[payment.kind]
            paid[tag] = paid.get(tag, 0) + payment.minor
        paid[Tag.CASH] = paid.get(Tag.CASH, 0) - sums.change
        self.receipts_in_shift += 1
        head = [
            tlv.Item(Tag.RECEIPT, self.receipts_in_shift.to_bytes(4, "little")),
            tlv.Item(Tag.OPERATION, bytes([operation])),
            tlv.Item(Tag.TOTAL, tlv.vln(sums.total)),
            *(tlv.Item(tag, tlv.vln(minor)) for tag, minor in paid.items()),
        ]
        if cashier:
            head.append(tlv.Item(Tag.CASHIER, cashier.encode(tlv.TEXT_CODEC, "replace")))
        return self.store(3, [*head, *items], operation=operation, total=sums.total)

    def _print_receipt(self, operation: int, task: Task, sums: Sums, stored: Stored) -> None:
        self._print_texts(task.get("preItems"))
        self.print(f"КАССОВЫЙ ЧЕК / {TITLES[operation]}")
        by_place = {one.place: one for one in sums.positions}
        for place, item in enumerate(task["items"]):
            one = by_place.get(place)
            if one is None:
                self._print_texts([item])
                continue
            self.print(one.name, f"{one.quantity} x {money(one.price)} ={money(one.amount)}")
            if one.off:
                self.print(f"СКИДКА {money(one.off)}")
        self.print(f"ИТОГ ={money(sums.total)}")
        for payment in sums.payments:
            self.print(f"{payment.kind.name} ={money(payment.minor)}")
        if sums.change:
            self.print(f"СДАЧА ={money(sums.change)}")
        self.print(f"ФН {NUMBER} ФД {stored.number} ФП {stored.sign}")
        self._print_texts(task.get("postItems"))
        self.print(CUT + "-" * (self.model.columns - 1))

    def _print_texts(self, items: Any) -> None:
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and item.get("type") == "text":
                self.print(text_of(item.get("text")))
            elif isinstance(item, dict) and item.get("type") == "barcode":
                self.print(f"[{item.get('barcodeType')} {item.get('barcode')}]")

    # ── Shift ───────────────────────────────────────────────────────────────────────────────────

    def open_shift(self) -> Stored:
        """Open the shift, whatever was before."""
        self.is_shift_open, self.receipts_in_shift = True, 0
        stored = self.store(2)
        self.print(f"СМЕНА {self.shift} ОТКРЫТА")
        return stored

    def close_shift(self) -> Stored:
        """Close the shift, whatever was before."""
        stored = self.store(5)
        self.print(f"СМЕНА {self.shift} ЗАКРЫТА")
        self.is_shift_open = self.is_over_24h = False
        self.shift += 1
        return stored

    def _do_openShift(self, _: Task) -> Task:  # noqa: N802 - the name of the task
        if self.is_shift_open:
            raise Refused(83)
        self.must_print()
        return {"fiscalParams": self._fiscal(self.open_shift())}

    def _do_closeShift(self, _: Task) -> Task:  # noqa: N802
        if not self.is_shift_open:
            raise Refused(73)
        self.must_print()
        return {"fiscalParams": self._fiscal(self.close_shift())}

    def _do_reportX(self, _: Task) -> Task:  # noqa: N802
        self.must_print()
        self.print("X-ОТЧЕТ")
        return {}

    def _fiscal(self, stored: Stored) -> Task:
        return {
            "fiscalDocumentNumber": stored.number,
            "fiscalDocumentSign": str(stored.sign),
            "fiscalDocumentDateTime": f"{stored.moment.isoformat()}{self._offset}",
            "shiftNumber": stored.shift,
            "fnNumber": NUMBER,
            "registrationNumber": REGISTRATION,
            "fnsUrl": "www.nalog.gov.ru",
        }

    # ── State and documents ─────────────────────────────────────────────────────────────────────

    def _do_getDeviceStatus(self, _: Task) -> Task:  # noqa: N802
        return {
            "deviceStatus": {
                "currentDateTime": f"{self.moment.isoformat()}{self._offset}",
                "shift": self.shift_state,
                "blocked": False,
                "coverOpened": self.is_cover_open,
                "paperPresent": not self.is_out_of_paper,
                "fiscal": True,
                "fnFiscal": True,
                "fnPresent": True,
                "cashDrawerOpened": False,
            },
        }

    @property
    def shift_state(self) -> str:
        """``opened``, ``closed`` or ``expired``."""
        if not self.is_shift_open:
            return "closed"
        return "expired" if self.is_over_24h else "opened"

    def _do_getShiftStatus(self, _: Task) -> Task:  # noqa: N802
        return {"shiftStatus": {"expiredTime": "", "number": self.shift, "state": self.shift_state}}

    def _do_getFnInfo(self, _: Task) -> Task:  # noqa: N802
        return {"fnInfo": {"serial": NUMBER, "ffdVersion": "1.2", "fnFfdVersion": "1.2"}}

    def _do_getFnStatus(self, _: Task) -> Task:  # noqa: N802
        return {
            "fnStatus": {"fiscalDocumentNumber": self.memory.last, "fiscalReceiptNumber": self.receipts_in_shift},
        }

    def _do_getFnDocument(self, task: Task) -> Task:  # noqa: N802
        stored = self.memory.documents.get(whole_of(task.get("fiscalDocumentNumber")))
        if stored is None:
            raise Refused(123)
        return self.memory.as_json(stored, with_raw=task.get("withRawData") is True)

    # ── Printing ────────────────────────────────────────────────────────────────────────────────

    def _do_nonFiscal(self, task: Task) -> Task:  # noqa: N802
        self.must_print()
        self._print_texts(task.get("items"))
        self.print(CUT + "-" * (self.model.columns - 1))
        return {}

    def _do_continuePrint(self, _: Task) -> Task:  # noqa: N802
        self.must_print()
        lines, self._unprinted = self._unprinted, []
        self.is_interrupted = False
        self.print(*lines)
        return {}

    def _do_openCashDrawer(self, _: Task) -> Task:  # noqa: N802
        return {}


def check_sums(sums: Sums) -> None:
    """What the device checks before it begins; raises Refused with the driver's error."""
    for one in sums.positions:
        if abs(divide_half_up(one.price * one.quantity.steps, 1_000_000) - one.amount) > 1:
            raise Refused(16)
    if not 0 <= sums.amount - sums.total < 100:
        raise Refused(16)
    if sum(one.minor for one in sums.payments if one.kind is not TenderKind.CASH) > sums.total:
        raise Refused(52)
    if sums.paid < sums.total:
        raise Refused(66)


def money(minor: int) -> str:
    """Kopecks as printed."""
    return f"{minor // 100}.{minor % 100:02d}"
