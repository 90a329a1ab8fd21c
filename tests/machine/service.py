"""The agent as a service inside the emulated machine: its own user, its settings, its door, its commands."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.machine.gadgets import wait_for

__all__ = ["CHECKOUT", "HOME", "USER_ID", "Service", "settle", "tillpoint"]

CHECKOUT: Final = Path(__file__).resolve().parents[2]
HOME: Final = Path("/run/tillpoint")
CONFIG: Final = HOME / "config.toml"
LOG: Final = Path("/tmp/agent.log")
USER: Final = "tillpoint-service"
USER_ID: Final = 7990
DIALOUT: Final = 20  # Debian's number of the group
LOG_TOLD: Final = 2_000
START_S: Final = 300.0  # Python starts slowly on an emulated processor, and slower on a busy one


def tillpoint(*words: str) -> str:
    """What the command says; its exit code is not looked at."""
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        timeout=START_S,
    )
    assert done.stdout, done.stderr
    return done.stdout


def settle() -> None:
    """Until udev has done its work."""
    time.sleep(0.3)  # the bus tells the kernel of a plug only then
    subprocess.run(["udevadm", "settle", "--timeout=30"], check=False)


class Service:
    """One agent; its user is in the groups `tillpoint` (our udev rules) and `dialout`, and has no other right."""

    process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def make_user() -> None:
        """The user and the group, and the system's own udev with our rules."""
        with Path("/etc/group").open("a") as groups:
            groups.write(f"tillpoint:x:{USER_ID}:\n")
        with Path("/etc/passwd").open("a") as users:
            users.write(f"{USER}:x:{USER_ID}:{USER_ID}::/:/bin/false\n")
        rules = CHECKOUT / "installer/linux/70-tillpoint.rules"
        Path("/etc/udev/rules.d").mkdir(parents=True, exist_ok=True)
        Path("/etc/udev/rules.d", rules.name).write_text(rules.read_text("utf-8"), "utf-8")
        daemons = ("/lib/systemd/systemd-udevd", "/usr/lib/systemd/systemd-udevd")
        subprocess.run([next(one for one in daemons if Path(one).exists()), "--daemon"], check=True)

    @staticmethod
    def paste(blocks: list[str]) -> None:
        """The settings: the lines as `tillpoint devices` gave them, a name for each, a POS behind each scanner."""
        HOME.mkdir()
        state = HOME / "state"
        state.mkdir(mode=0o700)
        for folder in (HOME, state):
            os.chown(folder, USER_ID, USER_ID)
        names = {"hid_scanner": "hid", "keyboard_scanner": "keys", "serial_scanner": "serial"}
        text = f"[till]\nstate_folder = '{state}'\ncurrency = 'RUB'\n[doors]\nport = 0\n"
        for block in blocks:
            driver = block.partition('driver = "')[2].partition('"')[0]
            name = names.get(driver, "slips")
            lines = [f'name = "{name}"' if line.startswith("name") else line for line in block.splitlines()]
            more = 'slips_of = ["api"]' if name == "slips" else f'pass_on = "pty:{HOME}/{name}"'
            text += "\n".join((*lines, more)) + "\n"
        CONFIG.write_text(text, "utf-8")

    def start(self) -> str:
        """Start it and wait until it is ready; its user's name."""
        with LOG.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agent.cli", "run", "--config", str(CONFIG)],
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                user=USER_ID,
                group=USER_ID,
                extra_groups=[DIALOUT],
            )
        wait_for(lambda: (HOME / "state/runtime.json").exists() or not self.still_runs(), "the agent is ready", START_S)
        return Path(f"/proc/{self.process.pid}").owner()

    def still_runs(self) -> bool:
        """True; AssertionError with its last words when it has ended."""
        assert self.process is not None
        assert self.process.poll() is None, LOG.read_text()
        return True

    def stop(self) -> None:
        """In order."""
        assert self.process is not None
        self.process.terminate()
        assert 0 == self.process.wait(START_S), LOG.read_text()

    def ask(self, path: str, body: Any = None) -> Any:
        """Its own door."""
        note = json.loads((HOME / "state/runtime.json").read_text())
        token = (HOME / "state/api.token").read_text().strip()
        door = http.client.HTTPConnection("127.0.0.1", note["port"], timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        door.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
        answer = door.getresponse()
        text = answer.read()
        door.close()
        assert answer.status == 200, text
        return json.loads(text)

    def sell(self, uid: str) -> None:
        """The POS confirms a receipt."""
        line = {"number": 1, "name": "Bread", "quantity": "1", "price": "124.50 RUB", "total": "124.50 RUB"}
        receipt = {"uid": uid, "kind": "sale", "total": "124.50 RUB", "number": uid, "lines": [line]}
        self.ask("/v1/confirm", {"receipt": receipt})

    def shows(self, card: str) -> bool:
        """Whether this card, which is nobody's, is on the panel."""
        seen = self.ask("/v1/status")
        return seen["screen"] == "not_found" and seen["mask"].endswith(card[-4:])

    def device(self, name: str) -> dict[str, Any]:
        """How it says that a device is."""
        return next((one for one in self.ask("/v1/status")["devices"] if one["name"] == name), {})

    def wait_until(self, state: str, *names: str) -> None:
        """Wait until it says so of each of them."""
        for name in names:
            try:
                wait_for(lambda name=name: self.device(name).get("state") == state, f"{name} is {state}")
            except AssertionError as error:
                raise AssertionError(f"{error}: {self.device(name)}; {LOG.read_text()[-LOG_TOLD:]}") from None

    @staticmethod
    def doctor() -> dict[str, dict[str, str]]:
        """What the doctor finds beside it, by hop."""
        told = json.loads(tillpoint("doctor", "--config", str(CONFIG), "--json"))
        assert "running" == told["agent"], told
        return {row["hop"]: row for row in told["findings"]}
