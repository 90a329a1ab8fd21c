"""Says what a build is at, on standard error: minutes of fetching and packing are no silence."""

from __future__ import annotations

import sys

__all__ = ["at"]


def at(step: str) -> None:
    """One line, as the step begins."""
    print(f"   {step} …", file=sys.stderr, flush=True)
