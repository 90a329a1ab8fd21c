"""A till for the twin's scenes, tests and benches: commands of whole receipts, and their bytes, numbers running on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from drivers.twins import Act, Trial

from .fields import Modifier, Opening, Payment, Sale, bytes_of, write_opening, write_payment, write_sale, write_subtotal
from .frames import SEQUENCE_MIN, Frame, encode
from .models import Dialect, Model


class PosScript:
    """The bytes a till sends, numbers running on; for the twin's scenes, tests and benches."""

    def __init__(self, model: Model, *, sequence: int = SEQUENCE_MIN) -> None:
        self._model = model
        self._sequence = sequence

    def command(self, code: int, data: bytes = b"") -> bytes:
        """One frame."""
        raw = encode(Frame(sequence=self._sequence, command=code, data=data), self._model.frame)
        self._sequence = self._model.frame.next_sequence(self._sequence)
        return raw

    def commands(self, *rows: tuple[int, bytes]) -> bytes:
        """Frame after frame."""
        return b"".join(self.command(code, data) for code, data in rows)

    def sale(
        self,
        sold: Sequence[Sale],
        off: Modifier | None = None,
        *,
        opening: Opening | None = None,
        payments: Sequence[Payment] = (Payment(),),
    ) -> bytes:
        """A whole receipt."""
        rows = sale_commands(self._model, sold, off, opening=opening, payments=payments)
        return self.commands(*rows)

    def cancelled(self, sold: Sequence[Sale]) -> bytes:
        """A receipt that is given up before it is paid."""
        opened, *items = sale_commands(self._model, sold, None)
        return self.commands(opened, *items[: len(sold)], (self._model.cancel_command, b""))

    def slip(self, lines: Sequence[str]) -> bytes:
        """A service receipt."""
        return self.commands((0x26, b""), *((0x2A, slip_line(self._model, line)) for line in lines), (0x27, b""))


def sale_commands(
    model: Model,
    sold: Sequence[Sale],
    off: Modifier | None,
    *,
    opening: Opening | None = None,
    payments: Sequence[Payment] = (Payment(),),
) -> list[tuple[int, bytes]]:
    """Command and data, one by one, of a whole receipt."""
    rows = [write_opening(model, opening or Opening(unp=UNP)), *((0x31, write_sale(model, sale)) for sale in sold)]
    if off is not None:
        rows.append((0x33, write_subtotal(model, off)))
    return [*rows, *((0x35, write_payment(model, payment)) for payment in payments), (0x38, b"")]


def slip_line(model: Model, line: str) -> bytes:
    """Data of 2Ah: the text, and on Datecs X empty fields for its looks."""
    text = line[: model.columns].replace("\t", " ")
    return bytes_of(text + "\t" * 6 if model.dialect is Dialect.TAB else text)


UNP: Final = "DT000001-0001-0000001"
SOLD: Final = (
    Sale(name="Мляко 3%", price=Decimal("1.20"), quantity=Decimal(2)),
    Sale(
        name="Сирене",
        price=Decimal("12.40"),
        quantity=Decimal("0.355"),
        modifier=Modifier(value=Decimal(-10), is_percent=True),
    ),
    Sale(name="Хляб", price=Decimal("1.55"), modifier=Modifier(value=Decimal("-0.25"), is_percent=False)),
    Sale(name="Чай", price=Decimal("3.10"), modifier=Modifier(value=Decimal(5), is_percent=True)),
)  # fmt: skip


def trials(model: Model) -> Sequence[Trial]:
    """What a till does when the device refuses: it tries, waits, and goes on; see `drivers.twins.Trial`."""
    return [
        *(
            _stopped(model, name, rude)
            for name, rude in (("no paper in the middle, continued", "paper_out"), ("the cover opened", "cover_open"))
        ),
        _over_24_hours(model),
    ]


def _stopped(model: Model, name: str, rude: str) -> Trial:
    till = PosScript(model)
    *before, close = sale_commands(model, SOLD, None)
    return Trial(
        name=name,
        acts=(
            Act(from_host=till.commands(*before)),
            Act(rude=rude, from_host=till.commands(close, (0x4A, b""))),
            Act(rude=rude, is_on=False, from_host=till.commands((0x4A, b""), close)),
        ),
        documents=1,
    )


def _over_24_hours(model: Model) -> Trial:
    till = PosScript(model)
    opened = sale_commands(model, SOLD, None)[:1]
    return Trial(
        name="a shift over 24 hours, closed by a Z report",
        acts=(
            Act(rude="shift_over_24h", from_host=till.commands(*opened)),
            Act(from_host=till.commands((0x45, b"0")) + till.sale(SOLD)),
        ),
        documents=2,
    )
