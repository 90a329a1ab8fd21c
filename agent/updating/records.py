"""What agent and updater write down for themselves and for each other: small JSON files, replaced whole and durably."""

from __future__ import annotations

import contextlib
import os
import stat
from enum import Enum
from pathlib import Path
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from drivers.vocabulary import codec
from drivers.vocabulary.receipt import AwareTime
from drivers.vocabulary.release import ReleaseRefused, Version
from drivers.vocabulary.updates import LastTry, UpdateState
from offline_queue.files import replace_durably

__all__ = ["Journal", "Prepared", "Record", "Status", "Step", "Waiting", "Wish", "keep", "read", "read_file"]

NOTE_BYTES_MAX: Final = 262_144  # a page; more is some other file

_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

T = TypeVar("T")


class Wish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The agent's word for the updater: what lies in the inbox, and whether the till is quiet now.

    Attributes:
        switch: change over now; without it the version is only made ready.
        at: when that was so, by this machine's clock.
    """

    version: Version
    at: AwareTime
    switch: bool = False


class Prepared(Struct, frozen=True, kw_only=True):
    """A version that was verified, unpacked and rehearsed; its folder is whole."""

    version: Version
    folder: str
    schema: int
    readable_from: int
    at: AwareTime


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the updater remembers.

    Attributes:
        good: the version that was well last; "" before the first switch.
        previous: the one that was well before it.
        not_again: version → why it is not tried again by itself.
        interrupted: version → how often a switch to it was cut before it ran.
        newest: when the newest release that was ever verified here was signed: no earlier than that it is now.
        pinned: the till stays at this version; "" for none.
    """

    good: str = ""
    previous: str = ""
    not_again: dict[str, Annotated[str, Meta(max_length=2_000)]] = {}
    interrupted: dict[str, int] = {}
    newest: AwareTime | None = None
    pinned: str = ""
    prepared: Prepared | None = None
    last: LastTry | None = None


class Step(Enum):
    """Where a switch is; written before the step is taken. The steps back begin with BACK."""

    STOPPING = "stopping"
    COPYING = "copying"
    SWITCHING = "switching"
    STARTING = "starting"
    WATCHING = "watching"
    KEEPING = "keeping"
    BACK_STOPPING = "back_stopping"
    BACK_SWITCHING = "back_switching"
    BACK_STARTING = "back_starting"
    BACK_WATCHING = "back_watching"


class Journal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A switch under way.

    Attributes:
        previous: the folder that ran, "" when none did.
        devices: names of those that were open before.
        troubles: parts that had not started before either.
        cuts: how often the updater was cut in this switch.
        reason: why it goes back.
        by_hand: somebody asked for this version: a lower one is no mistake.
        ran: the new version has been started.
    """

    step: Step
    version: Version
    folder: str
    previous_version: str
    previous: str
    began_at: AwareTime
    devices: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    cuts: int = 0
    reason: str = ""
    by_hand: bool = False
    ran: bool = False


class Status(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The updater's word for everybody.

    Attributes:
        running: the version that the pointer names.
        prepared: the version that lies ready.
        prepared_at: since when it does.
        waiting: why the last wish was not fulfilled yet; "" when it was.
    """

    state: UpdateState
    running: str
    at: AwareTime
    prepared: str = ""
    prepared_at: AwareTime | None = None
    previous: str = ""
    pinned: str = ""
    waiting: str = ""
    not_again: dict[str, str] = {}
    last: LastTry | None = None


class Waiting(Struct, frozen=True, kw_only=True):
    """The agent's word on what it waits for with a version, for the doctor and for whoever asks."""

    version: str
    reason: Annotated[str, Meta(max_length=1_000)]


class HearingState(Enum):
    """How far `tillpoint update now` is: going on, with the updater, nothing newer is there, nothing comes of it."""

    GOING = "going"
    HANDED = "handed"
    NEWEST = "newest"
    FAILED = "failed"


class Hearing(Struct, frozen=True, kw_only=True):
    """The agent's answer to `tillpoint update now`.

    Attributes:
        word: which one: the time of its file, in nanoseconds.
        state: how far it is.
        said: in words, for whoever waits at the command.
    """

    word: int
    state: HearingState
    said: Annotated[str, Meta(max_length=1_000)]


def keep(path: Path, value: Struct, *, mode: int = 0o644) -> None:
    """Replace a note: after a power cut the old or the new one is there, whole.

    Raises:
        OSError: the folder is not there or may not be written, or the disk is full; the old note stays.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()  # of a run that was killed; O_EXCL then makes sure that it is ours
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(draft, flags, mode), "wb") as file:
            file.write(codec.encode(value))
            file.flush()
            os.fsync(file.fileno())
        replace_durably(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def read(path: Path, wanted: type[T]) -> T | None:
    """A note, or None when there is none or it cannot be read as one."""
    try:
        return codec.decode(read_file(path, bytes_max=NOTE_BYTES_MAX), wanted)
    except (ReleaseRefused, codec.WireError):
        return None


def read_file(path: Path, *, bytes_max: int) -> bytes:
    """The bytes of a plain file that somebody with fewer rights may have put there: no link, no pipe, not too large.

    Raises:
        ReleaseRefused: it is not there, or is not such a file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | _NO_LINKS)
    except OSError as error:
        raise ReleaseRefused("missing", f"cannot read {path}: {error.strerror or error}") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ReleaseRefused("missing", f"{path} is no plain file; it is left alone")
        try:
            data = file.read(bytes_max + 1)
        except OSError as error:
            raise ReleaseRefused("missing", f"cannot read {path}: {error.strerror or error}") from None
    if len(data) > bytes_max:
        raise ReleaseRefused("unreadable", f"{path} has more than {bytes_max} bytes; it is left alone")
    return data
