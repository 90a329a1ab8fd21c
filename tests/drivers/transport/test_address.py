"""Addresses: what each one opens, and what a wrong one is told."""

import pytest

from drivers.transport.address import EXAMPLES, endpoint
from drivers.vocabulary.errors import SettingsError


@pytest.mark.parametrize("address", EXAMPLES.values())
def test_every_example_is_an_address(address):
    """What the messages quote can be written into the settings."""
    assert address == endpoint(address).address


@pytest.mark.parametrize(
    ("address", "is_line"),
    [
        ("tcp://[::1]:9100", False),
        ("tcp-listen://0.0.0.0:9100", False),
        ("serial:/dev/ttyUSB0", True),
        ("serial:COM5?baud=115200&parity=E&bits=7&stop=2&flow=rtscts", True),
        ("memory:till-1", False),
    ],
)
def test_a_wire_is_told_from_a_visit(address, is_line):
    """Serial ports are wires; everything else is visited."""
    assert is_line == endpoint(address).is_line


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("tpc://10.0.0.5:9100", 'did you mean "tcp://192.168.1.50:9100"?'),
        ("COM5", 'write "serial:COM5"'),
        ("/dev/ttyUSB0", 'write "serial:/dev/ttyUSB0"'),
        ("parallel", "write one of"),
        ("tcp://10.0.0.5", "names no port; printers listen on 9100: tcp://10.0.0.5:9100"),
        ("tcp://10.0.0.5:70000", "the port must be 1 to 65535"),
        ("tcp://10.0.0.5:0", "the port must be 1 to 65535"),
        ("tcp://10.0.0.5:http", "the port must be 1 to 65535"),
        ("tcp://:9100", "names no host"),
        ("tcp:10.0.0.5:9100", "names no host"),
        ("tcp://10.0.0.5:9100/queue", "says more than host and port"),
        ("serial:", "names no port"),
        ("serial://dev/ttyUSB0", "slashes too many"),
        ("serial:COM5?boud=9600", 'did you mean "baud"?'),
        ("serial:COM5?baud=fast", "is no speed"),
        ("serial:COM5?baud=9600&baud=19200", "given twice"),
        ("serial:COM5?parity=X", "write one of N, E, O, M, S"),
        ("serial:COM5?bits=9", "write one of 7, 8"),
        ("memory:", "named by letters and digits"),
        ("tcp://" + "a" * 300 + ":1", "no address is longer"),
    ],
)
def test_a_wrong_address_is_told_what_to_write(address, hint):
    """Each mistake has its sentence with the next step."""
    with pytest.raises(SettingsError) as caught:
        endpoint(address)

    assert hint in str(caught.value)
