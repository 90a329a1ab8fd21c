"""A support bundle: one ZIP with what support asks for first, and nothing about any person.

What goes in is chosen, not what is left out: numbers and states, never the body of a receipt, a code, a name, a token.
The log is the one text that others wrote into; what looks like a phone, a card or a key is masked in it.
"""

from __future__ import annotations

import io
import json
import platform
import sys
import zipfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.doctor.report import Report
from agent.doctor.running import Running
from agent.doctor.surroundings import log_text, service_state, update_history
from agent.service.masks import masked, without_secrets
from agent.settings import Settings
from drivers.finding.found import Found
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader

__all__ = ["make_bundle", "write_bundle"]

ENVELOPES: Final = 500
#: What of the agent's snapshot names nobody.
_STATUS: Final = (
    "version", "boot_id", "screen", "shop", "till", "link", "link_detail", "offline_since", "waiting",
    "waiting_oldest_at", "shelved", "programme_version", "programme_title", "currency", "devices", "loading_percent",
    "programme_trouble", "care",
)  # fmt: skip


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
        files["settings.json"] = _json(without_secrets(msgspec.to_builtins(settings)))
        files["queue.json"] = _json(_queue(settings.state_folder))
        files["files.json"] = _json(_files(settings.state_folder))
        files["updates.txt"] = update_history(settings)
    files["service.txt"] = service_state()
    files["metrics.txt"] = running.metrics
    files["log.txt"] = log_text(settings)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in files.items():
            if not text:
                continue
            # Every file, not only the log: an address or a device's name may have been typed by anybody.
            bundle.writestr(name, text if name in _OURS else masked(text))
    return buffer.getvalue()


def _versions() -> dict[str, Any]:
    names = {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]}
    return {
        "tillpoint": names.get("tillpoint", ""),
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": dict(sorted(names.items())),
    }


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
        try:
            status = path.stat()
        except OSError:
            continue  # a running agent has just taken it away
        found[path.name] = {"bytes": status.st_size, "mode": oct(status.st_mode & 0o777), "changed": status.st_mtime}
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"


_OURS: Final = frozenset(
    {"README.txt", "versions.json", "files.json", "queue.json", "metrics.txt"}
)  # no word of anybody else in them
_ABOUT: Final = """Tillpoint support bundle. Made by `tillpoint doctor --bundle`.

doctor.json    every hop from the devices to the centre, and the first that failed
status.json    what the running agent said of itself; {} when it did not run
settings.json  the settings, without passwords
queue.json     how the queue stands; of envelopes only kind, time and size
devices.json   what is plugged in
files.json     the state folder: names, sizes, modes
versions.json  program, system, packages
metrics.txt    the running agent's numbers: receipts, times, queue, devices, age of each thread, memory, disk, clocks
service.txt    how the service manager sees the service: state, restarts, how it ended last
updates.txt    what the updater fetched, tried and took back
log.txt        the newest lines of the log; what looks like a phone, a card or a key is masked

No receipt, no customer, no phone, no card and no token is in it.
"""
