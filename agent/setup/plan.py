"""Answers as settings: what the file must say, what it says today, and what differs; no I/O.

A set-up owns few names in the settings: the devices `receipt`, `register`, `scanner`, `slips` and the till system it
names. Everything else in the file is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent.service.masks import without_secrets
from agent.setup.answers import Answers, ReceiptAnswers
from drivers.vocabulary.errors import SettingsError

__all__ = ["HOST", "Changes", "changes_of", "differences", "merged"]

HOST: Final = "tcp-listen://127.0.0.1:9100"  # where a POS prints to whose printer is on the network
RECEIPT_DEVICES: Final = ("receipt", "register")

Tree = Mapping[str, Any]
Fields = Mapping[str, Any]


@dataclass(slots=True)
class Changes:
    """What a settings file must say.

    Attributes:
        values: (table, key) → value.
        blocks: (list of tables, name) → its fields, None for a block that must not be there.
    """

    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    blocks: dict[tuple[str, str], Fields | None] = field(default_factory=dict)


def changes_of(answers: Answers, today: Tree) -> Changes:
    """What the answers make of today's settings.

    Raises:
        SettingsError: a till system is meant that is not there.
    """
    found = Changes()
    till, centre = answers.till, answers.centre
    said = {
        ("till", "state_folder"): till.state_folder,
        ("till", "region"): till.region,
        ("till", "zone"): till.zone,
        ("till", "currency"): till.currency,
        ("doors", "port"): till.port,
        ("panel", "language"): till.language,
        ("slip", "language"): till.language,
        ("central", "proxy"): centre.proxy,
        ("central", "ca_file"): centre.ca_file,
    }
    found.values |= {key: value for key, value in said.items() if value}
    if answers.receipt.how:
        _receipt(answers.receipt, today, found)
    scanner = answers.scanner
    if scanner.driver == "none":
        found.blocks["devices", "scanner"] = None
    elif scanner.driver:
        more = {"pass_on": scanner.pass_on} if scanner.pass_on else {}
        found.blocks["devices", "scanner"] = {"driver": scanner.driver, "port": scanner.port, **more}
    if answers.slips.device:
        profile = {"settings": {"profile": answers.slips.profile}} if answers.slips.profile else {}
        found.blocks["devices", "slips"] = {
            "driver": "escpos_slip",
            "device": answers.slips.device,
            "slips_of": ["api"],
            **profile,
        }
    # What is not there need not be taken away.
    names = {(table, name) for table in ("devices", "till_systems") for name in _names(today, table)}
    found.blocks = {key: value for key, value in found.blocks.items() if value is not None or key in names}
    return found


def _receipt(receipt: ReceiptAnswers, today: Tree, found: Changes) -> None:
    """One way in which receipts come to be known takes the place of the one before."""
    found.blocks |= dict.fromkeys((("devices", name) for name in RECEIPT_DEVICES), None)
    standalone = receipt.how == "panel"
    if standalone != bool(today.get("panel", {}).get("standalone", False)):
        found.values["panel", "standalone"] = standalone
    if receipt.how == "inline":
        found.blocks["devices", "receipt"] = {
            "driver": receipt.driver or "escpos",
            "host": receipt.host or HOST,
            "device": receipt.device,
        }
    elif receipt.how == "pull":
        found.blocks["devices", "register"] = {
            "driver": receipt.driver,
            "device": receipt.device,
            "way": "pull",
            "slips_of": ["register"],
        }
    elif receipt.how in {"calls", "files"}:
        fields: dict[str, Any] = {"system": receipt.system}
        if receipt.how == "files":
            fields["settings"] = {"reports": {"folder": receipt.folder}}
        found.blocks["till_systems", _system_name(receipt.system)] = fields


def _system_name(system: str) -> str:
    if not system.replace("_", "").isalnum() or not system.isascii():
        raise SettingsError(f"receipt.system {system!r} is no till system; `tillpoint tills` lists them")
    return system


def merged(today: Tree, changes: Changes) -> dict[str, Any]:
    """Today's settings with the changes made."""
    tree: dict[str, Any] = {key: value for key, value in today.items()}  # noqa: C416 - a Mapping becomes a dict
    for (table, key), value in changes.values.items():
        tree[table] = {**tree.get(table, {}), key: value}
    for (table, name), fields in changes.blocks.items():
        blocks = [block for block in tree.get(table, []) if block.get("name") != name]
        place = next((at for at, block in enumerate(tree.get(table, [])) if block.get("name") == name), len(blocks))
        if fields is not None:
            blocks.insert(place, {"name": name, **fields})
        tree[table] = blocks
        if not blocks:
            del tree[table]
    return tree


def differences(today: Tree, changes: Changes) -> list[str]:
    """One line for each thing that would change, e.g. ``devices.scanner.port: "serial:COM5" (was: "serial:COM3")``.

    Without passwords: installers write these lines into logs.
    """
    lines = []
    for (table, key), value in changes.values.items():
        before = today.get(table, {}).get(key)
        if before != value:
            lines.append(_line(f"{table}.{key}", before, value))
    for (table, name), fields in changes.blocks.items():
        before = next((one for one in today.get(table, []) if one.get("name") == name), None)
        if fields is None:
            lines += [f"{table}.{name}: taken away"] if before is not None else []
            continue
        old = {key: value for key, value in (before or {}).items() if key != "name"}
        lines += [_line(f"{table}.{name}.{key}", old.get(key), value) for key, value in _changed(old, fields)]
    return lines


def _changed(before: Fields, after: Fields) -> Iterator[tuple[str, Any]]:
    for key in (*after, *(key for key in before if key not in after)):
        if before.get(key) != after.get(key):
            yield key, after.get(key)


def _line(name: str, before: Any, after: Any) -> str:
    key = name.rpartition(".")[2]
    old, new = (without_secrets({key: value})[key] for value in (before, after))
    was = "" if old is None else f" (was: {old!r})"
    return f"{name}: {'taken away' if new is None else repr(new)}{was}"


def _names(tree: Tree, table: str) -> Sequence[str]:
    return [str(block.get("name", "")) for block in tree.get(table, [])]
