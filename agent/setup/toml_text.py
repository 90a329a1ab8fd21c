"""Settings as TOML with a sentence above each key; and changes of a text somebody else wrote, his words untouched."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.setup.plan import Changes, merged

__all__ = ["COMMENTS", "HEAD", "changed_text", "new_text", "whole_text"]

HEAD: Final = """\
# Settings of Tillpoint on this till, written by `tillpoint setup`. What is not here has its default; every key stands
# in config.example.toml. `tillpoint check` reads this file and opens nothing; restart the agent after a change.
"""

#: Above the keys that a set-up writes; a test compares them with config.example.toml.
COMMENTS: Final[Mapping[str, str]] = {
    "till.state_folder": 'Folder of databases, identity and tokens; "" is the system\'s place for a service.',
    "till.region": "Country of phone numbers typed without a country code.",
    "till.zone": "Time zone of the shop; times printed on receipts are in it.",
    "till.currency": "Currency of receipts whose print does not say.",
    "doors.port": "Port of the local API and the panel, on 127.0.0.1 only; 0 takes any free one.",
    "panel.language": "Language of the cashier panel: en, ru, th.",
    "panel.standalone": (
        "true where no till system makes the receipts: the cashier types their sums, and the panel closes them."
    ),
    "central.proxy": 'Proxy of the shop\'s network (http://host:port); "" goes straight.',
    "central.ca_file": (
        'Certificate of a private certificate authority (PEM): only it is trusted then; "" trusts the system\'s.'
    ),
    "slip.language": "Language of the loyalty lines on the receipt: en, ru, th.",
    "devices.name": "Your name for it.",
    "devices.driver": "Which driver speaks with it; `tillpoint devices --drivers` lists them.",
    "devices.host": "Where the POS prints to.",
    "devices.device": "Where the printer is.",
    "devices.port": "Where the scanner is; `tillpoint devices` lists what is plugged in.",
    "devices.pass_on": (
        'Where the POS reads the same scanner: what is no loyalty code goes there, unchanged and at once; "" shares it '
        "with nobody."
    ),
    "devices.way": '"pull" reads closed receipts out of the device and asks its state.',
    "devices.slips_of": 'Whose receipts\' loyalty lines it prints: names of devices, "api" for a POS that confirms.',
    "devices.settings": "The driver's own table; its README explains each key.",
    "till_systems.name": "Your name for it: shown on the panel, and the last word of its address.",
    "till_systems.system": "Which system it is.",
    "till_systems.settings": "The system's own table; its README explains each key.",
}
_ORDER: Final = ("till", "doors", "panel", "central", "slip", "devices", "till_systems")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"' -]+?)\s*\]\]?\s*(#.*)?$")


def new_text(changes: Changes) -> str:
    """A whole file."""
    tree = merged({}, changes)
    return whole_text({table: tree[table] for table in _ORDER if table in tree})


def whole_text(tree: Mapping[str, Any]) -> str:
    """A file that says all of a tree of settings: tables, and lists of tables."""
    parts = [HEAD]
    for table, below in tree.items():
        if isinstance(below, Mapping):
            parts.append("\n".join([f"[{table}]", *_keys(table, below)]) + "\n")
        else:
            parts += [_block(table, fields) for fields in below]
    return "\n".join(parts)


def changed_text(text: str, changes: Changes) -> str:
    """The same text with the changes made and everything else as it stands.

    Raises:
        ValueError: it is written in a way that cannot be changed in place (dotted keys, inline tables).
    """
    wanted = merged(tomllib.loads(text), changes)
    lines = text.splitlines()
    for (table, key), value in changes.values.items():
        lines = _with_value(lines, table, key, value)
    for (table, name), fields in changes.blocks.items():
        lines = _with_block(lines, table, name, fields)
    made = "\n".join(lines).rstrip("\n") + "\n"
    try:
        is_right = tomllib.loads(made) == wanted
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        raise ValueError("written in a way that cannot be changed in place")
    return made


# ── Lines ───────────────────────────────────────────────────────────────────────────────────────


def _keys(table: str, fields: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in fields.items():
        comment = COMMENTS.get(f"{table}.{key}")
        lines += [f"# {comment}"] if comment else []
        lines.append(f"{key} = {_value(value)}")
    return lines


def _block(table: str, fields: Mapping[str, Any]) -> str:
    return "\n".join([f"[[{table}]]", *_keys(table, fields)]) + "\n"


def _sections(lines: Sequence[str]) -> list[tuple[str, int, int]]:
    """(header as ``[till]`` or ``[[devices]]``, its first line, the line after its last)."""
    starts = [
        (place, f"{match[1]}{match[2]}{']' * len(match[1])}")
        for place, line in enumerate(lines)
        if (match := _HEADER.match(line))
    ]
    ends = [*(place for place, _ in starts[1:]), len(lines)][: len(starts)]
    return [(header, place, end) for (place, header), end in zip(starts, ends, strict=True)]


def _with_value(lines: Sequence[str], table: str, key: str, value: Any) -> list[str]:
    said = f"{key} = {_value(value)}"
    for header, start, end in _sections(lines):
        if header != f"[{table}]":
            continue
        for place in range(start + 1, end):
            if re.match(rf"\s*{re.escape(key)}\s*=", lines[place]):
                return [*lines[:place], said, *lines[place + 1 :]]
        return [*lines[: start + 1], *_keys(table, {key: value}), *lines[start + 1 :]]
    return [*_closed(lines), f"[{table}]", *_keys(table, {key: value})]


def _with_block(lines: Sequence[str], table: str, name: str, fields: Mapping[str, Any] | None) -> list[str]:
    made = [] if fields is None else _block(table, {"name": name, **fields}).splitlines()
    sections = _sections(lines)
    for place, (header, start, own_end) in enumerate(sections):
        if header != f"[[{table}]]" or not _is_named(lines[start:own_end], name):
            continue
        end = own_end
        for below, _, after in sections[place + 1 :]:  # [devices.settings] belongs to the block before it
            if not below.startswith((f"[{table}.", f"[[{table}.")):
                break
            end = after
        # Comments right above the next header are about that one.
        while end > start and end < len(lines) and (not lines[end - 1].strip() or lines[end - 1].lstrip()[:1] == "#"):
            end -= 1
        return [*lines[:start], *made, *lines[end:]]
    return list(lines) if fields is None else [*_closed(lines), *made]


def _is_named(lines: Sequence[str], name: str) -> bool:
    pattern = re.compile(rf"\s*name\s*=\s*[\"']{re.escape(name)}[\"']")
    return any(pattern.match(line) for line in lines)


def _closed(lines: Sequence[str]) -> list[str]:
    """With one empty line at its end."""
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return [*kept, ""] if kept else []


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return f"[{', '.join(_value(one) for one in value)}]"


def _text(text: str) -> str:
    """A path of Windows reads better as it is; JSON's escapes are TOML's, DEL aside."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
