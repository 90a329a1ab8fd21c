"""What goes wrong at a door, as one JSON body `{"code", "message", "field"}`; never a traceback, never a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from starlette.responses import Response

from drivers.vocabulary import codec
from drivers.vocabulary.errors import CheckoutRefused, TillpointError

__all__ = ["DoorRefused", "Problem", "of_checkout", "of_wire", "problem_response"]

#: The till cannot answer now; nothing is wrong with the request, and the same request may be sent again.
NOT_NOW: Final = frozenset({"busy", "no_store", "not_recorded", "timeout"})
#: The request is well made and contradicts what is already so; sending it again will not help.
CONFLICTS: Final = frozenset(
    {"already_attached", "already_closed", "already_returned", "different_body", "more_than_sold"}
)
RETRY_AFTER_S: Final = 1  # a till that was busy is free again within one turn of its inbox

_FIELD_IN_TEXT: Final = re.compile(r"^Object (?:missing required|contains unknown) field `([^`]+)`")
_PLACE_IN_TEXT: Final = re.compile(r" - at `(?P<path>.+)`$", re.DOTALL)


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request was not answered.

    Attributes:
        code: a stable word to branch on.
        message: a sentence for the person who reads the log.
        field: path of the field at fault (``receipt.lines[2].price``), or "".
    """

    code: str
    message: str
    field: str = ""


class DoorRefused(TillpointError):  # noqa: N818 - named like CheckoutRefused, of which it is the HTTP form
    """A request is refused with an HTTP status.

    Attributes:
        status: HTTP status code.
        problem: the body.
        headers: what goes with it (``retry-after``, ``allow``, ``www-authenticate``).
    """

    def __init__(
        self, status: int, code: str, message: str, *, field: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = Problem(code=code, message=message, field=field)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer to send."""
        return problem_response(self.status, self.problem, self.headers)


def problem_response(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """An error answer."""
    return Response(codec.encode(problem), status, headers, media_type="application/json")


def of_checkout(refused: CheckoutRefused) -> DoorRefused:
    """The HTTP form of a refusal by the till: 503 not now, 409 contradiction, 422 for everything else."""
    if refused.code in NOT_NOW:
        headers = {"retry-after": str(RETRY_AFTER_S)}
        return DoorRefused(503, refused.code, str(refused), field=refused.field, headers=headers)
    status = 409 if refused.code in CONFLICTS else 422
    return DoorRefused(status, refused.code, str(refused), field=refused.field)


def of_wire(error: codec.WireError) -> DoorRefused:
    """The HTTP form of a body that cannot be read: the sentence, and the path of the field at fault.

    The path comes out of the text because msgspec gives it nowhere else (``Expected `int` - at `$.points` ``).
    """
    text = str(error)
    path = ""
    place = _PLACE_IN_TEXT.search(text)
    if place is not None:
        path = place["path"].removeprefix("$").removeprefix(".")
        text = text[: place.start()]
    named = _FIELD_IN_TEXT.match(text)
    if named is not None:
        path = f"{path}.{named[1]}" if path else named[1]
    return DoorRefused(400, "invalid_request", text[:1].lower() + text[1:], field=path)
