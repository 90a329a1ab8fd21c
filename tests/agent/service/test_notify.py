"""What systemd hears of the agent: over a real datagram socket, from a real process, in order."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.service.notify import Notifier

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(
        not hasattr(socket, "AF_UNIX"), reason="SKIPPED LOUDLY: no Unix sockets here; systemd is on Linux only"
    ),
]


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


def test_the_environment_says_whom_and_how_often() -> None:
    none = Notifier.from_environment({})
    ours = Notifier.from_environment({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, pid=7)
    other = Notifier.from_environment({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, pid=7)
    odd = Notifier.from_environment({"WATCHDOG_USEC": "soon"})

    assert ("", 0.0) == (none.address, none.every_s)
    assert ("/x", 10.0) == (ours.address, ours.every_s)
    assert 0.0 == other.every_s == odd.every_s


def test_messages_are_datagrams(heard: socket.socket) -> None:
    notifier = Notifier(address=heard.getsockname())
    notifier.ready("panel http://127.0.0.1:8765/panel")
    notifier.alive()
    notifier.stopping()

    assert [b"READY=1\nSTATUS=panel http://127.0.0.1:8765/panel", b"WATCHDOG=1", b"STOPPING=1"] == [
        heard.recv(999) for _ in range(3)
    ]


def test_a_manager_that_has_gone_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(address=str(tmp_path / "gone"))
    notifier.alive()
    notifier.alive()

    assert 1 == sum("service.notify" in one.getMessage() for one in caplog.records), "said once"


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: SIGTERM to a process is for POSIX")
def test_a_running_agent_is_ready_lives_and_stops(heard: socket.socket, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[till]\nstate_folder = "{tmp_path / "state"}"\n[doors]\nport = 0\n', "utf-8")
    environment = os.environ | {"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "3000000"}
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.cli", "run", "--config", str(config)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        told = [heard.recv(999).decode()]
        while told.count("WATCHDOG=1") < 3:
            told.append(heard.recv(999).decode())
        process.send_signal(signal.SIGTERM)
        while told[-1] != "STOPPING=1":
            told.append(heard.recv(999).decode())
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert told[0].startswith("READY=1\nSTATUS=panel http://127.0.0.1:")
    assert 0 == process.returncode, said


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="SKIPPED LOUDLY: no systemd-analyze here (package systemd)"
)
def test_the_unit_is_as_closed_as_promised(project: Path) -> None:
    """Exposure at most 2.0 of 10."""
    unit = project / "installer" / "linux" / "tillpoint.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)],
        check=False,
        capture_output=True,
        text=True,
    )

    assert 0 == done.returncode, done.stdout[-300:] + done.stderr
