"""`tillpoint run`: stand beside the till until told to stop; also what the service runs."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.cli.common import add_config, policy_and_settings
from agent.desktop import access
from agent.service import lean, logs
from agent.service.notify import Notifier, hear_orders
from agent.service.stop_word import StopWord
from offline_queue.files import replace_durably

if TYPE_CHECKING:
    from agent.assembly import Agent

__all__ = ["RUNTIME_FILE", "add_parser", "run"]

RUNTIME_FILE: Final = "runtime.json"  # where a running agent says its port and process id, for other commands
SWITCH_INTERVAL_S: Final = 0.0005
LOOK_S: Final = 1.0  # how often the agent looks whether it lives
HEALTH_S: Final = 30.0  # how often it looks at disk and clocks
PATIENCE_S: Final = 3600.0  # no receipt takes so long: a leak does not wait for ever for a quiet moment
ASLEEP_S: Final = 10.0  # a look that took so long was the machine's sleep, which Windows' clock counts
WAKING_S: Final = 60.0  # until every thread has come round again
SETTLED_S: Final = 600.0  # at most one start in so long because a part of the agent died
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

log = logging.getLogger(__name__)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("run", help="stand beside the till")
    add_config(parser)
    parser.add_argument("--open-panel", action="store_true", help="open the panel in the system's browser")
    parser.add_argument("--log-level", choices=LOG_LEVELS, default="", help="instead of log.level")


def run(args: argparse.Namespace) -> int:
    """Start every part, say where the panel is, wait for the signal to stop."""
    settings, policies = policy_and_settings(args)
    counts = logs.set_up(settings.log, settings.state_folder, level=args.log_level)
    policies.log_to(log)
    stop = StopWord()
    stop.on_signals("SIGINT", "SIGTERM", "SIGBREAK")
    lean.leave_out_command_lines()
    from agent.assembly import Agent

    # A printer's status answer must not wait for whoever computes: docs/decisions/007.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    agent = Agent(settings, log_counts=counts)
    notifier = Notifier.from_environment()
    if notifier.is_babysat:
        hear_orders(stop.say)
    agent.start()
    try:
        _say_ready(agent, as_json=args.json)
        _write_runtime(settings.state_folder, agent)
        agent.lay_panel_access()
        if args.open_panel and agent.doors is not None:
            import webbrowser

            webbrowser.open(agent.panel_url(ticket=True))
        return _watch(agent, notifier, stop)
    finally:
        log.info("agent.stopping")
        notifier.stopping()
        agent.stop()
        access.remove(access.panel_folder())
        with contextlib.suppress(OSError):  # on Windows somebody may be reading it; a note that is left does no harm
            (settings.state_folder / RUNTIME_FILE).unlink(missing_ok=True)


def _watch(agent: Agent, notifier: Notifier, stop: StopWord, *, settled_s: float = SETTLED_S) -> int:
    """Tell the service manager of each sign of life until told to stop; 1 when something of the agent has died.

    Starting again cuts the line between POS and printer for a moment. So what dies soon after the start, and would
    again, is said and left: the receipt passes without it. Too much memory waits for the end of the receipt.
    """
    pulse = agent.pulse()
    notifier.ready(_status(agent))
    shown, told, troubles = "", "", len(agent.troubles)
    settled_at_s = time.monotonic() + settled_s
    healthy_until_s, heavy_since_s = 0.0, math.inf
    looked_s, awake_at_s = time.monotonic(), 0.0
    # A bounded wait: on Windows an endless one would not see Ctrl-C.
    while not stop.wait(min(LOOK_S, notifier.every_s or LOOK_S)):
        now_s = time.monotonic()
        if now_s - looked_s > ASLEEP_S:
            awake_at_s = now_s + WAKING_S
        looked_s = now_s
        dead, heavy = pulse.dead(now_s) if now_s >= awake_at_s else [], pulse.heavy()
        trouble = "; ".join([*dead, *heavy])
        heavy_since_s = min(heavy_since_s, now_s) if heavy else math.inf
        if now_s >= max(healthy_until_s, awake_at_s):
            healthy_until_s = now_s + HEALTH_S
            agent.watching.look()
            _ask_for_updater(agent, notifier)
        if trouble and trouble != told:
            log.error("agent.unwell reason=%s", trouble)
            told = trouble
        is_out_of_patience = pulse.is_too_heavy_to_wait or now_s - heavy_since_s > PATIENCE_S
        may_end = bool(dead) or (bool(heavy) and (is_out_of_patience or agent.watching.is_quiet(now_s)))
        if may_end and now_s >= settled_at_s:
            notifier.status(f"stopping, to be started again: {trouble}")
            return 1
        notifier.alive()
        if len(agent.troubles) != troubles:
            troubles = len(agent.troubles)
            _write_runtime(agent.settings.state_folder, agent)
        status = f"{_status(agent)}{f', {trouble}' if trouble else ''}"
        if status != shown:
            notifier.status(status)
            shown = status
    return 0


def _ask_for_updater(agent: Agent, notifier: Notifier) -> None:
    """Where a babysitter starts it; on Linux systemd sees the work for itself."""
    if not notifier.is_babysat:
        return
    from agent.updating.places import has_work, places_of

    if has_work(places_of(agent.settings)):
        notifier.update_wanted()


def _status(agent: Agent) -> str:
    """One line for `systemctl status`."""
    seen = agent.till.snapshot
    off = [one.name for one in seen.devices if one.state in {"off", "failed"}]
    return ", ".join([
        f"panel {agent.panel_url(ticket=False) or 'not available'}",
        f"centre {seen.link.value}",
        f"{seen.waiting} waiting",
        *([f"without {' '.join(off)}"] if off else []),
        *([f"{len(agent.troubles)} part(s) not started"] if agent.troubles else []),
    ])  # fmt: skip


def _say_ready(agent: Agent, *, as_json: bool) -> None:
    """One line for people or machines; what could not start was logged already. No ticket: output ends up in logs."""
    from agent.snapshot import LinkState

    url, troubles = agent.panel_url(ticket=False), agent.troubles
    if as_json:
        print(json.dumps({"ready": True, "panel": url, "troubles": troubles}, ensure_ascii=False), flush=True)
        return
    alone = ", not enrolled yet" if agent.till.snapshot.link is LinkState.NOT_ENROLLED else ""
    without = f", with {len(troubles)} part(s) that could not start (see above)" if troubles else ""
    print(f"tillpoint: ready{alone}{without}. Panel: {url or 'not available'}", flush=True)


def _write_runtime(folder: Path, agent: Agent) -> None:
    """For `tillpoint queue`, for support, and for the updater, which sees here what runs; never needed to work."""
    from agent.sync.client import own_version

    note = {
        "pid": os.getpid(),
        "port": agent.port,
        "panel": agent.panel_url(ticket=False),
        "version": own_version(),
        "troubles": list(agent.troubles),
    }
    draft = folder / f"{RUNTIME_FILE}.new"
    try:
        draft.write_text(json.dumps(note), "utf-8")
        replace_durably(draft, folder / RUNTIME_FILE)  # whoever reads it meets it whole
    except OSError as error:
        log.warning("runtime.unwritten reason=%s", error.strerror)
