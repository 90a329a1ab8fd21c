"""The process that Windows' service manager starts: a babysitter with the manners of a service, and no more.

It loads no settings and no driver, so that nothing of the agent can bring it down: what it needs of the settings file
(where its log goes) it reads as plain TOML. For Windows only; by pywin32's ServiceFramework.
"""

from __future__ import annotations

import logging
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any, Final

from agent.program_data import program_data
from agent.service.service_plan import AGENT, UPDATER
from drivers.vocabulary.errors import TillpointError

__all__ = ["HostError", "child_command", "folders_told", "host"]

log = logging.getLogger(__name__)

LOG_NAME: Final = "service"
LOG_BYTES: Final = 1_048_576
LOG_FILES: Final = 3
SETTINGS_BYTES_MAX: Final = 1_048_576


class HostError(TillpointError):
    """This process cannot be a service; the message says why."""


def child_command(words: list[str], *, folder: Path | None) -> list[str]:
    """How the agent's own command is started.

    Args:
        words: of `tillpoint`.
        folder: the version folder; None in a development tree.
    """
    if folder is None:
        return [sys.executable, "-m", "agent.cli", *words]
    return [str(folder / "python.exe"), "-I", "-S", "-B", str(folder / "start.py"), *words]


def folders_told(config: Path, data: Path) -> tuple[Path, Path]:
    """State folder and log folder as a settings file says, without judging it: a broken one must not stop the log."""
    try:
        with config.open("rb") as file:
            told: Any = tomllib.loads(file.read(SETTINGS_BYTES_MAX).decode("utf-8-sig"))
        state = told.get("till", {}).get("state_folder", "")
        logs = told.get("log", {}).get("folder", "")
    except (OSError, ValueError, AttributeError):
        state = logs = ""
    state_folder = Path(state) if isinstance(state, str) and state else data / "state"
    return state_folder, Path(logs) if isinstance(logs, str) and logs else state_folder / "log"


if sys.platform == "win32":
    import pywintypes
    import servicemanager as _servicemanager
    import win32evtlogutil as _win32evtlogutil
    import win32service as _win32service
    import win32serviceutil as _win32serviceutil

    from agent.service.access import WindowsAccess
    from agent.service.babysitter import Babysitter, Patience
    from agent.service.child import AgentProcess
    from agent.service.data_folder import DataFolder
    from agent.service.event_log import SOURCE, EventLog
    from agent.service.log_file import LogFile
    from agent.service.logs import LineFormatter
    from agent.service.rights import account_sid
    from agent.service.scm import ALREADY_RUNNING, ScmError, own_scm

    # Their published types know half of what they take.
    servicemanager: Any = _servicemanager
    win32evtlogutil: Any = _win32evtlogutil
    win32service: Any = _win32service
    win32serviceutil: Any = _win32serviceutil

    # Of the event log, as the launcher's table of messages has them.
    _STARTED, _STOPPED, _AGAIN = 4, 5, 6
    _INFORMATION, _ERROR = 4, 1  # EVENTLOG_INFORMATION_TYPE, EVENTLOG_ERROR_TYPE
    _NO_CONSOLE: Final = 1063  # ERROR_FAILED_SERVICE_CONTROLLER_CONNECT
    _FAILED: Final = 1066  # ERROR_SERVICE_SPECIFIC_ERROR: the code beside it is ours
    _HINT_MS: Final = 5_000

    class _Service(win32serviceutil.ServiceFramework):  # type: ignore[misc]
        """What both services have in common: told to stop, they note it; what fails ends them with an error."""

        _svc_name_ = AGENT
        _svc_display_name_ = AGENT
        config: Path
        folder: Path | None

        def __init__(self, args: Any) -> None:
            super().__init__(args)
            self.stop = threading.Event()

        def GetAcceptedControls(self) -> int:  # noqa: N802 - pywin32's name
            """Stop, and the notice before a shutdown: it leaves time that a plain shutdown does not."""
            controls = int(super().GetAcceptedControls()) & ~int(win32service.SERVICE_ACCEPT_SHUTDOWN)
            return controls | int(win32service.SERVICE_ACCEPT_PRESHUTDOWN)

        def SvcOther(self, control: int) -> None:  # noqa: N802 - likewise
            """The notice before a shutdown."""
            if control == win32service.SERVICE_CONTROL_PRESHUTDOWN:
                log.info("service.preshutdown")
                self.SvcStop()

        def SvcStop(self) -> None:  # noqa: N802 - likewise
            """On another thread than the work: only noted."""
            self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, waitHint=_HINT_MS)
            self.stop.set()

        def SvcRun(self) -> None:  # noqa: N802 - likewise
            """The whole life; an end with an error makes Windows start it again."""
            code = 1
            try:
                _set_up_log(self.config, LOG_NAME if self._svc_name_ == AGENT else "updater-service")
                self.ReportServiceStatus(win32service.SERVICE_RUNNING)
                code = self.work()
            except Exception:
                log.exception("service.failed")
            finally:
                self.ReportServiceStatus(
                    win32service.SERVICE_STOPPED, win32ExitCode=_FAILED if code else 0, svcExitCode=code
                )

        def work(self) -> int:
            """Until told to stop; the exit code."""
            raise NotImplementedError

        def child(self, *words: str) -> AgentProcess:
            """A command of ours as a child process."""
            command = child_command([*words, "--config", str(self.config)], folder=self.folder)
            return AgentProcess(command, environment={"PROGRAMDATA": str(program_data())})

    class _AgentService(_Service):
        """The babysitter; it is its own `babysitter.Listener`."""

        def work(self) -> int:
            """Until told to stop."""
            for sentence in _review_folders(self.config):
                log.error("service.folder %s", sentence)
            _tell(_STARTED, "The service has started.")
            Babysitter(lambda: self.child("run"), self, patience=Patience()).run(self.stop)
            _tell(_STOPPED, "The service has stopped.")
            return 0

        def started(self, pid: int) -> None:
            """Nothing to add to the log's line."""

        def ready(self, status: str) -> None:
            """Likewise."""
            log.info("service.child_ready %s", status)

        def failed(self, reason: str, pause_s: float) -> None:
            """Into the event log too."""
            _tell(_AGAIN, f"The agent is started again in {pause_s:g} s: {reason}", kind=_ERROR)

        def stopping(self, left_s: float) -> None:
            """Windows waits while it is told that something happens."""
            del left_s
            self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, waitHint=_HINT_MS)

        def update_wanted(self) -> None:
            """The updater looks for itself what there is to do."""
            try:
                win32serviceutil.StartService(UPDATER)
                log.info("service.updater_started")
            except pywintypes.error as error:
                if error.winerror != ALREADY_RUNNING:
                    log.warning("service.updater reason=%s", error.strerror)

    class _UpdaterService(_Service):
        """Runs `tillpoint update apply` and ends with it; told to stop, it waits for a step that is safe to cut."""

        _svc_name_ = UPDATER
        _svc_display_name_ = UPDATER

        def work(self) -> int:
            """Until the updater has nothing more to do, or is told to stop."""
            child = self.child("update", "apply")
            try:
                while child.ended() is None and not self.stop.is_set():
                    child.hear(0.5)
            finally:
                child.ask_to_stop()
                child.kill()  # each of its steps is safe at any cut
            code = child.ended()
            if code and not self.stop.is_set():
                log.error("service.updater code=%s it said: %s", code, child.last_words())
                return int(code)
            return 0

    def host(name: str, config: Path, folder: Path | None) -> int:
        """Be the service `name`; comes back when it has stopped.

        Raises:
            HostError: nobody but the service manager may call this.
        """
        service = _AgentService if name == AGENT else _UpdaterService
        service.config = config
        service.folder = folder
        try:
            servicemanager.Initialize(name, None)
            servicemanager.PrepareToHostSingle(service)
            servicemanager.StartServiceCtrlDispatcher()
        except pywintypes.error as error:
            if error.winerror == _NO_CONSOLE:
                raise HostError("this is what Windows' service manager calls; use `tillpoint service start`") from None
            raise HostError(f"cannot be a service: {error.strerror}") from None
        return 0

    def _set_up_log(config: Path, name: str) -> None:
        """A file of its own and the event log; standard output and error are not there in a service."""
        _, folder = folders_told(config, program_data() / AGENT)
        handlers: list[logging.Handler] = [EventLog()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handlers.append(LogFile(folder / f"{name}.log", bytes_max=LOG_BYTES, count=LOG_FILES))
            handlers[-1].setFormatter(LineFormatter())
        except OSError:
            pass  # no log is no reason for no agent; the event log has what matters
        root = logging.getLogger()
        root.handlers[:] = handlers
        root.setLevel(logging.INFO)

    def _review_folders(config: Path) -> list[str]:
        state, _ = folders_told(config, program_data() / AGENT)
        try:
            account = own_scm().state(AGENT).account
        except ScmError as error:
            return [str(error)]
        data = DataFolder(
            root=program_data() / AGENT,  # whose settings it may be: another file's folder is not ours to close
            state=state,
            service=account_sid(account, AGENT),
            access=WindowsAccess(),
            program=Path(__file__).parent,
        )
        return data.review()

    def _tell(number: int, text: str, *, kind: int = _INFORMATION) -> None:
        try:
            win32evtlogutil.ReportEvent(SOURCE, number, eventType=kind, strings=[text])
        except pywintypes.error as error:
            log.info("service.event_log reason=%s", error.strerror)

else:

    def host(name: str, config: Path, folder: Path | None) -> int:
        """Be a service of Windows.

        Raises:
            HostError: always, here.
        """
        del config, folder
        raise HostError(f"{name} is a service of Windows; here systemd runs the agent (`systemctl start tillpoint`)")
