"""Printers through the system's spooler: the Windows spooler (winspool) or CUPS; one write is one raw document.

For printers that the system owns: shared ones, and on Windows those whose USB driver is the system's own. Nothing
comes back from a spooler, so the printer's own status is not to be had; what the spooler says of its queue is.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Final, Protocol

from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

if TYPE_CHECKING:
    import subprocess

__all__ = ["SpoolEndpoint", "SpoolTransport", "Spooler", "system_spooler"]

DOCUMENT_NAME: Final = "Tillpoint slip"  # what people see in the list of print jobs
ASK_TIMEOUT_S: Final = 5.0  # a print server that sleeps; nobody waits for us meanwhile

#: Windows printer status bits (winspool.h) → what is wrong.
_WINDOWS_STATUS: Final = {
    0x00000010: "out of paper",
    0x00000040: "the paper is not in right",
    0x00000080: "off line",
    0x00000002: "in error",
    0x00000001: "paused",
    0x00400000: "its cover is open",
}


class Spooler(Protocol):
    """What a spooler can do; a seam, so that a test brings its own."""

    def names(self) -> tuple[str, ...]:
        """The queues there are."""
        ...

    def trouble(self, name: str) -> str:
        """What the spooler says is wrong with a queue, "" for nothing; raises TransportUnavailable for no such one."""
        ...

    def print_raw(self, name: str, data: bytes, timeout_s: float) -> None:
        """Hand over one document as it is; raises TransportError."""
        ...


class SpoolTransport:
    """One open queue; see `drivers.transport.contract.Transport`."""

    def __init__(self, address: str, name: str, spooler: Spooler) -> None:
        self._address = address
        self._name = name
        self._spooler = spooler
        self._closed = threading.Event()

    @property
    def address(self) -> str:
        """The address of the endpoint it was opened from."""
        return self._address

    def read(self, timeout_s: float) -> bytes:
        """Nothing ever comes back."""
        if self._closed.wait(timeout_s):
            raise TransportClosed(f"{self._address} was closed")
        return b""

    def write(self, data: bytes, timeout_s: float) -> None:
        """One document; the spooler prints it when it can."""
        if self._closed.is_set():
            raise TransportClosed(f"{self._address} was closed")
        if data:
            self._spooler.print_raw(self._name, data, timeout_s)

    def finish(self) -> None:
        """No effect: each write was a whole document."""

    def abort(self) -> None:
        """As close: what was handed over is the spooler's."""
        self._closed.set()

    def close(self) -> None:
        """As the contract says."""
        self._closed.set()


class SpoolEndpoint:
    """A print queue by its name."""

    is_line = True

    def __init__(self, address: str, name: str, *, spooler: Spooler | None = None) -> None:
        self._address = address
        self._name = name
        self._spooler = spooler

    @property
    def address(self) -> str:
        """``spool:NAME``."""
        return self._address

    def open(self, timeout_s: float) -> SpoolTransport:  # noqa: ARG002 - asking the spooler does not wait for paper
        """See whether the queue is there and says nothing is wrong; raises TransportUnavailable."""
        spooler = self._spooler if self._spooler is not None else system_spooler()
        trouble = spooler.trouble(self._name)
        if trouble:
            raise TransportUnavailable(
                f"cannot open {self._address}: the spooler says it is {trouble}; see to the printer,"
                " then let the queue go on",
            )
        return SpoolTransport(self._address, self._name, spooler)

    def visitor_waits(self) -> bool:
        """Nobody comes from a spooler."""
        return False

    def close(self) -> None:
        """Nothing listens."""


def system_spooler() -> Spooler:
    """The spooler of this machine."""
    if sys.platform == "win32":
        return WindowsSpooler()
    return CupsSpooler()


def no_such_queue(name: str, known: tuple[str, ...]) -> TransportUnavailable:
    """The error of a name that no queue has."""
    there = f"this machine has {', '.join(known)}" if known else "this machine has none; set the printer up first"
    return TransportUnavailable(f"cannot open spool:{name}: there is no such print queue; {there}", reason="missing")


class CupsSpooler:
    """CUPS through its own programs `lp` and `lpstat`, which every system with CUPS has."""

    def names(self) -> tuple[str, ...]:
        """As the seam says."""
        if not _has("lpstat"):
            return ()
        done = self._run(["lpstat", "-e"])
        return tuple(line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip())

    def trouble(self, name: str) -> str:
        """As the seam says."""
        if not _has("lp"):
            raise TransportUnavailable(
                f"cannot open spool:{name}: CUPS is not on this machine; on Debian: apt-get install cups cups-client",
                reason="driver",
            )
        known = self.names()
        if name not in known:
            raise no_such_queue(name, known)
        said = self._run(["lpstat", "-p", name]).stdout.decode("utf-8", "replace")
        return "disabled" if "disabled" in said.split() else ""

    def print_raw(self, name: str, data: bytes, timeout_s: float) -> None:
        """As the seam says."""
        words = ["lp", "-d", name, "-o", "raw", "-t", DOCUMENT_NAME]
        done = self._run(words, data, timeout_s=max(timeout_s, ASK_TIMEOUT_S))
        if done.returncode:
            why = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
            raise TransportError(f"spool:{name}: the spooler took nothing: {why}; see `lpstat -t`")

    @staticmethod
    def _run(
        words: list[str], data: bytes = b"", *, timeout_s: float = ASK_TIMEOUT_S
    ) -> subprocess.CompletedProcess[bytes]:
        import subprocess  # only a till that prints through CUPS pays for it

        try:
            # The C locale, because one word of the answer is read.
            return subprocess.run(  # noqa: S603 - our own words, no shell
                words, input=data, capture_output=True, check=False, timeout=timeout_s, env=_c_locale()
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TransportError(f"{words[0]} did not answer: {error}; is the spooler running?") from None


def _has(program: str) -> bool:
    from shutil import which

    return which(program) is not None


def _c_locale() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


if sys.platform == "win32":

    class WindowsSpooler:
        """winspool through pywin32, imported with the first slip."""

        def names(self) -> tuple[str, ...]:
            """As the seam says."""
            import win32print

            flags = win32print.PRINTER_ENUM_LOCAL | win32print.PRINTER_ENUM_CONNECTIONS
            return tuple(str(row[2]) for row in win32print.EnumPrinters(flags, None, 1))

        def trouble(self, name: str) -> str:
            """As the seam says."""
            import pywintypes
            import win32print

            try:
                handle = win32print.OpenPrinter(name)
            except pywintypes.error as error:
                if error.winerror == 5:  # ERROR_ACCESS_DENIED
                    raise TransportUnavailable(
                        f"cannot open spool:{name}: not permitted; let the service's user print on it",
                        reason="permission",
                    ) from None
                raise no_such_queue(name, self.names()) from None
            try:
                status = int(win32print.GetPrinter(handle, 2)["Status"])
            finally:
                win32print.ClosePrinter(handle)
            return next((words for bit, words in _WINDOWS_STATUS.items() if status & bit), "")

        def print_raw(self, name: str, data: bytes, timeout_s: float) -> None:  # noqa: ARG002 - it only fills a file
            """As the seam says."""
            import pywintypes
            import win32print

            try:
                handle = win32print.OpenPrinter(name)
                try:
                    win32print.StartDocPrinter(handle, 1, (DOCUMENT_NAME, None, "RAW"))
                    win32print.StartPagePrinter(handle)
                    win32print.WritePrinter(handle, data)
                    win32print.EndPagePrinter(handle)
                    win32print.EndDocPrinter(handle)
                finally:
                    win32print.ClosePrinter(handle)
            except pywintypes.error as error:
                raise TransportError(
                    f"spool:{name}: the spooler took nothing: {error.strerror}; open its queue in the control panel",
                ) from None
