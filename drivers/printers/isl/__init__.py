"""Fiscal printers that speak ISL: in line with their till, read afterwards, or as their host."""

from .driver import driver
from .settings import IslSettings

__all__ = ["IslSettings", "driver"]
