"""What may be chosen at each question, the probable first, out of what is plugged in; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.finding.found import Found, Kind

__all__ = ["Choice", "address_of", "receipt_choices", "scanner_choices"]

Say = Callable[..., str]

SCANNERS: Final = (Kind.SCANNER, Kind.KEYBOARD_SCANNER, Kind.CARD_READER)
PORTS: Final = (Kind.SERIAL_ADAPTER, Kind.SERIAL_PORT)
PRINT_PORT: Final = 9100  # where network printers take raw bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """One line to pick.

    Attributes:
        title: what it is, in words.
        answers: what choosing it says already, of one table of the answers.
        wants: which further answer is asked for, "" for none.
    """

    title: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    wants: str = ""


def receipt_choices(found: Sequence[Found], say: Say, *, pollable: Sequence[str], kept: str = "") -> list[Choice]:
    """Registers and printers that are there, then every other way.

    Args:
        found: what is plugged in.
        say: the words.
        pollable: drivers whose devices can be read out.
        kept: what is set up today, in words; "" for nothing.
    """
    choices = [Choice(say("keep", what=kept))] if kept else []
    registers = [one for one in found if one.kind is Kind.FISCAL_PRINTER and one.address and one.driver in pollable]
    printers = [one for one in found if one.kind is Kind.PRINTER and one.address]
    for one in registers:
        answers = {"how": "pull", "driver": one.driver, "device": one.address}
        choices.append(Choice(say("pull_found", **_said(one)), answers))
    choices += [
        Choice(say("inline_found", **_said(one)), {"how": "inline", "device": one.address}, "host") for one in printers
    ]
    choices += [
        Choice(say("inline"), {"how": "inline"}, "printer"),
        Choice(say("pull"), {"how": "pull"}, "register"),
        Choice(say("calls"), {"how": "calls"}, "calls"),
        Choice(say("files"), {"how": "files"}, "files"),
        Choice(say("api"), {"how": "api"}),
        Choice(say("panel"), {"how": "panel"}),
    ]
    return choices


def scanner_choices(found: Sequence[Found], say: Say, *, kept: str = "") -> list[Choice]:
    """Scanners first, then ports on which one may hang, then none."""
    choices = [Choice(say("keep", what=kept))] if kept else []
    sure = [one for one in found if one.kind in SCANNERS and one.address and one.driver]
    ports = [one for one in found if one.kind in PORTS and one.address]
    for one in (*sure, *ports):
        held = say("held", who=", ".join(one.held_by)) if one.held_by else ""
        driver = one.driver if one in sure else "serial_scanner"
        choices.append(Choice(say("found_as", **_said(one)) + held, {"driver": driver, "port": one.address}))
    none = Choice(say("no_scanner"), {"driver": "none"})
    choices += [none, Choice(say("type_address"), {"driver": "serial_scanner"}, "address")]
    if not sure and not kept:
        choices.remove(none)
        choices.insert(0, none)
    return choices


def address_of(text: str, *, port: int | None = PRINT_PORT) -> str:
    """What a person types as an address: a bare host or host:port is TCP, a bare port is serial."""
    if text.upper().startswith("COM") and text[3:].isdigit():
        return f"serial:{text.upper()}"
    if text.startswith("/dev/"):
        return f"serial:{text}"
    head, colon, tail = text.partition(":")
    if colon and not tail.isdigit():
        return text
    if colon:
        return f"tcp://{text}"
    return f"tcp://{head}:{port}" if port is not None and head else text


def _said(one: Found) -> dict[str, str]:
    return {"title": one.title, "address": one.address}
