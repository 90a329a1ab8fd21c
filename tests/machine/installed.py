"""An emulated machine that boots a small Debian with our package in it: its own service, its own user, real USB devices."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.machine.boot import CHECKOUT, Machine, emulator
from tests.machine.kernel import INSTALLED_PROGRAM, newest_kernel, pack
from tests.nspawn.base import BASE

__all__ = ["INSTALLED_STEPS", "InstalledMachine"]

#: What is played, in this order; each is a method of `tests.machine.inside_installed.Story`.
INSTALLED_STEPS: Final = (
    "the_package_s_service_runs",
    "plugged_in_later_they_work",
    "a_scan_arrives",
    "a_slip_is_printed",
    "pulled_and_plugged_in_again_they_work",
    "it_was_the_same_process_all_along",
)

SETTINGS: Final = """
[till]
currency = "RUB"
[[devices]]
name = "slips"
driver = "escpos_slip"
device = "usb:04b8:0202?serial=J4AF012345"
slips_of = ["api"]
[[devices]]
name = "hid"
driver = "hid_scanner"
port = "hid:0c2e:0b6a"
pass_on = "pty:/run/tillpoint/hid"
"""

#: The story is a unit beside the service; of all that a Debian starts, what these two need.
UNITS: Final = {
    "story.target": "[Unit]\nRequires=basic.target\nWants=tillpoint.service story.service\nAllowIsolate=yes\n",
    "story.service": """[Unit]
DefaultDependencies=no
After=systemd-udevd.service
[Service]
Environment=PYTHONPATH={app}:/story PYTHONDONTWRITEBYTECODE=1
WorkingDirectory=/story
ExecStart=/usr/bin/python3.11 -m tests.machine.inside_installed
ExecStopPost=/bin/systemctl --force --force poweroff
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
""",
    # An emulated processor starts Python in half a minute.
    "tillpoint.service.d/slow.conf": "[Service]\nTimeoutStartSec=600\nWatchdogSec=300\n",
}
#: They walk folders that lie on the host, or wait for what is not there.
MASKED: Final = ("systemd-tmpfiles-setup.service", "systemd-tmpfiles-setup-dev.service", "systemd-tmpfiles-clean.timer")


class InstalledMachine(Machine):
    """One run, as its mother's; the package is installed into the files before the first boot, as into an image."""

    def __init__(self, folder: Path, package: Path, version: str) -> None:
        super().__init__(folder)
        self._package = package
        self._version = version

    def words(self) -> list[str]:
        """A first program that hands over to systemd, the small Debian below it, and the checkout beside it."""
        kernel = newest_kernel()
        assert kernel is not None
        more = "systemd.unit=story.target systemd.show_status=0 net.ifnames=0"
        words = emulator(*pack(kernel, INSTALLED_PROGRAM, self.folder), host=self.folder / "root", more=more)
        beside = f"local,path={CHECKOUT},mount_tag=checkout,security_model=none,readonly=on,multidevs=remap"
        return [*words, "-virtfs", beside]

    def run(self) -> None:
        """Install, boot, read, end."""
        with self._layer() as root:
            self._install(root)
            super().run()

    def _install(self, root: Path) -> None:
        target = root / "tmp/tillpoint.deb"
        target.write_bytes(self._package.read_bytes())
        words = ["chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "-i", "/tmp/tillpoint.deb"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        target.unlink()
        (root / "story").mkdir()
        (root / "etc/tillpoint/config.toml").write_text(SETTINGS, "utf-8")
        units = root / "etc/systemd/system"
        for name, text in UNITS.items():
            (units / name).parent.mkdir(exist_ok=True)
            app = f"/usr/lib/tillpoint/versions/{self._version}/app"
            (units / name).write_text(text.format(app=app), "utf-8")
        for name in MASKED:
            (units / name).symlink_to("/dev/null")

    @contextlib.contextmanager
    def _layer(self) -> Iterator[Path]:
        """The fetched Debian with a layer over it that takes all changes."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        root = self.folder / "root"
        options = f"lowerdir={BASE},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
        try:
            yield root
        finally:
            subprocess.run(["umount", "--lazy", str(root)], check=False)
