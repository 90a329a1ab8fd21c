"""The udev rules and the table of devices know the same vendors."""

import re

from drivers.finding.found import Kind
from drivers.finding.known import rows


def test_the_rules_name_every_vendor_of_the_table(project):
    """USB for each of them, hidraw and input for what scans; jumps lead somewhere."""
    text = (project / "installer" / "linux" / "70-tillpoint.rules").read_text("utf-8")
    usb, hidraw, inputs = text.split("LABEL=")[1:4]
    wanted = {row.vendor for row in rows().values() if row.kind is not Kind.SERIAL_ADAPTER}
    scanners = {row.vendor for row in rows().values() if row.kind in {Kind.SCANNER, Kind.CARD_READER}}
    vendor = re.compile(r'ATTRS?\{idVendor\}=="([0-9a-f]{4})"')

    assert wanted == set(vendor.findall(usb))
    assert scanners == set(vendor.findall(hidraw)) == set(vendor.findall(inputs))
    assert set(re.findall(r'GOTO="(\w+)"', text)) == set(re.findall(r'LABEL="(\w+)"', text))


def test_each_rule_is_whole(project):
    """Matches, then assignments, separated by commas; nothing is open to everybody."""
    text = (project / "installer" / "linux" / "70-tillpoint.rules").read_text("utf-8")
    rules = [line for line in text.splitlines() if line and not line.startswith("#")]
    part = re.compile(r'[A-Z]+(\{[\w/]+\})?(==|!=|=|\+=)"[^"]*"$')

    assert [] == [rule for rule in rules for one in rule.split(", ") if not part.match(one)]
    assert "0666" not in text
