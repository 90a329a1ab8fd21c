"""ESC/POS receipt printers, both ways: receipts read from the stream, loyalty lines put before the cut."""

from .driver import driver
from .settings import EscposSettings

__all__ = ["EscposSettings", "driver"]
