"""Scanners in USB HID-POS mode; `driver` is their row in the registry."""

from drivers.scanners.hid.driver import driver

__all__ = ["driver"]
