"""ATOL fiscal registers: the web server's tasks read in line, closed documents pulled, slips printed."""

from .driver import driver
from .settings import AtolSettings

__all__ = ["AtolSettings", "driver"]
