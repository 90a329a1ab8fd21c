"""The Windows service as it is installed: put in, started, its agent killed and hung, its babysitter killed, stopped, out.

The tests build on each other, in this order. Wine's service manager knows no failure actions, so what Windows itself does
when the babysitter dies is not shown here; that its agent dies with it is.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.wine.installed import Installed, wait_for

pytestmark = [pytest.mark.machine, pytest.mark.alone]  # one prefix, one service manager

HOST = ("tillpoint.exe", "service host")
AGENT = ("start.py", "run")


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def answers(port: int) -> bool:
    """Whether the panel's door is open: without a ticket it is refused, which is an answer."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/panel", timeout=2)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return True


def only(found: list[int]) -> int:
    assert 1 == len(found), found
    return found[0]


def running(installed: Installed) -> int:
    """The one agent, as soon as there is one that is ready."""
    note = installed.data / "state" / "runtime.json"
    wait_for(note.exists, "the agent")
    return only(wait_for(lambda: installed.processes(*AGENT), "the agent's process"))


def test_the_launcher_starts_the_newest_version_without_a_pointer(installed: Installed) -> None:
    done = installed.tillpoint("--version")

    assert (0, f"tillpoint {installed.version}\r\n") == (done.returncode, done.stdout)


def test_the_launcher_follows_the_pointer_and_says_when_it_cannot(installed: Installed) -> None:
    other = installed.program / "versions" / "9.9.9"
    pointer = installed.program / "current"
    other.mkdir()
    try:
        assert f"tillpoint {installed.version}" in installed.tillpoint("--version").stdout  # half a version is none
        pointer.write_text("C:\\Program Files\\Tillpoint\\versions\\9.9.9\r\n", "utf-8")
        said = installed.tillpoint("--version").stdout
        assert "names no version that can be started" in said
        assert f"tillpoint {installed.version}" in said
        pointer.write_text(f"\ufeffC:\\Program Files\\Tillpoint\\versions\\{installed.version}\\\r\n", "utf-8")
        assert f"tillpoint {installed.version}\r\n" == installed.tillpoint("--version").stdout
    finally:
        other.rmdir()
        pointer.unlink(missing_ok=True)


def test_the_updater_starts_from_the_last_good_version(installed: Installed) -> None:
    """Its own pointer comes first; a `good` that cannot be used is said, and `current` or the newest runs."""
    good = installed.program / "good"
    good.write_text("C:\\nowhere\r\n", "utf-8")
    try:
        said = installed.tillpoint("update", "apply", "--help").stdout
        assert "\\good names no version" in said
        assert "\\good" not in installed.tillpoint("--version").stdout
    finally:
        good.unlink()


def test_it_is_put_in(installed: Installed, port: int) -> None:
    installed.configure(f"[doors]\nport = {port}\n")

    done = installed.tillpoint("service", "install")
    told = json.loads(installed.tillpoint("service", "status", "--json").stdout)

    assert 0 == done.returncode, done.stdout
    assert "stopped" == told["Tillpoint"]["state"]
    assert '"C:\\Program Files\\Tillpoint\\tillpoint.exe" service host' == told["Tillpoint"]["command"]
    assert "NT SERVICE\\Tillpoint" == told["Tillpoint"]["account"]
    assert "LocalSystem" == told["TillpointUpdater"]["account"]
    assert (installed.data / "config.toml").exists(), "the settings that were there are still there"


def test_it_starts(installed: Installed, port: int, capsys: Any) -> None:
    began_s = time.monotonic()
    done = installed.tillpoint("service", "start")
    wait_for(lambda: answers(port), "the panel's door")
    took_s = time.monotonic() - began_s
    host, agent = only(installed.processes(*HOST)), running(installed)
    with capsys.disabled():
        print(
            f"\nunder Wine: service start to open door {took_s:.1f} s; memory {installed.resident_mb(agent):.0f} MB the agent,"
            f" {installed.resident_mb(host):.0f} MB its babysitter, {installed.resident_mb(installed.idle_pid):.0f} MB a Python"
            f" that does nothing; runtime {installed.runtime['bytes'] / 1e6:.1f} MB; load {os.getloadavg()[0]:.1f}"
        )

    assert 0 == done.returncode, done.stdout
    wait_for(lambda: "service.child_ready" in installed.log("service"), "that the babysitter has heard it is ready")


def test_an_agent_that_was_killed_is_started_again(installed: Installed, port: int) -> None:
    before = running(installed)

    installed.kill(before)
    wait_for(lambda: installed.processes(*AGENT) not in ([], [before]), "another agent")
    wait_for(lambda: answers(port), "the panel's door")

    assert "service.child_failed" in installed.log("service")


def test_a_service_that_stops_stops_its_agent_in_order(installed: Installed, port: int) -> None:
    done = installed.tillpoint("service", "stop")

    assert 0 == done.returncode, done.stdout
    assert [] == installed.processes(*AGENT)
    assert not answers(port)
    assert "agent.stopping" in installed.log("tillpoint")
    assert re.search(r"service\.child_stopped code=0", installed.log("service"))
    assert not (installed.data / "state" / "runtime.json").exists()


def test_an_agent_does_not_outlive_its_babysitter(installed: Installed, port: int) -> None:
    """Two agents at one till would both read its ports."""
    installed.tillpoint("service", "start")
    wait_for(lambda: answers(port), "the panel's door")

    installed.kill(only(installed.processes(*HOST)))

    wait_for(lambda: not installed.processes(*AGENT), "the end of the agent")
    installed.ground.end()  # Wine's manager believes that the service still runs


def test_it_is_taken_out_and_the_data_stays(installed: Installed) -> None:
    with installed.kept_alive():
        installed.tillpoint("service", "install")
        done = installed.tillpoint("service", "remove")
        told = json.loads(installed.tillpoint("service", "status", "--json").stdout)

    assert "The service Tillpoint is removed." in done.stdout
    assert "missing" == told["Tillpoint"]["state"]
    assert (installed.data / "state" / "till.db").exists()
