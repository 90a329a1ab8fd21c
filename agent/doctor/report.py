"""Findings of the doctor, and whom to tell what: one row per kind of trouble; values and sentences, no I/O."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from importlib import resources

from msgspec import Struct

from drivers.vocabulary import codec

__all__ = ["Advice", "Finding", "Report", "State", "advice", "failed", "fine", "skipped", "warning"]


class State(Enum):
    """How a hop is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Advice(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell, and the words to tell them."""

    who: str
    say: str


@lru_cache(maxsize=1)
def advice() -> dict[str, Advice]:
    """Kind of trouble → whom to tell what: the file `advice.toml`, read once."""
    text = (resources.files("agent.doctor") / "advice.toml").read_text("utf-8")
    return codec.convert(tomllib.loads(text), dict[str, Advice])


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one hop.

    Attributes:
        hop: ``settings``, ``disk``, ``device scanner``, ``dns`` …
        code: the kind of trouble, a key of `advice()`; "" when all is well.
        what: one sentence: what was seen.
        who: whom to tell.
        say: what to tell them.
    """

    hop: str
    state: State
    what: str = ""
    code: str = ""
    who: str = ""
    say: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """Everything that was found, in the order of the way from the device to the centre.

    Attributes:
        agent: "running", "stopped" or "silent".
        bound: how much a customer may overspend without a line, in one sentence.
    """

    agent: str
    findings: tuple[Finding, ...]
    bound: str = ""

    @property
    def first(self) -> Finding | None:
        """The first hop that failed: what hangs on it fails because of it."""
        return next((one for one in self.findings if one.state is State.FAILED), None)

    @property
    def warnings(self) -> Sequence[Finding]:
        """What works and will not for long."""
        return [one for one in self.findings if one.state is State.WARNING]


def fine(hop: str, what: str = "") -> Finding:
    """The hop works."""
    return Finding(hop=hop, state=State.OK, what=what)


def skipped(hop: str, what: str) -> Finding:
    """The hop was not tried, and why."""
    return Finding(hop=hop, state=State.SKIPPED, what=what)


def failed(hop: str, code: str, what: str) -> Finding:
    """The hop does not work."""
    return _with_advice(hop, State.FAILED, code, what)


def warning(hop: str, code: str, what: str) -> Finding:
    """The hop works, and something about it should be mended."""
    return _with_advice(hop, State.WARNING, code, what)


def _with_advice(hop: str, state: State, code: str, what: str) -> Finding:
    told = advice()[code]
    return Finding(hop=hop, state=state, what=what, code=code, who=told.who, say=told.say)
