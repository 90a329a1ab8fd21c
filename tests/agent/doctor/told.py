"""What the tests of the doctor share: a device of each kind in the settings, and the first hop that failed."""

from __future__ import annotations

from agent.doctor.report import advice

SCANNER = '[[devices]]\nname = "scanner"\ndriver = "serial_scanner"\nport = "{address}"\n'
SLIPS = '[[devices]]\nname = "slips"\ndriver = "escpos_slip"\ndevice = "{address}"\n'


def first(report):
    """(hop, kind of trouble) of the first that failed."""
    assert report.first is not None, report.findings
    assert (report.first.who, report.first.say) == (advice()[report.first.code].who, advice()[report.first.code].say)
    return report.first.hop, report.first.code
