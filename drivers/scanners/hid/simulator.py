"""A HID-POS scanner that scans what it is told, politely or rudely; opens no device and reads no clock."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from drivers.contract import Scene
from drivers.packets import PacketKind, pack
from drivers.scanners.hid.link import HidScannerSettings

__all__ = ["DESCRIPTOR", "HidScannerTwin", "Rudeness", "Shape"]

DATA_SIZE: Final = 56

#: The descriptor of the usual shape: report 2, count, AIM id, 56 bytes, a maker's byte, a reserved one, one bit.
DESCRIPTOR: Final = bytes.fromhex(
    "058c 0902 a101"  # usage page 8Ch, bar code scanner, application collection
    "0912 a102 8502 1500 26ff00 7508"  # scanned data report, logical collection, report id 2, bytes
    "9501 0501 093b 8102"  # byte count
    "9503 058c 09fb 09fc 09fd 8102"  # symbology identifiers 1 to 3
    "9538 09fe 820201"  # decoded data, 56 buffered bytes
    "0666ff 9502 0904 0905 8102"  # the maker's code id and a reserved byte
    "058c 2501 7501 9501 09ff 8102"  # decoded data continued
    "9507 8103 c0 c0"  # seven bits of nothing
)


class Shape(Enum):
    """Where makers put things."""

    USUAL = "usual"
    AIM_LATE = "aim_late"  # the AIM id and the data one byte later than the descriptor says
    NO_ID = "no_id"  # reports without ids, and a system that gives no descriptor


class Rudeness(Enum):
    """What a scanner does wrong."""

    NONE = "none"
    SILENT_ABOUT_ITSELF = "silent_about_itself"
    FOREIGN_REPORTS = "foreign_reports"
    HALF_CODE = "half_code"
    CUT_REPORT = "cut_report"


class HidScannerTwin:
    """The simulated scanner; see `drivers.contract.Twin`."""

    def __init__(
        self,
        settings: HidScannerSettings | None = None,
        *,
        shape: Shape = Shape.USUAL,
        rudeness: Rudeness = Rudeness.NONE,
        maker: int = 0x1EAB,
    ) -> None:
        self._settings = settings or HidScannerSettings()
        self._shape = shape
        self._rudeness = rudeness
        self._maker = maker

    def feed(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - the shape of every twin
        """A scanner answers nothing; a feature report is taken."""
        return b""

    def hello(self) -> bytes:
        """What the transport says of it before the first report."""
        if self._rudeness is Rudeness.SILENT_ABOUT_ITSELF or self._shape is Shape.NO_ID:
            return b""
        identity = self._maker.to_bytes(2, "little") + (0x0B61).to_bytes(2, "little")
        return pack(PacketKind.IDENTITY, identity) + pack(PacketKind.DESCRIPTOR, DESCRIPTOR)

    def reports(self, code: str, *, symbology: str = "", vendor: str = "") -> list[bytes]:
        """The reports of one scan."""
        data = code.encode(self._settings.encoding)
        size = DATA_SIZE - 1 if self._shape is Shape.AIM_LATE else DATA_SIZE
        parts = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
        if self._rudeness is Rudeness.HALF_CODE:
            return [self._report(parts[0][:20], symbology, vendor, goes_on=True)]
        whole = [
            self._report(part, symbology, vendor, goes_on=number < len(parts)) for number, part in enumerate(parts, 1)
        ]
        if self._rudeness is Rudeness.CUT_REPORT:
            return [whole[0][:4]]
        if self._rudeness is Rudeness.FOREIGN_REPORTS:
            return [b"\x05battery low" + bytes(20), *whole, b"\x02"]
        return whole

    def scan(self, code: str, *, symbology: str = "", vendor: str = "") -> bytes:
        """One scan as packets."""
        reports = self.reports(code, symbology=symbology, vendor=vendor)
        return b"".join(pack(PacketKind.REPORT, report) for report in reports)

    def script(self) -> Sequence[Scene]:
        """What a shop scans in a minute."""
        return [
            Scene(
                name=name,
                from_device=(self.hello() if number == 0 else b"") + self.scan(code, symbology=symbology),
                codes=(code,),
            )
            for number, (name, code, symbology) in enumerate(_SCRIPT)
        ]

    def _report(self, part: bytes, symbology: str, vendor: str, *, goes_on: bool) -> bytes:
        shift = b"\0" if self._shape is Shape.AIM_LATE else b""
        head = bytes((len(part),)) + shift + symbology.encode().ljust(3, b"\0")
        body = (head + part).ljust(60, b"\0") + vendor.encode().ljust(1, b"\0") + b"\0" + bytes((goes_on,))
        return body if self._shape is Shape.NO_ID else b"\x02" + body


_SCRIPT: Final = (
    ("a loyalty card", "2000000000015", "]E0"),
    ("a product", "4600000000015", "]E0"),
    ("a marking code with a group separator", "0104600000000015215AbCdEf\x1d93Abcd", "]d2"),
    ("a code of three reports", "TP9:" + "0123456789" * 15, "]Q1"),
    ("a customer's app", "TP1:2000000000015", "]Q1"),
)
