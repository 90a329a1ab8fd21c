"""What a file of members says of each beyond names and points: birthday, staff, referrer, family, segments and more."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

__all__ = ["MemberFacts", "moment_of", "read_facts"]

_BIRTHDAYS: Final = (
    re.compile(r"(?:[0-9]{4}|-)-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
    re.compile(r"(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
    re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})(?:\.[0-9]{4})?\.?"),
)
_LEAP_YEAR: Final = 2024  # 29 February is a birthday
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_SEGMENT: Final = re.compile(r"[^\s,]{1,40}")
SEGMENTS_MAX: Final = 50  # each is a word that a rule may ask for; a member in more is in none that matters
MEMBERS_MAX: Final = 99  # of one family's account


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """What a line says; None is nothing.

    Attributes:
        birthday: month and day ("02-29"): the year is not kept.
        members: how many people use the account.
        purchases: how many there were, for a member who is new here; as `membership_until`.
    """

    birthday: str | None = None
    staff: bool | None = None
    referrer: str | None = None
    members: int | None = None
    segments: tuple[str, ...] | None = None
    purchases: int | None = None
    membership_until: datetime | None = None

    def row(self) -> dict[str, Any]:
        """The columns of a member who is new."""
        return {
            "birthday": self.birthday or "",
            "staff": bool(self.staff),
            "referrer": self.referrer or "",
            "members": self.members or 1,
            "segments": list(self.segments or ()),
            "purchases": self.purchases,
            "membership_until": self.membership_until,
            "counters": {},
            "offers": [],
        }

    def news(self, row: Row[Any]) -> dict[str, Any]:
        """The columns of a known member that this line changes."""
        said = {
            "birthday": self.birthday,
            "staff": self.staff,
            "referrer": self.referrer,
            "members": self.members,
            "segments": None if self.segments is None else list(self.segments),
        }
        return {name: value for name, value in said.items() if value is not None and value != getattr(row, name)}


def read_facts(texts: Mapping[str, str], member_id: str) -> MemberFacts:
    """The fields of one line.

    Raises:
        ValueError: a field cannot be read; the message names the member, the column and what to write.
    """
    referrer = texts.get("referrer", "")
    if referrer == member_id or len(referrer) > 64:
        raise ValueError(f"referrer of {member_id} must be the id of another member, of at most 64 characters")
    until = texts.get("membership_until", "")
    return MemberFacts(
        birthday=_birthday(texts.get("birthday", ""), member_id),
        staff=_staff(texts.get("staff", ""), member_id),
        referrer=referrer or None,
        members=_members(texts.get("members", ""), member_id),
        segments=_segments(texts.get("segments", ""), member_id),
        purchases=_count(texts.get("purchases", ""), member_id),
        membership_until=moment_of(until, f"membership_until of {member_id}") if until else None,
    )


def moment_of(text: str, what: str) -> datetime:
    """An aware moment; raises ValueError that says how to write one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{what} must be a moment with its zone, as 2027-01-01T00:00:00+03:00, not {text[:40]!r}")
    return moment


def _birthday(text: str, member_id: str) -> str | None:
    if not text:
        return None
    for form in _BIRTHDAYS:
        found = form.fullmatch(text)
        if found is None:
            continue
        month, day = int(found["month"]), int(found["day"])
        if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(_LEAP_YEAR, month)[1]:
            return f"{month:02d}-{day:02d}"
    # The date itself is not repeated: messages end up in logs.
    raise ValueError(f"birthday of {member_id} is no day of a year; write it as 02-29 or 1990-02-28")


def _staff(text: str, member_id: str) -> bool | None:
    if not text:
        return None
    if text.lower() not in _YES:
        raise ValueError(f"staff of {member_id} must be yes or no, not {text[:20]!r}")
    return _YES[text.lower()]


def _members(text: str, member_id: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MEMBERS_MAX:
        raise ValueError(f"members of {member_id} must be a number from 1 to {MEMBERS_MAX}, not {text[:20]!r}")
    return int(text)


def _segments(text: str, member_id: str) -> tuple[str, ...] | None:
    if not text:
        return None
    words = tuple(sorted(set(text.split())))
    if len(words) > SEGMENTS_MAX or not all(_SEGMENT.fullmatch(word) for word in words):
        raise ValueError(
            f"segments of {member_id} are words with spaces between them, at most {SEGMENTS_MAX}, of at most 40 "
            "characters and without commas"
        )
    return words


def _count(text: str, member_id: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError(f"purchases of {member_id} must be a whole number, not {text[:20]!r}")
    return int(text)
