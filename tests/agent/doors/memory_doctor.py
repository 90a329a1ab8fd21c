"""A doctor in memory: finds what it is told to find, at once or when the test lets it end."""

from __future__ import annotations

import threading

from agent.doctor.report import Finding, Report, failed, fine, skipped, warning

__all__ = ["FOUND", "MemoryDoctor"]

PATIENCE_S = 10.0
#: A till whose scanner was pulled out, without a line, with little room on its disk.
FOUND: tuple[Finding, ...] = (
    fine("settings", "the settings that the agent was started with"),
    warning("disk", "disk_full", "311 MiB are free at /var/lib/tillpoint"),
    fine("agent", "running; it was asked how its devices are"),
    fine("device slips", "the agent has it open"),
    failed("device scanner", "device_unplugged", "cannot open serial:/dev/serial/by-id/usb-Symbol: there is no such port"),
    fine("enrolment", "till 2 of shop 17, centre https://centre.example"),
    failed("dns", "dns", "centre.example is not found: temporary failure in name resolution"),
    *(skipped(hop, "not tried: dns failed") for hop in ("tcp", "tls", "clock", "centre", "token")),
    fine("database", "/var/lib/tillpoint/till.db"),
    fine("queue", "3 envelope(s) wait for the centre, the oldest since 12 min"),
    fine("replica", "the last news of the centre was stored 14 min ago"),
)  # fmt: skip


class MemoryDoctor:
    """Keeps the `agent.doors.examining.Doctor` protocol; `asked` is the threads on which it was asked."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings or FOUND
        self.asked: list[str] = []
        self.may_end = threading.Event()
        self.may_end.set()
        self.began = threading.Event()

    def examine(self) -> Report:
        self.asked.append(threading.current_thread().name)
        self.began.set()
        assert self.may_end.wait(PATIENCE_S)
        return Report(agent="running", findings=self.findings)

    def bundle(self) -> bytes:
        self.examine()
        return b"PK\x03\x04"
