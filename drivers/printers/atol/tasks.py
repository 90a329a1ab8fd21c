"""JSON tasks of the ATOL driver 10: what a till posts, and what the web server says became of it; values only, pure.

A request is ``{"uuid": "…", "request": [task, …] | task}``; its results stand in the same order,
``{"results": [{"status": …, "error": {"code": 0, "description": ""}, "result": {…}}]}``. The older server (before
driver 10.7) writes ``errorCode`` and ``errorDescription`` beside the status. Shapes: see README.md, sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from drivers.json_amounts import read_json, text_of, whole_of

Task = dict[str, Any]

TASKS_MAX: Final = 100  # in one request; a till sends one or two
UUID_LENGTH_MAX: Final = 128
#: Tasks that make a receipt, and the operation (FFD 1054) each stands for.
RECEIPTS: Final = {"sell": 1, "sellReturn": 2, "buy": 3, "buyReturn": 4}
CORRECTIONS: Final = frozenset({"sellCorrection", "sellReturnCorrection", "buyCorrection", "buyReturnCorrection"})
#: A task is not touched any more in these states.
FINAL_STATUSES: Final = frozenset({"ready", "error", "interrupted", "canceled"})
WAITING_STATUSES: Final = frozenset({"wait", "inProgress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What a till posted under one uuid."""

    uuid: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What became of one task.

    Attributes:
        status: ``wait``, ``inProgress``, ``ready``, ``error``, ``interrupted``, ``canceled``, ``blocked``.
        error: the driver's number, 0 for none.
        description: the driver's own words.
        result: the answer; empty while there is none.
    """

    status: str
    error: int = 0
    description: str = ""
    result: Task

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL_STATUSES

    @property
    def fiscal(self) -> Task:
        """``fiscalParams`` of a closed fiscal document, {} for none."""
        found = self.result.get("fiscalParams")
        return found if self.status == "ready" and isinstance(found, dict) else {}


def read_request(body: bytes) -> TaskRequest | None:
    """A posted request, None for a body that is none: the server will say what it thinks of it."""
    try:
        value = read_json(body)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    uuid, request = value.get("uuid"), value.get("request")
    tasks = request if isinstance(request, list) else [request]
    if not isinstance(uuid, str) or not 1 <= len(uuid) <= UUID_LENGTH_MAX or not 1 <= len(tasks) <= TASKS_MAX:
        return None
    return TaskRequest(uuid=uuid, tasks=tuple(task if isinstance(task, dict) else {} for task in tasks))


def read_results(body: bytes) -> tuple[TaskResult, ...] | None:
    """The results of a request, None for a body that has none."""
    try:
        value = read_json(body)
    except ValueError:
        return None
    results = value.get("results") if isinstance(value, dict) else None
    if not isinstance(results, list) or len(results) > TASKS_MAX:
        return None
    return tuple(_result(item if isinstance(item, dict) else {}) for item in results)


def read_error(body: bytes) -> tuple[int, str]:
    """Code and words of ``{"error": {"code": …, "description": …}}``; (0, "") when there are none."""
    try:
        value = read_json(body)
    except ValueError:
        return 0, ""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return 0, ""
    return whole_of(error.get("code")), text_of(error.get("description"))


def _result(item: Task) -> TaskResult:
    error = item.get("error")
    parts = error if isinstance(error, dict) else {"code": item.get("errorCode"), "description": item.get(
        "errorDescription"
    )}  # fmt: skip
    result = item.get("result")
    return TaskResult(
        status=text_of(item.get("status")),
        error=whole_of(parts.get("code")),
        description=text_of(parts.get("description")),
        result=result if isinstance(result, dict) else {},
    )
