"""Scanners and card readers that talk over a serial port; `driver` is their row in the registry."""

from drivers.scanners.serial.driver import driver

__all__ = ["driver"]
