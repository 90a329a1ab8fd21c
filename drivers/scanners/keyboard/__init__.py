"""Scanners that type like a keyboard and are read before anybody else sees a key; `driver` is their row."""

from drivers.scanners.keyboard.driver import driver

__all__ = ["driver"]
