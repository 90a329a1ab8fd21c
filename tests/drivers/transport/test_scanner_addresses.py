"""Addresses of scanners, and what a wrong one is told."""

import pytest

from drivers.transport.address import endpoint
from drivers.transport.scanner_addresses import SCANNER_EXAMPLES
from drivers.vocabulary.errors import SettingsError


@pytest.mark.parametrize("address", [*SCANNER_EXAMPLES.values(), "hid:0C2E:0b61?serial=A1&by=usb", "pty:/run/x"])
def test_every_example_is_an_address_of_a_wire(address):
    """Nobody visits a scanner."""
    place = endpoint(address)

    assert (address, True, False) == (place.address, place.is_line, place.visitor_waits())
    place.close()


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("hid:scanner", "names no vendor and product"),
        ("hid:0c2e:0b61?bus=1", 'unknown key "bus"'),
        ("hid:0c2e:0b61?by=magic", "write system or usb"),
        ("evdev:event0", "names no file"),
        ("rawinput:", "names no keyboard"),
        ("rawinput:../x", "names no keyboard"),
        ("pty:scanner", "names no place"),
        ("pty:/run/x/", "names no place"),
        ("pty:/run/x?otherwise=COM5", "write its whole path"),
        ("hdi:0c2e:0b61", "did you mean"),
    ],
)
def test_a_wrong_address_is_told_what_to_write(address, hint):
    """Each mistake has its sentence with the next step."""
    with pytest.raises(SettingsError) as caught:
        endpoint(address)

    assert hint in str(caught.value)
