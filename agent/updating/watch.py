"""Whether a version that was just started is well: pure, what was seen comes in, the verdict goes out.

Well means: the local API answers and says the version that was expected, the database is open, every device that was
open before has been open again, no part lacks that had started before, and the process stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["Look", "Watch"]

GRACE_S: Final = 60.0  # a till's disk after a power cut: the first answer may take so long
SILENT_S: Final = 20.0  # a running agent answers within milliseconds; so long it may hang, or be started again once
WRONG_S: Final = 15.0  # a file that somebody looks into opens late; what is wrong for longer is
STARTS_MAX: Final = 2  # processes in one watch: once may be an accident, twice is a loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of the agent.

    Attributes:
        state: "running", "silent" or "stopped".
        pid: its process; 0 when it is not known.
        version: what it says it is.
        troubles: the parts that it says could not start.
        status: its snapshot.
    """

    state: str
    pid: int = 0
    version: str = ""
    troubles: tuple[str, ...] = ()
    status: dict[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def open_devices(self) -> tuple[str, ...]:
        """Names of the devices that are open."""
        return tuple(str(one.get("name", "")) for one in self.devices if one.get("state") == "on")

    @property
    def devices(self) -> tuple[dict[str, Any], ...]:
        """What it says of each device."""
        rows = self.status.get("devices")
        return tuple(one for one in rows if isinstance(one, dict)) if isinstance(rows, list) else ()

    @property
    def has_store(self) -> bool:
        """Whether the database is open, as far as it says."""
        notice = str(self.status.get("notice", ""))
        return not notice.startswith(("not recorded", "cannot ")) and "newer Tillpoint" not in notice

    @property
    def busy(self) -> str:
        """Why this is no moment to stop it, in words; "" when it is one."""
        if self.state != "running":
            return ""
        if self.status.get("screen", "idle") != "idle" or self.status.get("customer"):
            return "a customer is on the panel"
        if self.status.get("quote") or (self.status.get("sale") or {}).get("total"):
            return "a receipt is open"
        if self.status.get("training"):
            return "somebody is training"
        return ""


@dataclass(slots=True)
class Watch:
    """One watch.

    Args:
        version: what must run.
        devices: names of those that were open before.
        troubles: parts that did not start before either.
        watch_s: for so long it must be well, from its first answer on.
        grace_s: by then it must have answered, and a device that fails has had its time.
        after_cut: the machine or the updater was restarted in between: devices may have been switched off with it, so
            one that stays away is no fault of the version unless it fails.
    """

    version: str
    devices: tuple[str, ...]
    troubles: tuple[str, ...]
    watch_s: float
    grace_s: float = GRACE_S
    after_cut: bool = False
    _began_s: float | None = None
    _first_s: float | None = None
    _answered_s: float | None = None
    _pids: set[int] = field(default_factory=set)
    _opened: set[str] = field(default_factory=set)
    _wrong_s: float | None = None

    def look(self, seen: Look, now_s: float) -> str:
        """Take one look into account; returns why it is not well, or ""."""
        if self._began_s is None:
            self._began_s = now_s
        if seen.pid and seen.version == self.version:
            self._pids.add(seen.pid)
        if len(self._pids) > STARTS_MAX:
            return f"version {self.version} starts again and again"
        if seen.state != "running":
            return self._unheard(seen.why or seen.state, now_s)
        if seen.version != self.version:  # what the old one wrote before it was killed may lie there for a moment
            return self._unheard(f"version {seen.version or 'unknown'} runs instead", now_s)
        self._answered_s = now_s
        if self._first_s is None:
            self._first_s = now_s
        self._opened.update(seen.open_devices)
        return self._still_wrong(seen, now_s) or self._without(seen, now_s)

    def _still_wrong(self, seen: Look, now_s: float) -> str:
        """A database that is locked, say, is tried again each second: what is wrong must have been so for a while."""
        wrong = self._wrong(seen)
        if not wrong:
            self._wrong_s = None
        elif self._wrong_s is None:
            self._wrong_s = now_s
        is_long = self._wrong_s is not None and now_s - self._wrong_s >= WRONG_S
        return wrong if is_long or self.is_over(now_s) else ""

    def _wrong(self, seen: Look) -> str:
        if not seen.has_store:
            return f"version {self.version} cannot use the database: {seen.status.get('notice', '')}"
        new = [one for one in seen.troubles if one not in self.troubles]
        if len(seen.troubles) > len(self.troubles) and new:
            return f"a part of version {self.version} did not start: {new[0]}"
        return ""

    def _without(self, seen: Look, now_s: float) -> str:
        """A device takes its time to open."""
        assert self._first_s is not None
        if now_s - self._first_s >= min(self.watch_s, self.grace_s) and (failing := self._failing(seen)):
            return failing
        return self._missing(seen) if self.is_over(now_s) else ""

    def is_over(self, now_s: float) -> bool:
        """Whether it has been watched for long enough since it first answered."""
        return self._first_s is not None and now_s - self._first_s >= self.watch_s

    def _unheard(self, why: str, now_s: float) -> str:
        assert self._began_s is not None
        if self._answered_s is None:
            if now_s - self._began_s >= self.grace_s:
                return f"version {self.version} has not answered within {self.grace_s:g} s: {why}"
            return ""
        if now_s - self._answered_s >= min(SILENT_S, self.grace_s):
            return f"version {self.version} has stopped answering: {why}"
        return ""

    def _failing(self, seen: Look) -> str:
        for one in seen.devices:
            if one.get("name") in set(self.devices) - self._opened and one.get("state") == "failed":
                return f"device {one.get('name')} was open before and fails: {one.get('detail', '')}"
        return ""

    def _missing(self, seen: Look) -> str:
        missing = [] if self.after_cut else [one for one in self.devices if one not in self._opened]
        if not missing:
            return ""
        detail = next((one.get("detail") for one in seen.devices if one.get("name") == missing[0]), "")
        return f"device {missing[0]} was open before and is not any more{f': {detail}' if detail else ''}"
