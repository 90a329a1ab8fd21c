"""KKM-Server: the POS's receipts read and lowered on their way to it, and slips of our own printed through it."""

from .driver import driver
from .settings import KkmServerSettings

__all__ = ["KkmServerSettings", "driver"]
