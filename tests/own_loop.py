"""Runs a coroutine on a thread of its own: the browser's tests keep a loop running in the main one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["run_alone"]

T = TypeVar("T")


def run_alone(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the coroutine that `make` makes returns."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(make())).result()
