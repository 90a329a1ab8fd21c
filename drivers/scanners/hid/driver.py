"""The row of the registry for scanners in USB HID-POS mode."""

from __future__ import annotations

from typing import Any

from drivers.contract import Driver
from drivers.scanners.hid.link import HidScannerLink, HidScannerSettings
from drivers.scanners.hid.simulator import HidScannerTwin
from drivers.sharing import Judge, SharedCodes

__all__ = ["driver"]


def _conversation(settings: Any, *, device: str) -> HidScannerLink:
    return HidScannerLink(settings or HidScannerSettings(), device=device)


def _sharing(settings: Any, judge: Judge, *, device: str) -> SharedCodes:
    return SharedCodes(HidScannerLink(settings or HidScannerSettings(), device=device), judge)


driver = Driver(
    name="hid_scanner",
    title="Barcode scanner in USB HID-POS mode (usage page 8Ch)",
    shape="reader",
    settings_type=HidScannerSettings,
    conversation=_conversation,
    twin=HidScannerTwin,
    sharing=_sharing,
)
