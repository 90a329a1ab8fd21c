"""The service control manager of Windows, by pywin32: each call of ours is one of its, errors become sentences."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from drivers.vocabulary.errors import TillpointError

if TYPE_CHECKING:
    from agent.service.service_plan import ServicePlan

__all__ = ["Scm", "ScmError", "ServiceState", "own_scm"]

LOOK_S: Final = 0.2
# winerror.h
MISSING: Final = 1060  # ERROR_SERVICE_DOES_NOT_EXIST
ALREADY_RUNNING: Final = 1056  # ERROR_SERVICE_ALREADY_RUNNING
NOT_RUNNING: Final = 1062  # ERROR_SERVICE_NOT_ACTIVE
_DENIED: Final = 5  # ERROR_ACCESS_DENIED
_MARKED: Final = 1072  # ERROR_SERVICE_MARKED_FOR_DELETE


class ScmError(TillpointError):
    """Windows refused; the message says what and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """How a service is: ``stopped``, ``starting``, ``stopping``, ``running``, ``paused``, or ``missing``."""

    state: str
    pid: int = 0
    exit_code: int = 0
    account: str = ""
    command: str = ""


class Scm(Protocol):
    """What is asked of the service control manager. ScmError when it refuses."""

    def install(self, plan: ServicePlan) -> list[str]:
        """Make the service, or make it as planned; sentences on what Windows would not set."""
        ...

    def remove(self, name: str) -> bool:
        """Take it out; False when it was not there."""
        ...

    def start(self, name: str, *, wait_s: float) -> None:
        """Start it and wait until it runs; harmless when it does."""
        ...

    def stop(self, name: str, *, wait_s: float) -> None:
        """Stop it and wait until it has ended; harmless when it does not run, or is not there."""
        ...

    def state(self, name: str) -> ServiceState:
        """How it is."""
        ...


if sys.platform == "win32":
    import pywintypes
    import win32con
    import win32security as _win32security
    import win32service as _win32service

    # Their published types know half of what they take.
    win32service: Any = _win32service
    win32security: Any = _win32security

    _STATES: Final = {
        win32service.SERVICE_STOPPED: "stopped",
        win32service.SERVICE_START_PENDING: "starting",
        win32service.SERVICE_STOP_PENDING: "stopping",
        win32service.SERVICE_RUNNING: "running",
        win32service.SERVICE_CONTINUE_PENDING: "starting",
        win32service.SERVICE_PAUSE_PENDING: "paused",
        win32service.SERVICE_PAUSED: "paused",
    }

    class WindowsScm:
        """As `Scm` wants it."""

        def install(self, plan: ServicePlan) -> list[str]:
            """As the contract says."""
            account = None if plan.account == "LocalSystem" else plan.account
            common = (
                win32service.SERVICE_WIN32_OWN_PROCESS,
                win32service.SERVICE_AUTO_START,
                win32service.SERVICE_ERROR_NORMAL,
                plan.command,
            )
            with _Handle(f"install the service {plan.name}", win32service.SC_MANAGER_ALL_ACCESS) as manager:
                service = self._opened(manager.handle, plan.name, win32service.SERVICE_ALL_ACCESS)
                if service is None:
                    service = win32service.CreateService(
                        manager.handle, plan.name, plan.title, win32service.SERVICE_ALL_ACCESS, *common,
                        None, 0, None, account, None,
                    )  # fmt: skip
                else:
                    given = account if account is not None else "LocalSystem"
                    win32service.ChangeServiceConfig(service, *common, None, 0, None, given, "", plan.title)
                try:
                    return _set_more(service, plan)
                finally:
                    win32service.CloseServiceHandle(service)

        def remove(self, name: str) -> bool:
            """As the contract says."""
            with _Handle(f"remove the service {name}", win32service.SC_MANAGER_CONNECT) as manager:
                service = self._opened(manager.handle, name, win32con.DELETE)
                if service is None:
                    return False
                try:
                    win32service.DeleteService(service)
                finally:
                    win32service.CloseServiceHandle(service)
            return True

        def start(self, name: str, *, wait_s: float) -> None:
            """As the contract says."""
            with _Handle(f"start the service {name}", win32service.SC_MANAGER_CONNECT) as manager:
                service = self._opened(manager.handle, name, win32service.SERVICE_START)
                if service is None:
                    raise ScmError(f"there is no service {name}; run `tillpoint service install`")
                try:
                    win32service.StartService(service, None)
                except pywintypes.error as error:
                    if error.winerror != ALREADY_RUNNING:
                        raise
                finally:
                    win32service.CloseServiceHandle(service)
            self._wait(name, "running", wait_s)

        def stop(self, name: str, *, wait_s: float) -> None:
            """As the contract says."""
            with _Handle(f"stop the service {name}", win32service.SC_MANAGER_CONNECT) as manager:
                service = self._opened(manager.handle, name, win32service.SERVICE_STOP)
                if service is None:
                    return
                try:
                    win32service.ControlService(service, win32service.SERVICE_CONTROL_STOP)
                except pywintypes.error as error:
                    if error.winerror != NOT_RUNNING:
                        raise
                finally:
                    win32service.CloseServiceHandle(service)
            self._wait(name, "stopped", wait_s)

        def state(self, name: str) -> ServiceState:
            """As the contract says."""
            what = win32service.SERVICE_QUERY_STATUS | win32service.SERVICE_QUERY_CONFIG
            with _Handle(f"ask for the service {name}", win32service.SC_MANAGER_CONNECT) as manager:
                service = self._opened(manager.handle, name, what)
                if service is None:
                    return ServiceState(state="missing")
                try:
                    told = win32service.QueryServiceStatusEx(service)
                    config = win32service.QueryServiceConfig(service)
                finally:
                    win32service.CloseServiceHandle(service)
            return ServiceState(
                state=_STATES.get(told["CurrentState"], "unknown"),
                pid=int(told["ProcessId"]),
                exit_code=int(told["Win32ExitCode"]),
                account=str(config[7]),
                command=str(config[3]),
            )

        def _wait(self, name: str, wanted: str, wait_s: float) -> None:
            end_s = time.monotonic() + wait_s
            while True:
                found = self.state(name)
                if found.state == wanted:
                    return
                if wanted == "running" and found.state == "stopped":
                    raise ScmError(
                        f"the service {name} ended while it was being started (code {found.exit_code}); "
                        "`tillpoint log` and the event log say why"
                    )
                if time.monotonic() > end_s:
                    raise ScmError(f"the service {name} is still {found.state} after {wait_s:g} s")
                time.sleep(LOOK_S)

        @staticmethod
        def _opened(manager: Any, name: str, access: int) -> Any:
            try:
                return win32service.OpenService(manager, name, access)
            except pywintypes.error as error:
                if error.winerror == MISSING:
                    return None
                raise

    class _Handle:
        """The manager, open; its errors become sentences with what was wanted."""

        def __init__(self, wanted: str, access: int) -> None:
            self._wanted = wanted
            self._access = access
            self.handle: Any = None

        def __enter__(self) -> Self:
            try:
                self.handle = win32service.OpenSCManager(None, None, self._access)
            except pywintypes.error as error:
                raise _refused(self._wanted, error) from None
            return self

        def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
            win32service.CloseServiceHandle(self.handle)
            if isinstance(error, pywintypes.error):
                raise _refused(self._wanted, error) from None

    def _refused(wanted: str, error: Any) -> ScmError:
        hints = {
            _DENIED: "; run it as an administrator",
            _MARKED: "; close the list of services and try again",
        }
        code = int(error.winerror)
        return ScmError(f"Windows would not {wanted}: {error.strerror} ({code}){hints.get(code, '')}")

    def _set_more(service: Any, plan: ServicePlan) -> list[str]:
        """What CreateService has no place for; each by itself, because older Windows lack some."""
        restart = win32service.SC_ACTION_RESTART
        actions = [(restart, delay_ms) for delay_ms in plan.restarts_ms]
        failure = {"ResetPeriod": plan.reset_s, "RebootMsg": "", "Command": "", "Actions": actions}
        steps: list[tuple[str, int, Any]] = [
            ("its description", win32service.SERVICE_CONFIG_DESCRIPTION, plan.words),
            ("the delayed start", win32service.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, True),
            ("what to do when it fails", win32service.SERVICE_CONFIG_FAILURE_ACTIONS, failure),
            ("that an end with an error is a failure", win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True),
            (
                "its own identity",
                win32service.SERVICE_CONFIG_SERVICE_SID_INFO,
                win32service.SERVICE_SID_TYPE_UNRESTRICTED,
            ),
        ]
        if plan.preshutdown_ms:
            steps.append(
                ("the notice of a shutdown", win32service.SERVICE_CONFIG_PRESHUTDOWN_INFO, plan.preshutdown_ms)
            )
        said = []
        for what, level, value in steps:
            try:
                win32service.ChangeServiceConfig2(service, level, value)
            except pywintypes.error as error:
                said.append(f"Windows would not set {what} of the service {plan.name}: {error.strerror}")
        if plan.rights:
            try:
                wanted = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
                    plan.rights, win32security.SDDL_REVISION_1
                )
                what = win32security.DACL_SECURITY_INFORMATION
                win32service.SetServiceObjectSecurity(service, what, wanted)
            except pywintypes.error as error:
                said.append(f"Windows would not set who may start the service {plan.name}: {error.strerror}")
        return said


def own_scm() -> Scm:
    """That of this machine.

    Raises:
        ScmError: this is no Windows.
    """
    if sys.platform == "win32":
        return WindowsScm()
    raise ScmError("services of this kind are Windows' own; here it is `systemctl start|stop|status tillpoint`")
