"""Parts of a file over HTTP: which bytes a request wants (RFC 9110 §13.1.5, §14); pure."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Unsatisfiable", "wanted_part"]

_ONE: Final = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


class Unsatisfiable(Exception):  # noqa: N818 - what the field calls it (416)
    """The range begins behind the end."""


def wanted_part(header: str, *, size: int, if_range: str, tag: str) -> tuple[int, int] | None:
    """(first byte, byte after the last) of the one range that is wanted; None is the whole.

    A range that makes no sense is passed over, as RFC 9110 wants, and so are several: one is all a till asks for.

    Args:
        header: of `Range`, "" for none.
        size: of the file.
        if_range: of `If-Range`: when it names another file, the whole is sent.
        tag: of this file.

    Raises:
        Unsatisfiable: no byte of it exists.
    """
    found = _ONE.match(header.replace(" ", ""))
    if found is None or (if_range and if_range != tag):
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        count = int(last)
        if count == 0:
            raise Unsatisfiable
        return max(0, size - count), size
    begin = int(first)
    if last and int(last) < begin:
        return None
    if begin >= size:
        raise Unsatisfiable
    return begin, min(size, int(last) + 1) if last else size
