"""A support bundle: one ZIP with what support asks for first, and nothing about any person.

What goes in is chosen, not what is left out: numbers and states, never the body of a receipt, a code, a name, a token.
The log is the one text that others wrote into; what looks like a phone, a card or a key is masked in it.
"""

from __future__ import annotations

import io
import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from agent.doctor.report import Report
from agent.doctor.running import Running
from agent.settings import Settings
from drivers.finding.found import Found
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader

__all__ = ["make_bundle", "masked", "write_bundle"]

LOG_LINES: Final = 5_000
LOG_BYTES_MAX: Final = 4_194_304
LOG_S: Final = 20.0
ENVELOPES: Final = 500
#: What of the agent's snapshot names nobody.
_STATUS: Final = (
    "version", "boot_id", "screen", "shop", "till", "link", "link_detail", "offline_since", "waiting",
    "waiting_oldest_at", "shelved", "programme_version", "programme_title", "currency", "devices", "loading_percent",
    "programme_trouble",
)  # fmt: skip
_SECRET_KEY: Final = re.compile(r"(^|_)(password|secret|token|pin|key|keys)($|_)", re.IGNORECASE)
_PUBLIC_KEYS: Final = frozenset({"client_key", "trusted_keys"})  # a path, and what everybody may know
_MASKS: Final = (
    re.compile(r"\+\d[\d ()-]{6,}\d"),  # a phone as people write it
    re.compile(r"(?<![\dA-Za-z])\d{7,}(?![\dA-Za-z])"),  # a phone, a card, a certificate
    re.compile(r"(?<![\dA-Za-z])(?:tp_)?[0-9A-Fa-f]{24,}(?![\dA-Za-z])"),  # a key, a token
    re.compile(r"(?i)bearer +\S+"),
    re.compile(r"(?<![\w.])[\w.+-]+@[\w-]+\.[\w.]+"),  # a mail address
    re.compile(r"(?<!\w)TP[A-Z]?\d\.[\w.-]{8,}"),  # a signed code of ours
)


def write_bundle(
    path: Path, report: Report, settings: Settings | None, running: Running, found: Sequence[Found]
) -> None:
    """Write the ZIP, whole or not at all; raises OSError."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(make_bundle(report, settings, running, found))
    beside.replace(path)


def make_bundle(report: Report, settings: Settings | None, running: Running, found: Sequence[Found]) -> bytes:
    """The ZIP's bytes."""
    files: dict[str, str] = {
        "README.txt": _ABOUT,
        "doctor.json": _json(msgspec.to_builtins(report)),
        "versions.json": _json(_versions()),
        "devices.json": _json(msgspec.to_builtins(list(found))),
        "status.json": _json({key: running.status[key] for key in _STATUS if key in running.status}),
    }
    if settings is not None:
        files["settings.json"] = _json(_settings(settings))
        files["queue.json"] = _json(_queue(settings.state_folder))
        files["files.json"] = _json(_files(settings.state_folder))
    log = _log()
    if log:
        files["log.txt"] = log
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in files.items():
            # Every file, not only the log: an address or a device's name may have been typed by anybody.
            bundle.writestr(name, text if name in _OURS else masked(text))
    return buffer.getvalue()


def masked(text: str) -> str:
    """The text with what looks like a phone, a card, a key or an address replaced by as many signs."""
    for pattern in _MASKS:
        text = pattern.sub(lambda match: "#" * len(match[0]), text)
    return text


def _versions() -> dict[str, Any]:
    names = {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]}
    return {
        "tillpoint": names.get("tillpoint", ""),
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": dict(sorted(names.items())),
    }


def _settings(settings: Settings) -> dict[str, Any]:
    """The settings without secrets: no password in the proxy's address, nothing under a key that sounds like one."""
    tree: dict[str, Any] = msgspec.to_builtins(settings)
    central = tree.get("central", {})
    if central.get("proxy"):
        parts = urlsplit(central["proxy"])
        place = parts.hostname or ""
        central["proxy"] = urlunsplit((parts.scheme, f"{place}:{parts.port}" if parts.port else place, "", "", ""))
    kept: dict[str, Any] = _without_secrets(tree)
    return kept


def _without_secrets(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {
            key: "***" if _SECRET_KEY.search(key) and key not in _PUBLIC_KEYS and value else _without_secrets(value)
            for key, value in tree.items()
        }
    return [_without_secrets(one) for one in tree] if isinstance(tree, list | tuple) else tree


def _queue(folder: Path) -> dict[str, Any]:
    """How the queue stands, and of the newest envelopes only kind, time and size."""
    try:
        with OutboxReader.open(folder / "till.db") as reader:
            depth = reader.depth()
            newest = reader.envelopes(newest_first=True, limit=ENVELOPES)
            return {
                "depth": {name: getattr(depth, name) for name in depth.__slots__},
                "envelopes": [
                    {
                        "epoch": one.epoch,
                        "sequence": one.sequence,
                        "kind": one.kind,
                        "occurred_at": one.occurred_at,
                        "bytes": len(one.body),
                    }
                    for one in newest
                ],
            }
    except StoreError as error:
        return {"trouble": str(error)}


def _files(folder: Path) -> dict[str, Any]:
    """Names, sizes and modes of what lies in the state folder."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        status = path.stat()
        found[path.name] = {"bytes": status.st_size, "mode": oct(status.st_mode & 0o777), "changed": status.st_mtime}
    return found


def _log() -> str:
    """The service's own log where the system keeps one; "" elsewhere."""
    program = shutil.which("journalctl")
    if program is None:
        return ""
    words = [program, "-u", "tillpoint", "-n", str(LOG_LINES), "--no-pager", "-o", "short-iso"]
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=LOG_S)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout[-LOG_BYTES_MAX:].decode("utf-8", "replace")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"


_OURS: Final = frozenset({"README.txt", "versions.json", "files.json", "queue.json"})  # no word of anybody else in them
_ABOUT: Final = """Tillpoint support bundle. Made by `tillpoint doctor --bundle`.

doctor.json    every hop from the devices to the centre, and the first that failed
status.json    what the running agent said of itself; {} when it did not run
settings.json  the settings, without passwords
queue.json     how the queue stands; of envelopes only kind, time and size
devices.json   what is plugged in
files.json     the state folder: names, sizes, modes
versions.json  program, system, packages
log.txt        the service's log, where the system keeps one; what looks like a phone, a card or a key is masked

No receipt, no customer, no phone, no card and no token is in it.
"""
