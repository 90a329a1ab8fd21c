"""What a run found, as a table for people and as JSON for programs; pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from central.conformance.suite import Outcome, Result

__all__ = ["Report", "made", "table"]

WIDTH: Final = 118
_MARKS: Final = {Result.PASSED: "ok", Result.FAILED: "FAILED", Result.SKIPPED: "skipped"}


class Report(Struct, frozen=True, kw_only=True):
    """One run.

    Attributes:
        left_behind: what stays on the server, in words.
    """

    server: str
    began_at: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    checks: tuple[Outcome, ...]
    left_behind: tuple[str, ...]


def made(server: str, began_at: str, outcomes: Sequence[Outcome], left: Sequence[str], *, seconds: float) -> Report:
    """Count."""
    counted = Counter(one.result for one in outcomes)
    return Report(
        server=server,
        began_at=began_at,
        passed=counted[Result.PASSED],
        failed=counted[Result.FAILED],
        skipped=counted[Result.SKIPPED],
        seconds=round(seconds, 1),
        checks=tuple(outcomes),
        left_behind=tuple(dict.fromkeys(left)),
    )


def table(report: Report) -> str:
    """Every check in a line, what failed in full, and what was left behind."""
    lines = [f"{report.server}, {report.began_at}", ""]
    names = max((len(one.id) for one in report.checks), default=0)
    for one in report.checks:
        lines += _row(one, names)
    lines += ["", f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped in {report.seconds:.1f} s"]
    if report.left_behind:
        lines += ["", "Left behind on the server:"]
        for words in report.left_behind:
            lines += _wrapped("  - ", words)
    return "\n".join(lines)


def _row(one: Outcome, names: int) -> list[str]:
    head = f"{_MARKS[one.result]:<8}{one.id:<{names}}  {one.promises:<5}  "
    if one.result is Result.PASSED:
        return _wrapped(head, one.title + (f" ({one.note})" if one.note else ""))
    if one.result is Result.SKIPPED:
        return _wrapped(head, one.note)
    told = (("expected", one.expected), ("came", one.got), ("next", one.next_step))
    inner = " " * 8
    return _wrapped(head, one.title) + [line for name, words in told for line in _wrapped(f"{inner}{name:<10}", words)]


def _wrapped(head: str, words: str) -> list[str]:
    flat = " ".join(words.split())
    return textwrap.wrap(
        flat, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    ) or [head.rstrip()]
