"""The twin's inside: commands carried out in their order, results kept by ``IdCommand``, one register; no I/O.

It checks what the register checks: the amount against whole kopecks of a price, payments against the total, shift,
paper, cover. A command with ``Timeout`` 0 is answered before it is done and finished by the first question about it.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from drivers.http_wire import Message
from drivers.http_writing import encode_response
from drivers.json_amounts import amount_of, text_of, whole_of, write_json
from drivers.twins import CUT, Roll
from drivers.vocabulary.money import Quantity, divide_half_up
from drivers.vocabulary.receipt import TenderKind

from .commands import (
    DONE,
    FAILED,
    NOT_FOUND,
    RETURN,
    SALE,
    WAITING,
    Command,
    id_of,
    is_execute,
    is_receipt,
    read_command,
    type_of,
)
from .positions import TENDERS, Position, Sums, read_sums

BEGINNING: Final = datetime(2026, 1, 15, 12, 0)  # noqa: DTZ001 - the register's wall clock has no zone
MEMORY: Final = "9999078900001234"
RESULTS_MAX: Final = 2_000
_LEGAL: Final = 1  # minor units between price × quantity and the sum of a position


class Refused(Exception):  # noqa: N818 - an answer with an error
    """Private to the twin: a sentence of the register."""


class Server:
    """Attributes: see the twin; `made` are the fiscal documents, as (number, kind, total)."""

    def __init__(self, *, columns: int, user: str = "", password: str = "") -> None:
        self.columns = columns
        self.roll = Roll()
        self.trouble = ""
        self.is_failing = self.is_slow = self.is_over_24h = False
        self.is_shift_open = False
        self.shift = 1
        self.last = 1  # the report of registration
        self.in_shift = 0
        self.made: list[tuple[int, int, int]] = []
        self._moment = BEGINNING
        self._user, self._password = user, password
        self._results: OrderedDict[str, Command] = OrderedDict()
        self._waiting: OrderedDict[str, Command] = OrderedDict()

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────

    def answer(self, message: Message) -> bytes:
        """The bytes of the answer to one request."""
        headers = [("Content-Type", "application/json; charset=utf-8"), ("Server", "twin")]
        if self.is_failing:
            return encode_response(500, headers, b"{}")
        if not self._is_known(message.header("authorization")):
            return encode_response(401, [*headers, ("WWW-Authenticate", 'Basic realm="twin"')])
        if message.method != "POST" or not is_execute(message.target):
            return encode_response(404, headers, write_json({"Error": f"no {message.method} {message.target}"}))
        command = read_command(message.content)
        if command is None:
            return encode_response(200, headers, write_json({"Status": FAILED, "Error": "Команда не распознана"}))
        is_sync = urlsplit(message.target).path.lower().rstrip("/").endswith("/sync")
        return encode_response(200, headers, write_json(self.take(command, is_sync=is_sync)))

    def _is_known(self, header: str) -> bool:
        if not self._user:
            return True
        wanted = base64.b64encode(f"{self._user}:{self._password}".encode()).decode("ascii")
        return header == f"Basic {wanted}"

    # ── Commands ────────────────────────────────────────────────────────────────────────────────

    def take(self, command: Command, *, is_sync: bool = False) -> Command:
        """One command's answer: at once, or 4 until somebody asks for the result."""
        name = id_of(command)
        if command["Command"] == "GetRezult":
            return self._rezult(name)
        if name and name in self._results:
            return self._results[name]
        if name and name in self._waiting:
            return self._waits(command)
        if name and not is_sync and (self.is_slow or command.get("Timeout") == 0):
            self._waiting[name] = command
            return self._waits(command)
        return self.execute(command)

    def execute(self, command: Command) -> Command:
        """Carry it out; the result is kept under its name unless it failed."""
        name = str(command.get("Command", ""))
        base = {"Command": name, "IdCommand": id_of(command), "NumDevice": 1, "UnitName": "twin"}
        handler: Callable[[Command], Command] | None = getattr(self, f"_do_{name}", None)
        if handler is None:
            return {**base, "Status": NOT_FOUND, "Error": f"Команда {name[:40]} не найдена"}
        try:
            result = {**base, "Status": DONE, "Error": "", **handler(command)}
        except (Refused, ValueError) as refused:
            return {**base, "Status": FAILED, "Error": str(refused)}
        if id_of(command):
            self._results[id_of(command)] = result
            while len(self._results) > RESULTS_MAX:
                self._results.popitem(last=False)
        return result

    def _waits(self, command: Command) -> Command:
        return {"Command": command["Command"], "IdCommand": id_of(command), "Status": WAITING, "Error": ""}

    def _rezult(self, name: str) -> Command:
        base = {"Command": "GetRezult", "IdCommand": "", "Error": "", "Status": DONE}
        if name in self._waiting:
            command = self._waiting.pop(name)
            return {**base, "Rezult": self.execute(command)}
        if name in self._results:
            return {**base, "Rezult": self._results[name]}
        return {**base, "Rezult": {"IdCommand": name, "Status": NOT_FOUND, "Error": "Команда не найдена"}}

    def _must_work(self, *, fiscal: bool = True) -> None:
        if self.trouble and not (self.is_over_24h and not fiscal):
            raise Refused(self.trouble)

    def _do_GetDataKKT(self, command: Command) -> Command:  # noqa: ARG002, N802 - named as the command
        self._must_work()
        return {
            "CheckNumber": self.last,
            "SessionNumber": self.shift,
            "LineLength": self.columns,
            "Info": {"FnNumber": MEMORY, "SessionState": 2 if self.is_shift_open else 1},
        }

    def _do_OpenShift(self, command: Command) -> Command:  # noqa: ARG002, N802
        self._must_work()
        self._open_shift()
        return {"CheckNumber": self.last, "SessionNumber": self.shift}

    def _do_CloseShift(self, command: Command) -> Command:  # noqa: ARG002, N802
        self._must_work(fiscal=False)
        if not self.is_shift_open:
            raise Refused("Смена закрыта")
        self.is_shift_open, self.in_shift = False, 0
        self.shift += 1
        if self.is_over_24h:
            self.is_over_24h, self.trouble = False, ""
        self.last += 1
        self._print("ЗАКРЫТИЕ СМЕНЫ")
        return {"CheckNumber": self.last, "SessionNumber": self.shift - 1}

    def _do_XReport(self, command: Command) -> Command:  # noqa: ARG002, N802
        self._must_work(fiscal=False)
        self._print("X-ОТЧЁТ")
        return {}

    def _do_RegisterCheck(self, command: Command) -> Command:  # noqa: N802
        if not is_receipt(command):
            self._must_work(fiscal=False)
            self._print(*_texts(command))
            return {}
        self._must_work()
        kind = type_of(command)
        if kind not in (SALE, RETURN):
            raise Refused("Вид чека не поддерживается")
        sums = read_sums(command)
        _check(sums)
        self._open_shift()
        self.last += 1
        self.in_shift += 1
        self._moment += timedelta(minutes=1)
        self.made.append((self.last, kind, sums.total))
        self._print(*_lines(command, sums, kind, self.last))
        return self._fiscal(kind, sums)

    def _open_shift(self) -> None:
        if not self.is_shift_open:
            self.is_shift_open = True
            self.last += 1

    def _fiscal(self, kind: int, sums: Sums) -> Command:
        sign = 1_000_000_000 + self.last
        code = (
            f"t={self._moment:%Y%m%dT%H%M}&s={sums.total // 100}.{sums.total % 100:02d}&fn={MEMORY}"
            f"&i={self.last}&fp={sign}&n={kind + 1}"
        )
        return {
            "CheckNumber": self.last,
            "SessionNumber": self.shift,
            "SessionCheckNumber": self.in_shift,
            "URL": f"https://receipts.invalid/?{code}",
            "QRCode": code,
            **{name: amount_of(minor) for name, minor in sums.payments.items()},
        }

    def _print(self, *lines: str) -> None:
        self.roll.put(*(line[: self.columns] for line in lines))
        self.roll.put(CUT + "-" * (self.columns - 1))


def _check(sums: Sums) -> None:
    for position in sums.positions:
        price = divide_half_up(position.amount * 10**Quantity.places, position.quantity.steps)
        if abs(divide_half_up(price * position.quantity.steps, 10**Quantity.places) - position.amount) > _LEGAL:
            raise Refused(f"Сумма позиции не равна цене на количество: {position.name[:40]}")
    if sums.paid < sums.total:
        raise Refused("Оплата меньше суммы чека")
    if sum(minor for name, minor in sums.payments.items() if TENDERS[name] is not TenderKind.CASH) > sums.total:
        raise Refused("Безналичная оплата больше суммы чека")


def _texts(command: Command) -> list[str]:
    strings: Any = command.get("CheckStrings")
    found = [one.get("PrintText") for one in strings if isinstance(one, dict)] if isinstance(strings, list) else []
    return [text_of(one.get("Text")) for one in found if isinstance(one, dict)]


def _lines(command: Command, sums: Sums, kind: int, number: int) -> list[str]:
    """The receipt as the register prints it."""
    by_place: dict[int, Position] = {position.place: position for position in sums.positions}
    lines = [f"КАССОВЫЙ ЧЕК №{number}", "ПРИХОД" if kind == SALE else "ВОЗВРАТ ПРИХОДА"]
    for place, one in enumerate(command["CheckStrings"]):
        position = by_place.get(place)
        if position is not None:
            lines += [position.name, f"{position.quantity} = {_rubles(position.amount)}"]
        elif isinstance(one, dict) and isinstance(one.get("PrintText"), dict):
            lines.append(text_of(one["PrintText"].get("Text")))
    lines.append(f"ИТОГ ={_rubles(sums.total)}")
    lines += [f"{name} ={_rubles(minor)}" for name, minor in sums.payments.items()]
    if sums.paid > sums.total:
        lines.append(f"СДАЧА ={_rubles(sums.paid - sums.total)}")
    return [*lines, f"ФД {number} ФН {MEMORY} {whole_of(command.get('NumDevice'))}"]


def _rubles(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
