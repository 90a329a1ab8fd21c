"""The register behind the web server as a device that the agent asks: state, closed documents, slips.

Its state is asked by operations, which the server answers at once and does not keep; where it has none, by tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

from drivers.json_amounts import whole_of
from drivers.polled import Condition, Memory
from drivers.vocabulary.errors import RemoteProtocolError
from drivers.vocabulary.events import Document

from .fn_json import read_fn_document
from .models import Model
from .session import WebSession
from .status import BLOCK_REASONS, Trouble, condition_of, device_condition, driver_refusal, driver_trouble
from .tasks import Task, TaskResult

SLIP_LINES_MAX: Final = 200  # more than a metre of paper


class WebDevice:
    """See `drivers.polled.PolledDevice`.

    Args:
        session: to the web server.
        model: of the register.
        currency: of every amount.
        zone: the register's clock.
    """

    def __init__(self, session: WebSession, *, model: Model, currency: str, zone: tzinfo) -> None:
        self._session = session
        self._model = model
        self._currency = currency
        self._zone = zone
        self._condition = Condition()

    def condition(self) -> Condition:
        """How the register is; while the queue has work only the queue is asked."""
        queue = self._session.queue()
        if queue.get("isBlocked") is True:
            reason = str(queue.get("blockReason", ""))
            return condition_of(BLOCK_REASONS.get(reason, Trouble.BLOCKED), reason or "isBlocked", is_busy=True)
        if whole_of(queue.get("number")) > 0:
            last = self._condition
            return Condition(code=last.code, sentence=last.sentence, maker_code=last.maker_code, is_busy=True)
        status = self._object("queryDeviceStatus", "getDeviceStatus", "deviceStatus")
        self._condition = device_condition(status, is_busy=False)
        return self._condition

    def shift_state(self) -> str:
        """``opened``, ``closed`` or ``expired``."""
        return str(self._object("queryShiftStatus", "getShiftStatus", "shiftStatus").get("state", ""))

    def memory(self) -> Memory:
        """The fiscal memory and its last document."""
        info = self._object("queryFnInfo", "getFnInfo", "fnInfo")
        status = self._object("queryFnStatus", "getFnStatus", "fnStatus")
        name = str(info.get("serial", "")).strip()
        if not name:
            raise RemoteProtocolError("the register does not say the number of its fiscal memory")
        return Memory(name=name, first=1, last=whole_of(status.get("fiscalDocumentNumber")))

    def document(self, number: int) -> Document | None:
        """One closed document, None for one that is not kept any more."""
        task: Task = {"type": "getFnDocument", "fiscalDocumentNumber": number, "withRawData": True}
        results = self._session.run(task)
        if not results:
            raise RemoteProtocolError("the web server gives no result for a task")
        result: TaskResult = results[0]
        if result.status != "ready" or result.error:
            if driver_trouble(result.error)[1] is Trouble.NO_DATA:
                return None
            raise driver_refusal(f"document {number}", result.error, result.description)
        return read_fn_document(result.result, number=number, currency=self._currency, zone=self._zone)

    def print_slip(self, lines: Sequence[str]) -> None:
        """Print text as a document that is not fiscal; wider lines go on in the next one."""
        width = self._model.columns
        rows = [line[at : at + width] for line in lines for at in range(0, max(1, len(line)), width)]
        items: list[Any] = [{"type": "text", "text": row, "alignment": "left"} for row in rows[:SLIP_LINES_MAX]]
        self._session.ask({"type": "nonFiscal", "items": items})

    def continue_printing(self) -> None:
        """Print the rest of a document that was interrupted."""
        self._session.ask({"type": "continuePrint"})

    def _object(self, operation: str, task: str, key: str) -> Task:
        answer = self._session.operation(operation, {"type": task})
        found = answer.get(key, answer)
        if not isinstance(found, dict):
            raise RemoteProtocolError(f"{operation}: {key} is missing in the web server's answer")
        return found
