"""Questions to one register by the low-level protocols, over an open pipe; opens nothing and knows no command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from drivers.transport.contract import Transport
from drivers.vocabulary.errors import TransportError

from .commands import Answer, named
from .layout import Value
from .link import Answered, Failed, Link2
from .link3 import Link3
from .session import AnswerLost
from .status import register_refusal

READ_SLICE_S: Final = 0.02  # how late a time-out of the protocol may be noticed; bytes are noticed at once
WRITE_TIMEOUT_S: Final = 5.0


class Ask(Protocol):
    """Asks one command and gives the answer, also one with an error."""

    def __call__(self, name: str, /, **values: Value) -> Answer:
        """Raises AnswerLost when no answer came, RemoteProtocolError when it makes no sense."""
        ...


class LowSession:
    """Asks over one pipe; one thread at a time.

    Args:
        transport: open; the caller closes it.
        link: of protocol 2 or 3.
        password: that stands before every command.
        clock: seconds that only grow.
    """

    def __init__(self, transport: Transport, link: Link2 | Link3, *, password: int, clock: Callable[[], float]) -> None:
        self._transport = transport
        self.link = link
        self._password = password
        self._clock = clock

    def __call__(self, name: str, /, **values: Value) -> Answer:
        """See `Ask`."""
        return self.ask(name, values)

    def ask(self, name: str, values: dict[str, Value], *, resume_tid: int | None = None) -> Answer:
        """The same; `resume_tid` names the task of protocol 3 that was perhaps added before."""
        command, link = named(name), self.link
        payload = command.encode(self._password, **values)
        if isinstance(link, Link3):
            link.ask(command, payload, self._clock(), resume_tid=resume_tid)
        else:
            link.ask(command, payload, self._clock())
        try:
            while link.outcome is None:
                outgoing = link.outgoing()
                if outgoing:
                    self._transport.write(outgoing, WRITE_TIMEOUT_S)
                link.feed(self._transport.read(READ_SLICE_S), self._clock())
                link.tick(self._clock())
            outgoing = link.outgoing()
            if outgoing:
                self._transport.write(outgoing, WRITE_TIMEOUT_S)
        except TransportError as error:
            if not isinstance(link.outcome, (Answered, Failed)):
                raise AnswerLost(
                    f"{command.title}: {error}", may_have_happened=link.was_sent and not command.is_repeatable
                ) from error
            # Only the thanks could not be sent.
        outcome = link.outcome
        if isinstance(outcome, Answered):
            return command.decode_answer(outcome.data)
        if isinstance(outcome, Failed):
            data = outcome.data
            return Answer(command, data[1] if data[:1] == b"\x55" and len(data) > 1 else (data[:1] or b"\xff")[0], {})
        raise AnswerLost(
            f"{command.title}: no answer, {outcome.reason}; check the cable and that the register is on",
            may_have_happened=outcome.may_have_happened,
        )


def insist(answer: Answer) -> Answer:
    """The answer, or DeviceRefused when it carries an error."""
    if answer.error:
        raise register_refusal(answer.command.title, answer.error)
    return answer
