"""Runs another version's own commands, with no more rights than the service has; knows processes, not what they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from drivers.vocabulary.release import ReleaseRefused

__all__ = ["command_of", "give_to", "rights_of", "run_json"]

OUTPUT_CHARS: Final = 4_000


def command_of(folder: Path) -> list[str]:
    """How a version is started: by its own interpreter on Windows, by ours elsewhere (the platform's name has it)."""
    own = folder / "python.exe"
    python = str(own) if sys.platform == "win32" and own.exists() else sys.executable
    return [python, "-I", "-S", "-B", str(folder / "start.py")]


def rights_of(folder: Path) -> dict[str, Any]:
    """For `subprocess`: run as whoever owns the folder, when we are root and they are not."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return {}
    found = folder.stat()
    if found.st_uid == 0:
        return {}
    return {"user": found.st_uid, "group": found.st_gid, "extra_groups": []}


def give_to(folder: Path, rights: dict[str, Any]) -> None:
    """Let a folder of ours belong to whoever will write into it (`rights_of`)."""
    if sys.platform != "win32" and rights:
        os.chown(folder, rights["user"], rights["group"])


def run_json(folder: Path, words: Sequence[str], *, rights: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Run one command of a version and read the JSON object it prints last.

    Raises:
        ReleaseRefused: it did not end in time, ended badly, or printed something else; the sentence has its words.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "LANG", "TZ", "SYSTEMROOT", "PROGRAMDATA", "PROGRAMFILES", "TEMP", "TMP", "TMPDIR"}
    }
    try:
        done = subprocess.run(  # noqa: S603 - a version whose files were verified, and words of ours
            [*command_of(folder), *words],
            capture_output=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            **rights,
        )
    except subprocess.TimeoutExpired:
        raise ReleaseRefused("rehearsal", f"{folder.name}: `{words[0]} {words[1]}` took over {timeout_s:g} s") from None
    except OSError as error:
        raise ReleaseRefused("rehearsal", f"{folder.name} cannot be started: {error.strerror or error}") from None
    said = done.stdout.decode("utf-8", "replace").strip()
    try:
        answer = json.loads(said.splitlines()[-1]) if said else None
    except ValueError:
        answer = None
    if done.returncode or not isinstance(answer, dict):
        words_said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = words_said[-1][:400] if words_said else f"exit code {done.returncode}"
        raise ReleaseRefused("rehearsal", f"version {folder.name} failed in the rehearsal: {last}")
    return answer
