"""How a check ends: it returns, or says what was expected and what came, or why it could not be made."""

from __future__ import annotations

from typing import Any

__all__ = ["Failed", "Skipped", "expect", "expect_equal"]


class Failed(Exception):  # noqa: N818 - an outcome, not an accident
    """The server does not keep a promise."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class Skipped(Exception):  # noqa: N818
    """The check could not be made here; why, in words."""


def expect(ok: object, expected: str, got: object) -> None:
    """Fail unless it is so.

    Raises:
        Failed: it is not.
    """
    if not ok:
        raise Failed(expected, str(got))


def expect_equal(expected: Any, got: Any, what: str) -> None:
    """Fail unless both are the same.

    Raises:
        Failed: they are not.
    """
    expect(expected == got, f"{what} {expected}", got)
