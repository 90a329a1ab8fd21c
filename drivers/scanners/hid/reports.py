"""Where the code stands in a scanner's input report: read from its report descriptor, else a known shape; pure.

HID 1.11 §6.2.2 (items of a report descriptor) and HID Point of Sale Usage Tables 1.02 (usage page 8Ch): a scanned data
report holds Byte Count (Generic Desktop 3Bh), Symbology Identifier 1 to 3 (FBh, FCh, FDh), Decoded Data (FEh) and
Decoded Data Continued (FFh). The usual shape:

    # [report id:1 = 02h] [count:1] [AIM id:3] [data:56] [Honeywell code id:1] [reserved:1] [continued:bit 0]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

__all__ = ["KNOWN_LAYOUTS", "Layout", "layouts_of"]

POS_PAGE: Final = 0x8C
_DESKTOP_PAGE: Final = 0x01
_VENDOR_PAGES: Final = 0xFF00
_BYTE_COUNT: Final = 0x3B
_SYMBOLOGY: Final = (0xFB, 0xFC, 0xFD)
_DATA: Final = 0xFE
_CONTINUED: Final = 0xFF
ITEMS_MAX = 2_000  # a descriptor of 4096 bytes has no more items worth reading
FIELDS_MAX = 4_096  # usages of one report; a count of millions in a broken descriptor must not fill memory
_CONSTANT: Final = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One kind of scanned data report; places are bytes from the start of the report, its id included.

    Attributes:
        report_id: 0 when reports have no ids, and then none stands in front.
        count_at: how many bytes of data the report holds; -1 when it does not say.
        aim_at: the three characters of the AIM id; -1 when there are none.
        data_at: first byte of the code; `data_size` is the most there may be.
        continued_bit: bit from the start of the report, set when another report goes on; -1 when codes never go on.
        vendor_at: a Honeywell code id; -1 when there is none.
    """

    report_id: int
    count_at: int
    aim_at: int
    data_at: int
    data_size: int
    continued_bit: int
    vendor_at: int = -1

    @property
    def least_size(self) -> int:
        """A report shorter than this is cut."""
        return max(self.count_at, self.aim_at + 2, self.data_at) + 1


#: Shapes met where a system gives no descriptor (Windows), the usual one first: 64 bytes with and without an id.
KNOWN_LAYOUTS: Final = (
    Layout(report_id=2, count_at=1, aim_at=2, data_at=5, data_size=56, continued_bit=63 * 8, vendor_at=61),
    Layout(report_id=0, count_at=0, aim_at=1, data_at=4, data_size=56, continued_bit=62 * 8, vendor_at=60),
)


class _Item(NamedTuple):
    """One short item: its type and tag without the size, and its value unsigned."""

    tag: int
    value: int
    size: int


class _Field(NamedTuple):
    """One usage of an input report and where it stands."""

    page: int
    usage: int
    bit: int
    bits: int


@dataclass(slots=True)
class _Globals:
    """What goes on from item to item (HID 1.11 §6.2.2.7)."""

    page: int = 0
    size: int = 0
    count: int = 0
    report_id: int = 0


@dataclass(slots=True)
class _Walk:
    """The state of one walk over a descriptor."""

    state: _Globals = field(default_factory=_Globals)
    stack: list[_Globals] = field(default_factory=list)
    usages: list[tuple[int, int]] = field(default_factory=list)
    bits: dict[int, int] = field(default_factory=dict)
    fields: dict[int, list[_Field]] = field(default_factory=dict)
    has_ids: bool = False


def layouts_of(descriptor: bytes) -> tuple[Layout, ...]:
    """The scanned data reports a descriptor declares; () when it declares none. Never raises for what a device says."""
    walk = _Walk()
    for number, item in enumerate(_items(descriptor)):
        if number >= ITEMS_MAX:
            break
        _take(walk, item)
    found = (_layout(report_id, fields) for report_id, fields in walk.fields.items())
    return tuple(layout for layout in found if layout is not None)


def _items(descriptor: bytes) -> Iterator[_Item]:
    place = 0
    while place < len(descriptor):
        head = descriptor[place]
        if head == 0xFE:  # a long item: [FEh] [size] [tag] [data]; nobody uses them, everybody must skip them
            place += 3 + (descriptor[place + 1] if place + 1 < len(descriptor) else 0)
            continue
        size = (0, 1, 2, 4)[head & 0x03]
        data = descriptor[place + 1 : place + 1 + size]
        if len(data) < size:
            return
        yield _Item(head & 0xFC, int.from_bytes(data, "little"), size)
        place += 1 + size


def _take(walk: _Walk, item: _Item) -> None:
    state = walk.state
    tag, value = item.tag, item.value
    if tag == 0x04:
        state.page = value
    elif tag == 0x74:
        state.size = value
    elif tag == 0x94:
        state.count = value
    elif tag == 0x84:
        state.report_id, walk.has_ids = value, True
    elif tag == 0xA4:
        walk.stack.append(_Globals(state.page, state.size, state.count, state.report_id))
    elif tag == 0xB4 and walk.stack:
        walk.state = walk.stack.pop()
    elif tag == 0x08:
        # Four bytes name the page too (§6.2.2.8).
        walk.usages.append((value >> 16, value & 0xFFFF) if item.size == 4 else (state.page, value))
    elif tag == 0x80:
        _input(walk, value)
        walk.usages.clear()
    elif tag in (0x90, 0xB0, 0xA0, 0xC0):  # output, feature, collection, its end: they use up the local items
        walk.usages.clear()


def _input(walk: _Walk, flags: int) -> None:
    state = walk.state
    bit = walk.bits.get(state.report_id, 8 if walk.has_ids else 0)
    walk.bits[state.report_id] = bit + state.size * state.count
    if flags & _CONSTANT or not walk.usages:
        return
    fields = walk.fields.setdefault(state.report_id, [])
    if len(walk.usages) == 1:
        # One usage for all: an array of bytes, or one field of many.
        page, usage = walk.usages[0]
        fields.append(_Field(page, usage, bit, state.size * state.count))
        return
    for number in range(min(state.count, len(walk.usages), FIELDS_MAX)):
        page, usage = walk.usages[number]
        fields.append(_Field(page, usage, bit + number * state.size, state.size))


def _layout(report_id: int, fields: Sequence[_Field]) -> Layout | None:
    """The layout of one report; None when it holds no decoded data, or not on whole bytes."""
    data = _one(fields, POS_PAGE, _DATA)
    if data is None or data.bit % 8 or data.bits < 8:
        return None
    count = _one(fields, _DESKTOP_PAGE, _BYTE_COUNT)
    continued = _one(fields, POS_PAGE, _CONTINUED)
    symbology = [one for one in (_one(fields, POS_PAGE, usage) for usage in _SYMBOLOGY) if one is not None]
    has_aim = bool(symbology) and symbology[0].bit % 8 == 0
    own = next((one for one in fields if one.page >= _VENDOR_PAGES and one.bits == 8 and one.bit % 8 == 0), None)
    # Some declare the three characters as one field of three bytes, or as three usages of one byte each.
    return Layout(
        report_id=report_id,
        count_at=count.bit // 8 if count is not None and count.bit % 8 == 0 else -1,
        aim_at=symbology[0].bit // 8 if has_aim else -1,
        data_at=data.bit // 8,
        data_size=data.bits // 8,
        continued_bit=continued.bit if continued is not None else -1,
        vendor_at=own.bit // 8 if own is not None else -1,
    )


def _one(fields: Sequence[_Field], page: int, usage: int) -> _Field | None:
    return next((one for one in fields if (one.page, one.usage) == (page, usage)), None)
