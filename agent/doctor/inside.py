"""The doctor inside the agent, for store IT's page: the same hops, asked of the agent that it runs in.

Everything is imported with the first examination: an agent that nobody examines does not pay for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.doctor.report import Report
from agent.settings import Settings
from agent.snapshot import Snapshot
from drivers.vocabulary import codec

if TYPE_CHECKING:
    from agent.doctor.running import Running

__all__ = ["AgentDoctor"]

IN_FORCE: Final = "the settings that the agent was started with"


class AgentDoctor:
    """Examines the agent it is part of; blocks for as long as a hop takes to fail, so it wants a thread of its own.

    Args:
        settings: those in force.
        status: the newest snapshot, as it may leave the agent.
        metrics: the numbers of `/metrics`.
    """

    def __init__(
        self, settings: Settings, status: Callable[[], Snapshot], *, metrics: Callable[[], str] = lambda: ""
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._status = status

    def examine(self) -> Report:
        """Every hop, from the devices to the centre."""
        return self._examine(self._running())

    def bundle(self) -> bytes:
        """A fresh examination and what support asks for besides, as a ZIP; names nobody."""
        from agent.doctor.bundle import make_bundle
        from drivers.finding.machine import look

        running = self._running()
        return make_bundle(self._examine(running), self._settings, running, look())

    def _examine(self, running: Running) -> Report:
        from agent.doctor.examine import examine_with

        return examine_with(self._settings, running, where=IN_FORCE)

    def _running(self) -> Running:
        from agent.doctor.running import Running

        status = json.loads(codec.encode(self._status()))
        return Running(state="running", status=status, pid=os.getpid(), metrics=self._metrics())
