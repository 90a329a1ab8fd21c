"""`tillpoint run`: stand beside the till until told to stop; also what the service runs."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.cli.common import add_config, settings_of
from agent.service.notify import Notifier

if TYPE_CHECKING:
    from agent.assembly import Agent

__all__ = ["RUNTIME_FILE", "add_parser", "run"]

RUNTIME_FILE: Final = "runtime.json"  # where a running agent says its port and process id, for other commands
SWITCH_INTERVAL_S: Final = 0.0005
LOOK_S: Final = 1.0  # how often the agent looks whether it lives
SETTLED_S: Final = 600.0  # at most one start in so long because a part of the agent died
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

log = logging.getLogger(__name__)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("run", help="stand beside the till")
    add_config(parser)
    parser.add_argument("--open-panel", action="store_true", help="open the panel in the system's browser")
    parser.add_argument("--log-level", choices=LOG_LEVELS, default="info")


def run(args: argparse.Namespace) -> int:
    """Start every part, say where the panel is, wait for the signal to stop."""
    settings = settings_of(args)
    _set_up_log(args.log_level)
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())

    from agent.assembly import Agent

    # A printer's status answer must not wait for whoever computes: docs/decisions/007.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    agent = Agent(settings)
    notifier = Notifier.from_environment()
    agent.start()
    try:
        _say_ready(agent.panel_url(ticket=False), agent.troubles, as_json=args.json)
        _write_runtime(settings.state_folder, agent.port, agent.panel_url(ticket=False))
        if args.open_panel and agent.doors is not None:
            import webbrowser

            webbrowser.open(agent.panel_url(ticket=True))
        return _watch(agent, notifier, stop)
    finally:
        log.info("agent.stopping")
        notifier.stopping()
        agent.stop()
        (settings.state_folder / RUNTIME_FILE).unlink(missing_ok=True)


def _watch(agent: Agent, notifier: Notifier, stop: threading.Event, *, settled_s: float = SETTLED_S) -> int:
    """Tell the service manager of each sign of life until told to stop; 1 when something of the agent has died.

    Starting again cuts the line between POS and printer for a moment. So what dies soon after the start, and would
    again, is said and left: the receipt passes without it.
    """
    pulse = agent.pulse()
    notifier.ready(_status(agent))
    shown, told = "", ""
    settled_at_s = time.monotonic() + settled_s
    # A bounded wait: on Windows an endless one would not see Ctrl-C.
    while not stop.wait(min(LOOK_S, notifier.every_s or LOOK_S)):
        now_s = time.monotonic()
        trouble = "; ".join(pulse.troubles(now_s))
        if trouble and trouble != told:
            log.error("agent.unwell reason=%s", trouble)
            told = trouble
        if trouble and now_s >= settled_at_s:
            notifier.status(f"stopping, to be started again: {trouble}")
            return 1
        notifier.alive()
        status = f"{_status(agent)}{f', {trouble}' if trouble else ''}"
        if status != shown:
            notifier.status(status)
            shown = status
    return 0


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


def _say_ready(url: str, troubles: list[str], *, as_json: bool) -> None:
    """One line for people or machines; what could not start was logged already. No ticket: output ends up in logs."""
    if as_json:
        print(json.dumps({"ready": True, "panel": url, "troubles": troubles}, ensure_ascii=False), flush=True)
        return
    state = "ready" if not troubles else f"ready, with {len(troubles)} part(s) that could not start (see above)"
    print(f"tillpoint: {state}. Panel: {url or 'not available'}", flush=True)


def _write_runtime(folder: Path, port: int, url: str) -> None:
    """For `tillpoint queue` and for support; never needed to work."""
    try:
        body = json.dumps({"pid": os.getpid(), "port": port, "panel": url})
        (folder / RUNTIME_FILE).write_text(body, "utf-8")
    except OSError as error:
        log.warning("runtime.unwritten reason=%s", error.strerror)


def _set_up_log(level: str) -> None:
    """One line an event, on standard error, where systemd and the Windows service pick it up."""
    stream = sys.stderr if sys.stderr is not None else None
    handler: logging.Handler = logging.StreamHandler(stream) if stream is not None else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
