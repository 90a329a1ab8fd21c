"""What a till says of itself: numbers and states, clipped, without a phone or a word of what a well device read."""

from __future__ import annotations

from pathlib import Path

from agent.fleet_report import make_report, own_platform
from agent.service.health import HealthWarning
from agent.snapshot import CustomerView, DeviceView, LinkState, Screen, Snapshot
from drivers.vocabulary import codec
from drivers.vocabulary.fleet import DEVICES_MAX, WARNINGS_MAX, Severity


def snapshot(*devices: DeviceView) -> Snapshot:
    return Snapshot(
        version=1,
        boot_id="b",
        screen=Screen.IDLE,
        shop="s1",
        till="t1",
        link=LinkState.ONLINE,
        offline_since="",
        waiting=0,
        waiting_oldest_at="",
        shelved=3,
        programme_version=7,
        programme_title="",
        currency="RUB",
        devices=devices,
        customer=CustomerView(
            id="anna", name="Anna P.", phone="+7 900 000-00-01", tier="", balances=(), seen_at="", members=1
        ),
        notice="Anna P.",
    )


def test_it_says_what_is_wrong_and_nothing_about_anybody(tmp_path: Path) -> None:
    """A customer stands at the till; a device quotes a number."""
    devices = (
        DeviceView(name="scanner", driver="serial", state="on", detail="read +79000000001"),
        DeviceView(name="printer", driver="escpos", state="failed", detail="refused for +7 900 000-00-01"),
    )
    seen = [HealthWarning(code="disk_full", severity="failed", words="10 MiB are free")]

    report = make_report(version="1.2.0", folder=tmp_path, snapshot=snapshot(*devices), warnings=seen, memory_mb=40)

    assert (3, 7, 40 << 20, own_platform()) == (
        report.shelved,
        report.programme_version,
        report.memory_bytes,
        report.platform,
    )
    assert [("disk_full", Severity.FAILED)] == [(one.code, one.severity) for one in report.warnings]
    assert [("scanner", True, ""), ("printer", False, "refused for +7900***01")] == [
        (one.name, one.is_well, one.words) for one in report.devices
    ]
    told = codec.encode(report)
    assert not [word for word in (b"Anna", b"anna", b"0000001", b"000-00-01") if word in told]
    assert report.disk_free_bytes is not None


def test_whatever_a_till_has_the_centre_can_read_it(tmp_path: Path) -> None:
    """Hundreds of devices with long words, a folder that is gone."""
    devices = tuple(DeviceView(name="d" * 200, driver="x" * 99, state="s" * 99, detail="w" * 999) for _ in range(99))
    seen = [HealthWarning(code="clock", severity="warning", words="w" * 999)] * 99

    report = make_report(
        version="v" * 99, folder=tmp_path / "gone", snapshot=snapshot(*devices), warnings=seen, memory_mb=0
    )

    assert (DEVICES_MAX, WARNINGS_MAX, None) == (len(report.devices), len(report.warnings), report.disk_free_bytes)
    assert report == codec.decode(codec.encode(report), type(report))
