"""What the central server refuses, as exceptions that carry the answer; not what goes wrong inside it.

CentralError(TillpointError)
├── CentralStartError    the server cannot start or a command cannot be carried out; a sentence for the operator
└── Refusal              a request is answered with a Problem
    └── Fork             … and the till's epoch is quarantined first
"""

from __future__ import annotations

from drivers.vocabulary.centre import Problem
from drivers.vocabulary.errors import TillpointError

__all__ = ["CentralError", "CentralStartError", "Fork", "Refusal"]


class CentralError(TillpointError):
    """Everything the central server raises on purpose."""


class CentralStartError(CentralError):
    """The server cannot start, or a command of the operator cannot be carried out."""


class Refusal(CentralError):  # noqa: N818 - an answer, not an accident
    """A request that is answered with an error.

    Attributes:
        status: the HTTP status.
        problem: the body of the answer; `code` is what a program may branch on.
    """

    def __init__(self, status: int, code: str, message: str, *, wanted: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = Problem(code=code, message=message, wanted=wanted)


class Fork(Refusal):
    """Two histories under one name: a cloned till, or one restored from a back-up."""

    def __init__(self, message: str, *, till: str, epoch: int) -> None:
        super().__init__(409, "fork", message)
        self.till = till
        self.epoch = epoch
