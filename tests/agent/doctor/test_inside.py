"""The doctor inside a whole agent: examined through its own page, by whoever typed store IT's PIN."""

from __future__ import annotations

import http.client
import io
import json
import os
import sys
import zipfile

import pytest

from agent.assembly import Agent
from agent.doors.pins import set_pin
from agent.settings import load

IT = "730185"
PATIENCE_S = 30.0

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals"),
]


class Page:
    """What the panel's page does: a ticket, a session, POSTs."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        address = agent.panel_url(ticket=True)
        self._cookie = ""
        _, cookie, _ = self.ask("GET", address[address.index("/panel") :])
        self._cookie = cookie.partition(";")[0]

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, str, bytes]:
        """(status, cookie, body)."""
        door = http.client.HTTPConnection("127.0.0.1", self._agent.port, timeout=PATIENCE_S)
        origin = f"http://127.0.0.1:{self._agent.port}"
        headers = {"cookie": self._cookie, "content-type": "application/json"}
        if method == "POST":
            headers |= {"origin": origin, "x-tillpoint": "1", "sec-fetch-site": "same-origin"}
        door.request(method, path, None if body is None else json.dumps(body), headers)
        answer = door.getresponse()
        told = (answer.status, answer.getheader("set-cookie", ""), answer.read())
        door.close()
        return told


@pytest.fixture
def shop(patient):
    """An agent whose scanner is there and whose printer is not; the file it was started with is gone since."""
    far, near = os.openpty()
    patient.devices = (
        f'[[devices]]\nname = "scanner"\ndriver = "serial_scanner"\nport = "serial:{os.ttyname(near)}"\n'
        '[[devices]]\nname = "slips"\ndriver = "escpos_slip"\ndevice = "usb:04b8:0202"\n'
    )
    agent = Agent(load(patient.write()))
    patient.file.unlink()
    agent.start()
    set_pin(patient.folder, "it", IT, agent.clock)
    page = Page(agent)
    assert 200 == page.ask("POST", "/panel/it", {"pin": IT})[0]
    yield page
    agent.stop()
    for handle in (far, near):
        os.close(handle)


def test_the_agent_examines_itself(shop):
    """Its devices as it has them, the hops to the centre, in the settings it was started with; no port is opened."""
    report = json.loads(shop.ask("POST", "/panel/it/doctor", {})[2])
    found = {one["hop"]: one for one in report["findings"]}

    assert ("running", "ok", "ok") == (report["agent"], found["agent"]["state"], found["device scanner"]["state"])
    assert found["device slips"]["code"] in ("device_unplugged", "device_off", "device_no_driver")
    assert ("failed", "not_enrolled") == (found["enrolment"]["state"], found["enrolment"]["code"])
    assert "the settings that the agent was started with" == found["settings"]["what"]


def test_the_bundle_comes_from_the_page(shop):
    """The same files as the command's, with the agent's own status."""
    _, _, body = shop.ask("POST", "/panel/it/bundle", {})
    with zipfile.ZipFile(io.BytesIO(body)) as bundle:
        names = set(bundle.namelist())
        status = json.loads(bundle.read("status.json"))
        whole = "".join(bundle.read(name).decode() for name in names)

    assert {"doctor.json", "settings.json", "status.json", "queue.json", "versions.json"} <= names
    assert ["scanner", "slips"] == sorted(one["name"] for one in status["devices"])
    assert IT not in whole
