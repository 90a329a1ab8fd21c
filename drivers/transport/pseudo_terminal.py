"""A serial port of our own making (Linux pty): a POS opens its name as it would open a scanner's; no protocol.

The name is a link. While we are here it leads to the pseudo-terminal; when we stop it is turned to the device itself
(`otherwise`), so that the POS opens the scanner again by the same name. A process that is killed cannot do that:
the service file does it then (docs/guides/store-it.md).
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drivers.transport.sockets import words_of
from drivers.vocabulary.errors import TransportUnavailable

if TYPE_CHECKING:
    from drivers.transport.descriptor import Descriptor

__all__ = ["PtyEndpoint", "PtyTransport"]

READ_SIZE: Final = 4_096
STALE_S: Final = 2.0  # what a POS has not read for so long it will not want: an old product on a new receipt


class PtyTransport:
    """Our end of the pseudo-terminal; see `drivers.transport.contract.Transport`."""

    def __init__(self, address: str, descriptor: Descriptor, near: int, *, clock: Callable[[], float]) -> None:
        self.address = address
        self._clock = clock
        self._descriptor = descriptor
        self._near = near
        self._wrote_at_s = 0.0

    def read(self, timeout_s: float) -> bytes:
        """As the contract says."""
        return self._descriptor.read(READ_SIZE, timeout_s)

    def write(self, data: bytes, timeout_s: float) -> None:
        """As the contract says; what nobody has read for `STALE_S` is thrown away first, as by a closed port."""
        now_s = self._clock()
        if now_s - self._wrote_at_s > STALE_S:
            self._descriptor.control(self._throw_away_unread)
        self._wrote_at_s = now_s
        self._descriptor.write(data, timeout_s)

    def finish(self) -> None:
        """No effect on a wire."""

    def abort(self) -> None:
        """As close."""
        self.close()

    def close(self) -> None:
        """As the contract says."""
        self._descriptor.close()

    def _throw_away_unread(self, _: int) -> None:
        if sys.platform != "win32":
            import termios

            termios.tcflush(self._near, termios.TCIFLUSH)


class PtyEndpoint:
    """A name under which a POS finds a serial port.

    Args:
        address: ``pty:/run/tillpoint/scanner?otherwise=/dev/serial/by-id/…``.
        link: the name; a link there is replaced, anything else is left alone.
        otherwise: where the name leads when we are not here; "" takes it away.
        clock: seconds that only grow.
    """

    is_line = True

    def __init__(
        self, address: str, link: str, *, otherwise: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = address
        self._link = Path(link)
        self._otherwise = otherwise
        self._clock = clock
        self._is_linked = False

    @property
    def address(self) -> str:
        """As it was written."""
        return self._address

    def open(self, timeout_s: float) -> PtyTransport:  # noqa: ARG002 - opening does not wait
        """Make the pair and turn the name to it; raises TransportUnavailable with the cause and the next step."""
        if sys.platform == "win32":
            raise TransportUnavailable(
                f"cannot open {self._address}: Windows has no pseudo-terminals; make a pair of ports with com0com and"
                " write serial:COM11",
                reason="driver",
            )
        import tty

        from drivers.transport.descriptor import Descriptor

        try:
            far, near = os.openpty()
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            tty.setraw(near)
            os.set_blocking(far, False)
            self._turn(os.ttyname(near))
        except OSError as error:
            os.close(far)
            os.close(near)
            raise self._unavailable(error) from error
        self._is_linked = True

        def also() -> None:
            os.close(near)

        # We keep the near end open: the settings of a terminal that nobody holds are forgotten.
        return PtyTransport(self._address, Descriptor(self._address, far, also=also), near, clock=self._clock)

    def visitor_waits(self) -> bool:
        """Nobody comes on a wire."""
        return False

    def close(self) -> None:
        """Turn the name back to the device itself."""
        if not self._is_linked:
            return
        self._is_linked = False
        with contextlib.suppress(OSError):
            if self._otherwise:
                self._turn(self._otherwise)
            elif self._link.is_symlink():
                self._link.unlink()

    def _turn(self, target: str) -> None:
        """Make the name lead there, in one step, so that it is never missing."""
        if self._link.exists() and not self._link.is_symlink():
            raise FileExistsError(errno.EEXIST, "a file that is no link stands there", str(self._link))
        beside = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        beside.symlink_to(target)
        beside.replace(self._link)

    def _unavailable(self, error: OSError) -> TransportUnavailable:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            words = f"the folder {self._link.parent} is not ours to write in; take one under /run/tillpoint"
            return TransportUnavailable(f"cannot open {self._address}: {words}", reason="permission")
        if error.errno == errno.ENOENT:
            words = f"there is no folder {self._link.parent}; make it, or take one under /run/tillpoint"
            return TransportUnavailable(f"cannot open {self._address}: {words}", reason="missing")
        return TransportUnavailable(f"cannot open {self._address}: {words_of(error)}; choose another name")
