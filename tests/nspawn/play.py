"""Plays a story inside the container: one step after the other, each told at once; after a power cut it goes on.

Standard library only. The folder above takes what is told, a line of JSON for each step.
"""

from __future__ import annotations

import json
import signal
import time
import traceback
from collections.abc import Callable, Collection
from typing import Any

from tests.nspawn.means import STORY, journal

__all__ = ["play"]


def play(story: Any, *, cuts: Collection[str] = (), words: Callable[[], str] = journal) -> None:
    """Every step in order; the first that fails is the last.

    Args:
        story: `order` names its methods; each says what it measured, or raises.
        cuts: steps after which the power goes; the next boot goes on with the one behind it.
        words: what the system has to say about a step that failed.
    """
    told = STORY / "told.jsonl"
    done = {json.loads(line)["name"] for line in told.read_text("utf-8").splitlines()} if told.exists() else set()
    for name in story.order:
        if name in done:
            continue
        began = time.monotonic()
        try:
            said, is_ok = getattr(story, name)() or "", True
        except Exception:
            said, is_ok = traceback.format_exc() + words(), False
        step = {"name": name, "ok": is_ok, "said": said, "seconds": time.monotonic() - began}
        with told.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**step, "cut": is_ok and name in cuts}) + "\n")
        if not is_ok:
            return
        if name in cuts:
            signal.pause()
