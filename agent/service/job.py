"""A job object of Windows: the processes in it end when the last handle to it closes, also when its holder is killed.

Source: Microsoft, "Job Objects" (JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE). For Windows only; by pywin32.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

__all__ = ["Job"]

log = logging.getLogger(__name__)

if sys.platform == "win32":
    import pywintypes
    import win32job as _win32job

    win32job: Any = _win32job  # its published types say that a new job is None

    class Job:
        """A job of its own for one child; where the system gives none, the child ends by its pipe alone."""

        def __init__(self) -> None:
            self._handle = win32job.CreateJobObject(None, "")
            told = win32job.QueryInformationJobObject(self._handle, win32job.JobObjectExtendedLimitInformation)
            told["BasicLimitInformation"]["LimitFlags"] |= win32job.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
            win32job.SetInformationJobObject(self._handle, win32job.JobObjectExtendedLimitInformation, told)

        def take(self, process: subprocess.Popen[bytes]) -> None:
            """Put a process into it, and with it whatever that will start."""
            try:
                win32job.AssignProcessToJobObject(self._handle, int(getattr(process, "_handle")))  # noqa: B009 - Windows' Popen alone has it
            except pywintypes.error as error:
                log.warning("service.job reason=%s", error.strerror)

        def end(self) -> None:
            """End what is in it."""
            try:
                win32job.TerminateJobObject(self._handle, 1)
            except pywintypes.error as error:
                log.warning("service.job reason=%s", error.strerror)
