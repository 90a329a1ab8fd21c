"""What the story of a package does with the system it is played in: packages, the service, its door."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

STORY: Final = Path(__file__).parents[2]  # where the packages lie, and what is told
STATE: Final = Path("/var/lib/tillpoint")
LOGS: Final = Path("/var/log/tillpoint")
POINTER: Final = Path("/var/lib/tillpoint-versions/current")
CONFIG: Final = Path("/etc/tillpoint/config.toml")
PATIENCE_S: Final = 180.0
WATCHDOG_S: Final = 10
QUIET: Final = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
PORT: Final = 8801  # written into the settings; the first start is on the default


def run(*words: str) -> str:
    """What it printed; it must succeed."""
    done = subprocess.run(words, env=QUIET, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert 0 == done.returncode, (words, done.stdout, done.stderr)
    return done.stdout


def install(package: dict[str, str]) -> None:
    """As a person or a script does."""
    run("dpkg", "-i", str(STORY / package["file"]))


def purge() -> str:
    """What `dpkg -P` said."""
    done = subprocess.run(["dpkg", "-P", "tillpoint"], env=QUIET, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def tillpoint(*words: str) -> str:
    """The command that the package brought."""
    return run("tillpoint", *words)


def unsent() -> int:
    """How many receipts wait for a centre."""
    return int(json.loads(tillpoint("queue", "status", "--json"))["waiting"])


def wait_for(what: Any, name: str, *, seconds: float = PATIENCE_S) -> None:
    """Until `what()` is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"{name}: not within {seconds:.0f} s"
        time.sleep(0.02)


def answers(port: int = PORT) -> bool:
    """Whether the agent answers there."""
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        door.request("GET", "/healthz")
        return door.getresponse().status == 200
    except OSError:
        return False
    finally:
        door.close()


def panel_opens() -> bool:
    """With the ticket that the command gives, as the cashier's browser does."""
    url = urllib.parse.urlsplit(tillpoint("panel", "--print").split()[-1])
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(f"http://{url.netloc}{url.path}?{url.query}", timeout=30) as page:
        return page.status == 200 and b"<html" in page.read()


def sell(uid: str) -> None:
    """The POS confirms a receipt."""
    line = {"number": 1, "name": "Bread", "quantity": "1", "price": "124.50 RUB", "total": "124.50 RUB"}
    ask("/v1/confirm", {"receipt": {"uid": uid, "kind": "sale", "total": "124.50 RUB", "number": uid, "lines": [line]}})


def ask(path: str, body: Any = None, *, port: int = PORT) -> Any:
    """The local API, as a POS uses it."""
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "Authorization": f"Bearer {(STATE / 'api.token').read_text().strip()}",
        "Content-Type": "application/json",
    }
    door.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    answer = door.getresponse()
    text = answer.read()
    door.close()
    assert 200 == answer.status, text
    return json.loads(text)


def main_pid() -> int:
    """The service's process; 0 while there is none."""
    return int(run("systemctl", "show", "--property=MainPID", "--value", "tillpoint"))


def restarts() -> int:
    """How often systemd started it again."""
    return int(run("systemctl", "show", "--property=NRestarts", "--value", "tillpoint"))


def journal() -> str:
    """The service's last words."""
    words = ["journalctl", "--unit=tillpoint", "--no-pager", "--lines=60", "--output=cat"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout
