"""Numbers as people read them: how long something is, how much of a disk; for pages and for the command line."""

from __future__ import annotations

from typing import Final

__all__ = ["gigabytes", "span"]

GIGABYTE: Final = 1 << 30


def span(seconds: float) -> str:
    """In the largest unit there is one of.

    >>> span(7_200)
    '2 h'
    """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def gigabytes(count: int) -> str:
    """Bytes of a disk.

    >>> gigabytes(1_610_612_736)
    '1.5 GB'
    """
    return f"{count / GIGABYTE:.1f} GB"
