"""Questions to one register over an open pipe: moves the bytes of a link; opens nothing and knows no command."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from drivers.transport.contract import Transport
from drivers.vocabulary.errors import TransportError

from .commands import Answer, decode_answer, named
from .layout import Value
from .link import Answered, make_link
from .status import refusal

READ_SLICE_S: Final = 0.02  # how late a time-out of the protocol may be noticed; bytes are noticed at once
WRITE_TIMEOUT_S: Final = 5.0


class AnswerLost(TransportError):  # noqa: N818 - a state of the world, named as the field names it
    """A question stayed without an answer.

    Attributes:
        may_have_happened: the register may have carried it out: find out before asking again.
    """

    def __init__(self, message: str, *, may_have_happened: bool) -> None:
        super().__init__(message)
        self.may_have_happened = may_have_happened


class Ask(Protocol):
    """Asks one command and gives the answer, also one with an error."""

    def __call__(self, name: str, /, **values: Value) -> Answer:
        """Raises AnswerLost when no answer came, RemoteProtocolError when it makes no sense."""
        ...


class Session:
    """Asks over one pipe; one thread at a time.

    Args:
        transport: open; the caller closes it.
        protocol: 1 or 2.
        clock: seconds that only grow.
    """

    def __init__(self, transport: Transport, *, protocol: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._link = make_link(protocol)
        self._clock = clock

    def __call__(self, name: str, /, **values: Value) -> Answer:
        """See `Ask`."""
        command, link = named(name), self._link
        body = command.encode(**values)
        link.ask(command, body, self._clock())
        has_sent = False
        try:
            while link.outcome is None:
                outgoing = link.outgoing()
                if outgoing:
                    has_sent = True
                    self._transport.write(outgoing, WRITE_TIMEOUT_S)
                link.feed(self._transport.read(READ_SLICE_S), self._clock())
                link.tick(self._clock())
            outgoing = link.outgoing()
            if outgoing:
                self._transport.write(outgoing, WRITE_TIMEOUT_S)
        except TransportError as error:
            if isinstance(link.outcome, Answered):
                return decode_answer(command, link.outcome.body)  # only the thanks could not be sent
            harmful = has_sent and not command.is_repeatable
            raise AnswerLost(f"{command.title}: {error}", may_have_happened=harmful) from error
        outcome = link.outcome
        if isinstance(outcome, Answered):
            return decode_answer(command, outcome.body)
        raise AnswerLost(
            f"{command.title}: no answer, {outcome.reason}; check the cable and that the register is on",
            may_have_happened=outcome.may_have_happened,
        )


def insist(answer: Answer) -> Answer:
    """The answer, or DeviceRefused when it carries an error."""
    if answer.error:
        raise refusal(answer)
    return answer
