"""All hops in their order, as one report; what the command prints and the bundle keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from agent import policy
from agent.cli.check import bound
from agent.doctor.centre import CentreDoctor
from agent.doctor.devices import FindAll, check_devices
from agent.doctor.local import DiskUsage, check_disk, check_queue, check_replica, check_settings, free_bytes
from agent.doctor.report import Finding, Report, failed, fine, warning
from agent.doctor.running import Running, running_agent
from agent.doctor.updates import check_updates
from agent.settings import Settings
from drivers.finding.machine import find_all
from drivers.vocabulary.errors import SettingsError

__all__ = ["examine", "examine_with"]

#: What only the agent itself can know (`agent.service.health`); the other kinds are hops of their own.
_INSIDE: Final = {
    "register_clock": "the clock of a printer or a register",
    "memory": "the memory it holds",
    "thread_silent": "a thread that does not come round",
}


def examine(
    path: Path,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    find: FindAll = find_all,
    free: DiskUsage = free_bytes,
    **centre: Any,
) -> tuple[Report, Settings | None, Running]:
    """Try every hop; a settings file that cannot be read is the first and the last of them.

    Args:
        path: the settings file.
        now: this machine's clock.
        find: what is plugged in.
        free: free bytes where a folder lies.
        **centre: for `CentreDoctor`, in tests.

    Returns:
        The report, the settings as far as they could be read, and what the running agent said.
    """
    try:
        settings, policies = policy.load(path)
    except SettingsError as error:
        findings = tuple(failed("settings", "settings_wrong", line) for line in str(error).splitlines())
        return Report(agent="unknown", findings=findings), None, Running(state="stopped", status={})
    running = running_agent(settings.state_folder)
    report = examine_with(settings, running, where=str(path), now=now, find=find, free=free, **centre)
    ignored = tuple(warning("policy", "policy_ignored", sentence) for sentence in policies.ignored)
    return msgspec.structs.replace(report, findings=(*ignored, *report.findings)), settings, running


def examine_with(
    settings: Settings,
    running: Running,
    *,
    where: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    find: FindAll = find_all,
    free: DiskUsage = free_bytes,
    **centre: Any,
) -> Report:
    """The same for settings that were read and an agent that was asked; `where` says where the settings stand."""
    folder = settings.state_folder
    found: list[Finding] = [
        *check_settings(settings, where),
        *check_disk(folder, free=free),
        *_agent(running),
        *check_devices(settings, running.status, find=find, agent_pid=running.pid),
        *CentreDoctor(folder=folder, settings=settings.central, now=now, **centre).check(),
        *check_queue(folder, now()),
        *check_replica(folder, now()),
        *check_updates(settings, now()),
    ]
    return Report(agent=running.state, findings=tuple(found), bound=bound(settings.offline.points_cap))


def _agent(running: Running) -> list[Finding]:
    if running.state == "silent":
        return [failed("agent", "agent_silent", f"process {running.pid} runs and does not answer: {running.why}")]
    if running.state == "stopped":
        return [fine("agent", "not running; the doctor opens the devices itself")]
    notice = str(running.status.get("notice", ""))
    if notice.startswith(("not recorded", "cannot ")):
        return [failed("agent", "store_broken", notice)]
    warned = [
        warning("health", code, f"the running agent warns of {words}; `tillpoint log` has its numbers (health.{code})")
        for code, words in _INSIDE.items()
        if f'tillpoint_warnings{{code="{code}"}} 1' in running.metrics
    ]
    return [fine("agent", "running; it was asked how its devices are"), *warned]
