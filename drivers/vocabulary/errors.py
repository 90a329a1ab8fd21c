"""The error tree; messages start lowercase, name the thing and give the next step.

TillpointError
├── SettingsError            a setting cannot be used as written
├── TransportError           bytes do not flow
│   ├── TransportUnavailable   the other end cannot be opened (no such port, busy, refused)
│   └── TransportClosed        the other end was there and has gone
│       └── TransportEnded       in good order: it will send no more, and may still listen
├── ProtocolError            bytes flow and make no sense
│   ├── LocalProtocolError     we asked for something the protocol forbids
│   └── RemoteProtocolError    the other side sent it
├── DeviceRefused            the device understood and said no, with its own code
├── CheckoutRefused          the checkout contract cannot be kept, with a code for the caller
└── DriverLoadError          a driver cannot be loaded; a state, not a crash

Exceptions are for those who can do nothing about it here. What a cashier must see is a value in an answer.
"""

from __future__ import annotations

__all__ = [
    "CheckoutRefused",
    "DeviceRefused",
    "DriverLoadError",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "SettingsError",
    "TillpointError",
    "TransportClosed",
    "TransportEnded",
    "TransportError",
    "TransportUnavailable",
]


class TillpointError(Exception):
    """Everything Tillpoint raises on purpose."""


class SettingsError(TillpointError):
    """A setting cannot be used as written; the message names file, line and key."""


class TransportError(TillpointError):
    """Bytes do not flow."""


class TransportUnavailable(TransportError):  # noqa: N818 - a state of the world, named as the field names it
    """The other end cannot be opened: no such port, busy, refused.

    Attributes:
        reason: a stable word for whoever must decide on it: ``missing`` (no such port or device), ``busy`` (another
            program has it), ``permission``, ``driver`` (the system lacks what speaks with it), ``refused`` (nobody
            listens there), ``mode`` (the device must be programmed otherwise), ``silent`` (no answer in time), ``name``
            (the host's name is not found), or "".
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class TransportClosed(TransportError):  # noqa: N818
    """The other end was there and has gone."""


class TransportEnded(TransportClosed):
    """The other end said in good order that it will send no more (TCP FIN); it may still listen."""


class ProtocolError(TillpointError):
    """Bytes flow and make no sense."""


class LocalProtocolError(ProtocolError):
    """We asked for something the protocol forbids."""


class RemoteProtocolError(ProtocolError):
    """The other side sent what the protocol forbids."""


class DeviceRefused(TillpointError):  # noqa: N818
    """The device understood and said no.

    Attributes:
        code: our own code (``E301 out of paper``).
        maker_code: the maker's code, exactly as it came.
    """

    def __init__(self, message: str, *, code: str, maker_code: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.maker_code = maker_code


class CheckoutRefused(TillpointError):  # noqa: N818
    """The checkout contract cannot be kept.

    Attributes:
        code: a stable word a POS may branch on (``unknown_receipt``, ``different_body``, ``wrong_money`` …).
        field: the field of the request that is at fault, or "".
    """

    def __init__(self, message: str, *, code: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class DriverLoadError(TillpointError):
    """A driver cannot be loaded; shown as a state of that driver."""
