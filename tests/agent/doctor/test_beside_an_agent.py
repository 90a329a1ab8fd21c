"""The doctor beside a whole agent: asks it, takes nothing away from it, and sees what happens to its devices."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from agent.assembly import Agent
from agent.cli.run import _write_runtime
from agent.doctor.report import State
from agent.settings import load
from drivers.printers.escpos import slip_driver
from tests.agent.test_slip_printers import Printer

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals"),
]
PATIENCE_S = 10.0


@pytest.fixture
def shop(patient):
    """An agent with a scanner on a terminal and a slip printer on the network, and its note beside it."""
    printer = Printer()
    far, near = os.openpty()
    patient.devices = (
        f'[[devices]]\nname = "scanner"\ndriver = "serial_scanner"\nport = "serial:{os.ttyname(near)}"\n'
        f'[[devices]]\nname = "slips"\ndriver = "escpos_slip"\ndevice = "tcp://127.0.0.1:{printer.port}"\n'
    )
    agent = Agent(load(patient.write()))
    news = threading.Condition()

    def changed(_):
        with news:
            news.notify_all()

    agent.start()
    agent.till.subscribe(changed)
    _write_runtime(patient.folder, agent)

    def wait_for(name, state):
        def is_so():
            return any((one.name, one.state) == (name, state) for one in agent.till.snapshot.devices)

        with news:
            assert news.wait_for(is_so, PATIENCE_S), agent.till.snapshot.devices

    yield patient, printer, far, wait_for, agent
    agent.stop()
    printer.close()
    for handle in (far, near):
        os.close(handle)


def test_a_running_agent_keeps_its_ports(shop, by_hop):
    """Both devices are told as the agent has them; a scan right after is still the agent's."""
    patient, _, far, wait_for, agent = shop
    wait_for("scanner", "on")
    wait_for("slips", "on")
    report = patient.examine()
    found = by_hop(report)
    os.write(far, b"2900000000018\r\n")
    heard = threading.Event()
    stop = agent.till.subscribe(lambda snapshot: heard.set() if snapshot.screen.value == "not_found" else None)
    if agent.till.snapshot.screen.value == "not_found":
        heard.set()

    assert heard.wait(PATIENCE_S)
    stop()
    assert ("running", State.OK, State.OK) == (report.agent, found.device_scanner.state, found.device_slips.state)
    assert "not_enrolled" == report.first.code


def test_paper_out_is_told_through_the_agent(shop, by_hop):
    """The printer's own sentence, and that the cashier can mend it."""
    patient, printer, _, wait_for, agent = shop
    wait_for("slips", "on")
    printer.twin.be_rude("paper_out")
    agent._equipment._workers[1].print(slip_driver.twin(None).script()[0].slip)
    wait_for("slips", "off")
    found = by_hop(patient.examine()).device_slips

    assert ("printer_paper_out", "whoever stands at the till") == (found.code, found.who)
    assert "E301 out of paper: put in a new roll" in found.what
