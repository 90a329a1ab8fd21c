"""Shtrih-M fiscal registers: receipts read in line, closed documents pulled from the fiscal memory, slips printed."""

from .driver import driver
from .settings import ShtrihSettings

__all__ = ["ShtrihSettings", "driver"]
