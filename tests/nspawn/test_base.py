"""The stories are whole, every step that is asked for is there and the other way round; where their Debian comes from."""

from __future__ import annotations

import pytest

from tests.machine import inside_installed
from tests.machine.installed import INSTALLED_STEPS
from tests.nspawn import inside, inside_updates, test_updates
from tests.nspawn.base import own_archive
from tests.nspawn.test_deb import STEPS


def _steps(story):
    return [name for name in vars(story) if not name.startswith("_") and name not in {"order", "old", "new", "pid"}]


def test_every_step_is_played():
    """In the order in which they are written."""
    assert list(STEPS) == _steps(inside.Story)
    assert list(test_updates.STEPS) == _steps(inside_updates.Story)
    assert list(INSTALLED_STEPS) == _steps(inside_installed.Story)


DEB822 = """Types: deb deb-src
# an older one
URIs: {uri}
Suites: {suite}
  {suite}-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: {uri}-security
Suites: {suite}-security
Components: main
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sources.list", "deb http://a.invalid/debian bookworm main contrib # ours\n", "http://a.invalid/debian"),
        ("sources.list", "deb [arch=amd64 trusted=yes] file:/mirror/debian trixie main\n", "file:/mirror/debian"),
        ("sources.list", "# deb http://a.invalid/debian bookworm main\ndeb-src http://b.invalid/d bookworm main\n", ""),
        ("sources.list", "deb http://a.invalid/security bookworm-security main\n", ""),
        ("sources.list", "deb http://a.invalid/other noble main\ndeb cdrom:[x]/ bookworm main\n", ""),
        ("sources.list.d/debian.sources", DEB822.format(uri="https://a.invalid/debian", suite="stable"),
         "https://a.invalid/debian"),
        ("sources.list.d/debian.sources", f"Enabled: no\n{DEB822.format(uri='http://a.invalid/d', suite='sid')}", ""),
        ("sources.list.d/debian.sources", DEB822.format(uri="mirror+file:/x http://b.invalid/d", suite="bookworm"),
         "http://b.invalid/d"),
        ("sources.list.d/debian.sources.bak", DEB822.format(uri="http://a.invalid/debian", suite="bookworm"), ""),
    ],
)  # fmt: skip
def test_debian_comes_from_where_apt_takes_it(tmp_path, name, text, expected):
    """Both forms of apt's lists; comments, sources, other suites and other systems' archives do not count."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/other.list").write_text("deb https://c.invalid/apt tools-bookworm main\n")
    (tmp_path / name).write_text(text)

    assert expected == own_archive(tmp_path)
