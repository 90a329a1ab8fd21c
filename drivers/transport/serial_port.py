"""Serial ports, real and USB: the only importer of pyserial, which is imported when the first port is opened.

pyserial opens and sets up the port. On POSIX the bytes are moved here, by poll() on its descriptor, so that reading
and writing on two threads and closing on a third have one clear rule; on Windows pyserial moves them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drivers.transport.sockets import words_of
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

__all__ = ["PortInfo", "SerialEndpoint", "SerialLine", "SerialTransport", "list_ports"]

READ_SIZE = 4_096  # the line discipline holds no more
WINDOWS_READ_S = 0.05  # one read of ours on Windows; a longer wait is several of them, so that closing is prompt
WINDOWS_WRITE_SIZE = 256  # a stuck device is noticed within one piece, 0.3 s at 9600 baud
_WOULD_BLOCK: Final = (BlockingIOError, InterruptedError)
_BY_ID: Final = Path("/dev/serial/by-id")
_BUSY: Final = (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """How a port is set: name, speed, and the rest in the words of the address."""

    port: str
    baud: int = 9600
    parity: str = "N"
    bits: int = 8
    stop: str = "1"
    flow: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortInfo:
    """One port of this machine.

    Attributes:
        device: what to write after ``serial:``; a name that survives replugging where the system has one.
        maker: as the USB descriptor says it, or "".
        usb_id: vendor and product, ``0C2E:0901``, or "".
    """

    device: str
    maker: str = ""
    model: str = ""
    usb_id: str = ""

    @property
    def address(self) -> str:
        """The address to put into the settings."""
        return f"serial:{self.device}"


def list_ports() -> tuple[PortInfo, ...]:
    """The serial ports of this machine, as far as the system tells; never raises."""
    try:
        from serial.tools.list_ports import comports

        found = list(comports())
    except Exception:  # noqa: BLE001 - Wine lacks a function this module wants at import; it then fails in ways of its own
        return tuple(PortInfo(device=name) for name in _registry_ports())
    stable = _stable_names()
    ports = []
    for port in found:
        is_usb = port.vid is not None and port.pid is not None
        ports.append(
            PortInfo(
                device=stable.get(os.path.realpath(port.device), port.device),
                maker=port.manufacturer or "",
                model=port.product or ("" if port.description in (None, "n/a") else port.description),
                usb_id=f"{port.vid:04X}:{port.pid:04X}" if is_usb else "",
            ),
        )
    return tuple(sorted(ports, key=lambda port: port.device))


def _stable_names() -> dict[str, str]:
    """Real device → its name under /dev/serial/by-id; {} where there is no such directory."""
    try:
        links = sorted(_BY_ID.iterdir())
    except OSError:
        return {}
    return {os.path.realpath(link): str(link) for link in links}


def _registry_ports() -> list[str]:
    """Ports from the registry (HARDWARE, DEVICEMAP, SERIALCOMM), which Windows and Wine both keep."""
    names: list[str] = []
    if sys.platform == "win32":
        import winreg

        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _SERIALCOMM) as key:
            names += [str(winreg.EnumValue(key, index)[1]) for index in range(winreg.QueryInfoKey(key)[1])]
    return sorted(names)


_SERIALCOMM: Final = "HARDWARE\\DEVICEMAP\\SERIALCOMM"


class SerialTransport:
    """One open port; see `drivers.transport.contract.Transport`."""

    def __init__(self, address: str, port: Any) -> None:
        self._address = address
        self._port = port
        self._is_closed = False
        # Held for one call that does not wait, so that no thread uses a descriptor that was closed and given away.
        self._gate = threading.Lock()
        if sys.platform != "win32":
            self._wake_reading, self._wake_writing = os.pipe()

    @property
    def address(self) -> str:
        """The address of the endpoint it was opened from."""
        return self._address

    def read(self, timeout_s: float) -> bytes:
        """As the contract says."""
        deadline_s = time.monotonic() + timeout_s
        try:
            if sys.platform == "win32":
                return self._read_windows(deadline_s)
            while True:
                rest_s = deadline_s - time.monotonic()
                if not self._wait(select.POLLIN, max(0.0, rest_s)):
                    return b""
                with self._gate:
                    self._refuse_closed()
                    try:
                        data = os.read(self._port.fileno(), READ_SIZE)
                    except _WOULD_BLOCK:
                        continue
                if not data:  # ready to be read and empty: the line was hung up or the plug was pulled
                    raise TransportClosed(f"{self._address}: the device is gone; check its cable")
                return data
        except OSError as error:
            raise self._gone(error) from error

    def write(self, data: bytes, timeout_s: float) -> None:
        """As the contract says."""
        deadline_s = time.monotonic() + timeout_s
        try:
            if sys.platform == "win32":
                self._write_windows(data, timeout_s)
                return
            view = memoryview(data)
            while view:
                with self._gate:
                    self._refuse_closed()
                    try:
                        view = view[os.write(self._port.fileno(), view) :]
                        continue
                    except _WOULD_BLOCK:
                        pass
                if not self._wait(select.POLLOUT, max(0.0, deadline_s - time.monotonic())):
                    raise self._stuck(timeout_s)
        except OSError as error:
            raise self._gone(error) from error

    def finish(self) -> None:
        """No effect: a wire has no way to say it."""

    def abort(self) -> None:
        """Close without waiting for bytes that the device does not take."""
        with contextlib.suppress(Exception), self._gate:
            if not self._is_closed:
                self._port.reset_output_buffer()
        self.close()

    def close(self) -> None:
        """As the contract says."""
        if self._is_closed:
            return
        self._is_closed = True
        if sys.platform == "win32":
            with contextlib.suppress(Exception):
                self._port.cancel_read()
                self._port.cancel_write()
            with contextlib.suppress(OSError):
                self._port.close()
            return
        with contextlib.suppress(OSError):
            os.close(self._wake_writing)  # whoever waits sees the other end of this pipe hang up
        with self._gate, contextlib.suppress(OSError):
            self._port.close()
            os.close(self._wake_reading)

    if sys.platform == "win32":

        def _read_windows(self, deadline_s: float) -> bytes:
            while True:
                self._refuse_closed()
                try:
                    data = bytes(self._port.read(1))
                    if data:
                        return data + bytes(self._port.read(self._port.in_waiting))
                except OSError as error:
                    if not _is_timeout(error):
                        raise
                if time.monotonic() >= deadline_s:
                    return b""

        def _write_windows(self, data: bytes, timeout_s: float) -> None:
            import serial

            if self._port.write_timeout != timeout_s:  # setting it sets the whole port, so only when it differs
                self._port.write_timeout = timeout_s
            for start in range(0, len(data), WINDOWS_WRITE_SIZE):
                self._refuse_closed()
                try:
                    self._port.write(data[start : start + WINDOWS_WRITE_SIZE])
                except serial.SerialTimeoutException as error:
                    raise self._stuck(timeout_s) from error

    else:

        def _wait(self, event: int, timeout_s: float) -> bool:
            """Whether the port is ready; a hang-up counts, for the call that follows will say so."""
            poll = select.poll()
            with self._gate:
                self._refuse_closed()
                poll.register(self._port.fileno(), event)
                poll.register(self._wake_reading, 0)
            ready = poll.poll(timeout_s * 1000)
            self._refuse_closed()
            return bool(ready)

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise TransportClosed(f"{self._address} was closed")

    def _stuck(self, timeout_s: float) -> TransportError:
        return TransportError(
            f"{self._address} took no bytes for {timeout_s:g} s; see whether the device is busy or out of paper,"
            " and whether the flow control of the address is that of the device",
        )

    def _gone(self, error: OSError) -> TransportClosed:
        if self._is_closed:
            return TransportClosed(f"{self._address} was closed")
        return TransportClosed(f"{self._address}: the device is gone ({words_of(error)}); check its cable")


class SerialEndpoint:
    """A port of this machine and how it is set."""

    is_line = True

    def __init__(self, address: str, line: SerialLine) -> None:
        self._address = address
        self._line = line

    @property
    def address(self) -> str:
        """``serial:COM5?baud=9600``, as it was written."""
        return self._address

    def open(self, timeout_s: float) -> SerialTransport:  # noqa: ARG002 - opening a port does not wait
        """Open the port for us alone; raises TransportUnavailable with the cause and the next step."""
        import serial

        line = self._line
        try:
            port = serial.Serial(
                port=line.port,
                baudrate=line.baud,
                parity=line.parity,
                bytesize=line.bits,
                stopbits=float(line.stop) if line.stop == "1.5" else int(line.stop),
                rtscts=line.flow == "rtscts",
                dsrdtr=line.flow == "dsrdtr",
                xonxoff=line.flow == "xonxoff",
                timeout=WINDOWS_READ_S if sys.platform == "win32" else 0,
                write_timeout=None,
                exclusive=True,
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError; ValueError is a speed it refuses
            reason, words = _cause(error, line)
            raise TransportUnavailable(f"cannot open {self._address}: {words}", reason=reason) from error
        return SerialTransport(self._address, port)

    def visitor_waits(self) -> bool:
        """Nobody comes on a wire."""
        return False

    def close(self) -> None:
        """Nothing listens."""


def _cause(error: Exception, line: SerialLine) -> tuple[str, str]:
    """Why a port does not open and what to do, by number; pyserial gives none on Windows, so there by the list."""
    number = error.errno if isinstance(error, OSError) else None
    known = [port.device for port in list_ports()]
    is_known = any(os.path.realpath(name) == os.path.realpath(line.port) for name in known)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or (sys.platform == "win32" and not is_known):
        return "missing", f"there is no such port; {_known_words(known)}"
    if number in _BUSY or (sys.platform == "win32" and number is None and is_known):
        return "busy", "in use by another program; close it or choose another port"
    if number in (errno.EACCES, errno.EPERM):
        return "permission", _NOT_PERMITTED
    if number in (errno.ENOTTY, errno.EINVAL, None):
        return (
            "",
            f"it is no serial port or refuses {line.baud} baud {line.bits}{line.parity}{line.stop}; check the address",
        )
    return "", f"{words_of(error)}; check the cable and the address"


_NOT_PERMITTED: Final = (
    "not permitted; add the user of the service to the group dialout"
    " (usermod -aG dialout …) and start the service again"
)


def _known_words(known: list[str]) -> str:
    if not known:
        return "this machine has none; check the cable and the driver of the device"
    return f"this machine has {', '.join(known)}"


def _is_timeout(error: OSError) -> bool:
    """Whether Wine reports the end of a wait as error 1460 (ERROR_TIMEOUT), where Windows gives no bytes.

    pyserial keeps the number only inside its text, so this one decision must read it there.
    """
    return getattr(error, "winerror", None) == _WIN_ERROR_TIMEOUT or str(_WIN_ERROR_TIMEOUT) in str(error)


_WIN_ERROR_TIMEOUT: Final = 1460
