"""ESC/POS receipt printers: receipts read from a till's stream, loyalty lines put before the cut, slips of our own."""

from .driver import driver
from .settings import EscposSettings, EscposSlipSettings
from .slip_printer import slip_driver

__all__ = ["EscposSettings", "EscposSlipSettings", "driver", "slip_driver"]
