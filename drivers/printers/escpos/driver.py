"""The registry row of the ESC/POS family: its settings and how a conversation and a twin are built from them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from drivers.contract import Driver
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.money import Money

from .layout_files import load_layouts
from .link import EscposConversation
from .models import profile_named
from .receipts import ReceiptReader, fixed_zone
from .settings import EscposSettings
from .simulator import VirtualPrinter


def conversation(settings: Any, *, device: str, new_uid: Callable[[], str] | None = None) -> EscposConversation:
    """Build the conversation.

    Args:
        settings: EscposSettings; None is the default.
        device: the printer's name in the settings file.
        new_uid: names a receipt that carries no number or no time; random names by default.

    Raises:
        SettingsError: the profile, a layout or the zone does not exist.
    """
    chosen: EscposSettings = settings or EscposSettings()
    reader = receipt_reader(chosen, device=device, new_uid=new_uid or random_uid)
    return EscposConversation(
        read=reader.read,
        profile=profile_named(chosen.profile),
        columns=chosen.columns,
        idle_end_s=chosen.idle_end_s,
        reset_ends=chosen.reset_ends,
        loyalty_lines=chosen.loyalty_lines,
    )


# A till that connects anew for each receipt makes a conversation each time; files are read once.
@lru_cache(maxsize=32)
def receipt_reader(settings: EscposSettings, *, device: str, new_uid: Callable[[], str]) -> ReceiptReader:
    """The reader these settings describe; raises SettingsError."""
    decimals = len(Money(0, settings.currency).amount.partition(".")[2])
    return ReceiptReader(
        device=device,
        currency=settings.currency,
        layouts=load_layouts(settings.layouts, decimals),
        zone=_zone(settings),
        new_uid=new_uid,
    )


def random_uid() -> str:
    """A name that never repeats, for a receipt that does not name itself."""
    return "p-" + secrets.token_hex(12)


def warm_up() -> None:
    """Do now what the first receipt would wait for: compile the shipped layouts."""
    load_layouts((), len(Money(0, EscposSettings().currency).amount.partition(".")[2]))


def _zone(settings: EscposSettings) -> tzinfo:
    if not settings.zone:
        return fixed_zone(settings.utc_offset_minutes)
    try:
        return ZoneInfo(settings.zone)
    except (KeyError, ValueError, OSError):
        raise SettingsError(
            f"no time zone {settings.zone!r} on this machine; set utc_offset_minutes instead",
        ) from None


driver = Driver(
    name="escpos",
    title="ESC/POS receipt printers (Epson TM and compatibles)",
    shape="inline",
    settings_type=EscposSettings,
    conversation=conversation,
    twin=VirtualPrinter,
    warm_up=warm_up,
)
