"""What a till without databases keeps until they open: what was printed, and how its parts are.

A scan is nothing to keep: the customer has long gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from agent.checkout.desk import Desk

__all__ = ["BeforeOpen", "Kept"]

WORKS_MAX: Final = 1_000  # receipts of a day at a busy till; the oldest goes first


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """In the order in which it came.

    Attributes:
        works: what counts although nobody waits for it any more.
        news: the newest of each part; what a device said before that is past.
        lost: how many works there was no room for.
    """

    works: tuple[Callable[[Desk], Any], ...]
    news: tuple[Any, ...]
    lost: int


class BeforeOpen:
    """Kept in memory, as there is no file to keep it in; whoever shares it between threads locks it."""

    def __init__(self) -> None:
        self._works: deque[Callable[[Desk], Any]] = deque(maxlen=WORKS_MAX)
        self._news: dict[tuple[type, str], Any] = {}
        self._lost = 0

    def keep(self, work: Callable[[Desk], Any]) -> None:
        """Something that has happened and counts."""
        self._lost += len(self._works) == WORKS_MAX
        self._works.append(work)

    def hear(self, news: Any) -> None:
        """How a part is; what it was before is forgotten."""
        key = (type(news), getattr(news, "device", ""))
        self._news.pop(key, None)
        self._news[key] = news

    def take(self) -> Kept:
        """All of it; nothing is left."""
        kept = Kept(works=tuple(self._works), news=tuple(self._news.values()), lost=self._lost)
        self._works.clear()
        self._news.clear()
        self._lost = 0
        return kept
