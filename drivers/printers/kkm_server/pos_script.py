"""A POS for the twin's scenes, for tests and demonstrations: commands, and their requests on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drivers.contract import Scene
from drivers.http_writing import encode_request
from drivers.json_amounts import read_json, write_json
from drivers.twins import Act, Trial

from .commands import Command

HEADERS = [("Host", "127.0.0.1:5893"), ("Content-Type", "application/json; charset=UTF-8"), ("User-Agent", "POS/1.0")]


def post(command: Command, *, path: str = "/Execute") -> bytes:
    """A POS's request."""
    return encode_request("POST", path, HEADERS, write_json(command))


def look(name: str, *, times: int = 1) -> bytes:
    """A POS asking for the result of a command."""
    return post({"Command": "GetRezult", "IdCommand": name}) * times


def position(name: str, price: float, quantity: float, amount: float, **more: Any) -> Command:
    """One position; the numbers as a POS writes them."""
    return {
        "Register": {
            "Name": name, "Quantity": quantity, "Price": price, "Amount": amount, "Department": 0, "Tax": 20,
            "SignMethodCalculation": 4, "SignCalculationObject": 1, **more,
        }
    }  # fmt: skip


def sale(name: str, *, kind: int = 0, **more: Any) -> Command:
    """2 × 100.00 with 20.00 off by the POS, 0.351 × 90.00, cash 300.00 of which 88.41 come back."""
    command = {
        "Command": "RegisterCheck", "NumDevice": 0, "Timeout": 30, "IdCommand": name, "IsFiscalCheck": True,
        "TypeCheck": kind, "NotPrint": False, "CashierName": "Кассир Первый", "CashierVATIN": "",
        "ClientAddress": "",
        "CheckStrings": [
            {"PrintText": {"Text": ">#2#<Добро пожаловать"}},
            position("Хлеб", 100, 2, 180, EAN13="4600000000015"),
            position("Яблоки", 90, 0.351, 31.59),
            {"BarCode": {"BarcodeType": "QR", "Barcode": "https://example.invalid/1"}},
        ],
        "Cash": 300, "ElectronicPayment": 0, "AdvancePayment": 0, "Credit": 0, "CashProvision": 0, **more,
    }  # fmt: skip
    read: Command = read_json(write_json(command))
    return read


def card_sale(name: str, **more: Any) -> Command:
    """Two positions by card."""
    strings = [position("Чай", 13.33, 3, 39.99), position("Coffee", 99.99, 1, 99.99)]
    return sale(name, CheckStrings=strings, Cash=0, ElectronicPayment=139.98, **more)


def sell_many(count: int) -> Sequence[Command]:
    """Receipts of three kinds in turn."""
    made = []
    for number in range(count):
        name = f"own-{number}"
        made.append((sale(name), card_sale(name), sale(name, kind=1))[number % 3])
    return made


def web_script() -> Sequence[Scene]:
    """Scenes over HTTP; a receipt counts when its result is seen done."""
    short = sale("k-5", Cash=10)
    slip = {"Command": "RegisterCheck", "IsFiscalCheck": False, "IdCommand": "k-6",
            "CheckStrings": [{"PrintText": {"Text": "Купон"}}]}  # fmt: skip
    other = encode_request("POST", "/api/strange?x=1", [("Host", "x"), ("X-Own", "kept")], b"\x00\xff no JSON")
    return [
        Scene(name="a sale", from_host=post(sale("k-1")), documents=1),
        Scene(name="a card sale, waited for", from_host=post(card_sale("k-2"), path="/Execute/sync"), documents=1),
        Scene(
            name="a repeated command, told once more",
            from_host=post(card_sale("k-2")) + look("k-2", times=2),
            documents=1,
        ),
        Scene(name="a sale asked about", from_host=post(sale("k-3", Timeout=0)) + look("k-3", times=3), documents=1),
        Scene(name="a return", from_host=post(sale("k-4", kind=1)), documents=1),
        Scene(name="not paid in full", from_host=post(short)),
        Scene(name="a slip of the POS", from_host=post(slip)),
        Scene(name="a sale without a name", from_host=post(sale("")), documents=1),
        Scene(name="questions", from_host=post({"Command": "GetDataKKT", "IdCommand": "q"}) + look("nobody")),
        Scene(name="what is no command", from_host=other),
        Scene(name="a shift is closed", from_host=post({"Command": "CloseShift", "IdCommand": "z-1"})),
    ]


# ── Trouble in the middle ───────────────────────────────────────────────────────────────────────


def web_trials() -> Sequence[Trial]:
    """What a POS does when a receipt fails: the cashier tries again; see `drivers.twins.Trial`."""
    close = post({"Command": "CloseShift", "IdCommand": "z"})
    return [
        Trial(
            name="no paper, put in",
            acts=(
                Act(rude="paper_out", from_host=post(sale("t-1"))),
                Act(rude="paper_out", is_on=False, from_host=post(sale("t-1"))),
            ),
            documents=1,
        ),
        Trial(
            name="the cover opened",
            acts=(
                Act(rude="cover_open", from_host=post(sale("t-1"))),
                Act(rude="cover_open", is_on=False, from_host=post(sale("t-2"))),
            ),
            documents=1,
        ),
        Trial(
            name="a shift over 24 hours, closed",
            acts=(
                Act(from_host=post(sale("t-1"))),
                Act(rude="shift_over_24h", from_host=post(sale("t-2"))),
                Act(from_host=close + post(sale("t-3"))),
            ),
            documents=2,
        ),
        Trial(
            name="a register that is slow",
            acts=(
                Act(rude="slow", from_host=post(sale("t-1"))),
                Act(rude="slow", is_on=False, from_host=look("t-1", times=2)),
            ),
            documents=1,
        ),
    ]
