"""The row of the registry for scanners that type like a keyboard."""

from __future__ import annotations

from typing import Any

from drivers.contract import Driver
from drivers.scanners.keyboard.link import KeyboardScannerLink, KeyboardScannerSettings
from drivers.scanners.keyboard.simulator import KeyboardScannerTwin
from drivers.sharing import Judge, SharedCodes

__all__ = ["driver"]


def _conversation(settings: Any, *, device: str) -> KeyboardScannerLink:
    return KeyboardScannerLink(settings or KeyboardScannerSettings(), device=device)


def _sharing(settings: Any, judge: Judge, *, device: str) -> SharedCodes:
    return SharedCodes(KeyboardScannerLink(settings or KeyboardScannerSettings(), device=device), judge)


driver = Driver(
    name="keyboard_scanner",
    title="Barcode scanner or card reader that types like a keyboard, read before anybody else sees a key",
    shape="reader",
    settings_type=KeyboardScannerSettings,
    conversation=_conversation,
    twin=KeyboardScannerTwin,
    sharing=_sharing,
)
