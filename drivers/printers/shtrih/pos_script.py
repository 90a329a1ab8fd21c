"""A till for the twin's scenes, for tests and benches: the requests of whole receipts, and their bytes on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from drivers.twins import Act, Trial

from .commands import named
from .frames import ACK, ENQ, encode, encode2

FIRST_NUMBER: Final = 1  # protocol 2: of a register that was switched on just now


def request(name: str, /, **values: int | str | bytes) -> bytes:
    """One request with the password 30."""
    return named(name).encode(password=30, **values)


_NO_TAXES: Final = {"tax1": 0, "tax2": 0, "tax3": 0, "tax4": 0}


def classic_receipt(*, kind: int = 0) -> list[bytes]:
    """Requests of a receipt for 8D, 80/82, 86, 85: 2 × 45.50 with 1.00 off, 0.351 × 90.00, cash 200.00, cut."""
    item = "sale" if kind == 0 else "sale_return"
    return [
        request("open_receipt", type=kind),
        request(item, quantity=2000, price=4550, department=1, text="Хлеб", **_NO_TAXES),
        request("discount", sum=100, text="Акция", **_NO_TAXES),
        request(item, quantity=351, price=9000, department=1, text="Яблоки", **_NO_TAXES),
        request(
            "close_receipt", payment1=20_000, payment2=0, payment3=0, payment4=0, percent=0, text="", **_NO_TAXES,
        ),
        request("cut", type=1),
    ]  # fmt: skip


def modern_receipt() -> list[bytes]:
    """Requests of a receipt for FF46 and FF45: 3 × 13.33 = 40.00, 1 × 99.99, card, rounded down by 99 kopecks."""
    parts = {"type": 1, "tax_sum": 0xFF_FFFF_FFFF, "tax": 1, "department": 0, "method": 4, "subject": 1}
    payments = {f"payment{number}": 13_900 if number == 2 else 0 for number in range(1, 17)}
    return [
        request("open_receipt", type=0),
        request("item_v2", quantity=3_000_000, price=1333, sum=4000, name="Чай".encode("cp1251"), **parts),
        request("item_v2", quantity=1_000_000, price=9999, sum=0xFF_FFFF_FFFF, name=b"Coffee", **parts),
        request("print_line", flags=2, text="Спасибо за покупку"),
        request("close_receipt_v2", rounding=99, taxes=bytes(30), tax_system=1, text=b"", **payments),
    ]


def wire(bodies: Iterable[bytes], *, enquires: bool = True) -> bytes:
    """The bytes of a till that asks these in turn over protocol 1 and acknowledges each answer."""
    return b"".join((bytes([ENQ]) if enquires else b"") + encode(body) + bytes([ACK]) for body in bodies)


def wire2(bodies: Iterable[bytes], *, first: int = FIRST_NUMBER + 1) -> bytes:
    """The same over protocol 2."""
    return b"".join(encode2(first + index, body) for index, body in enumerate(bodies))


# ── Trouble in the middle ───────────────────────────────────────────────────────────────────────


def trials() -> Sequence[Trial]:
    """What a till does when the register refuses: it tries, waits, and goes on; see `drivers.twins.Trial`."""
    opened, first, *rest = classic_receipt()
    begun = wire([opened, first])
    again, close = wire(rest[:1]), wire(rest)
    go_on = wire([request("continue_print")])
    return [
        Trial(
            name="no paper in the middle, continued",
            acts=(
                Act(from_host=begun),
                Act(rude="paper_out", from_host=again),
                Act(rude="paper_out", is_on=False, from_host=again + go_on + close),
            ),
            documents=1,
        ),
        Trial(
            name="the cover opened in the middle",
            acts=(
                Act(from_host=begun),
                Act(rude="cover_open", from_host=again),
                Act(rude="cover_open", is_on=False, from_host=close),
            ),
            documents=1,
        ),
        Trial(
            name="printing interrupted and continued",
            acts=(
                Act(from_host=begun),
                Act(rude="printing_interrupted", from_host=again + go_on + close),
            ),
            documents=1,
        ),
        Trial(
            name="a shift over 24 hours, closed by a Z report",
            acts=(
                Act(from_host=wire(classic_receipt())),
                Act(rude="shift_over_24h", from_host=wire([opened])),
                Act(from_host=wire([request("report_z"), *classic_receipt()])),
            ),
            documents=2,
        ),
    ]
