"""The row of the registry for scanners on a serial port."""

from __future__ import annotations

from typing import Any

from drivers.contract import Driver
from drivers.scanners.serial.link import SerialScannerLink, SerialScannerSettings
from drivers.scanners.serial.simulator import ScannerTwin
from drivers.sharing import Judge, SharedBytes

__all__ = ["driver"]


def _conversation(settings: Any, *, device: str) -> SerialScannerLink:
    return SerialScannerLink(settings or SerialScannerSettings(), device=device)


def _sharing(settings: Any, judge: Judge, *, device: str) -> SharedBytes:
    return SharedBytes(SerialScannerLink(settings or SerialScannerSettings(), device=device), judge)


driver = Driver(
    name="serial_scanner",
    title="Barcode scanner or card reader on a serial port (real, USB virtual COM, Bluetooth SPP)",
    shape="reader",
    settings_type=SerialScannerSettings,
    conversation=_conversation,
    twin=ScannerTwin,
    sharing=_sharing,
)
