"""`tillpoint check` refuses a register on its low level in line, names the setting and says what to write."""

from __future__ import annotations

import json

import pytest

from agent.cli import main

CONFIG = """
[till]
state_folder = {folder}
[[devices]]
name = "register"
driver = "atol"
{addresses}
[devices.settings]
interface = "{interface}"
"""
IN_LINE = 'host = "tcp-listen://127.0.0.1:16732"\ndevice = "tcp://127.0.0.1:16733"'
PULLED = 'way = "pull"\ndevice = "tcp://127.0.0.1:16733"'


@pytest.fixture
def check(tmp_path, capsys):
    """The exit code of the command, and what it says."""

    def run(addresses, interface):
        path = tmp_path / "config.toml"
        path.write_text(
            CONFIG.format(folder=json.dumps(str(tmp_path)), addresses=addresses, interface=interface), "utf-8"
        )
        code = main(["check", "--config", str(path)])
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize("interface", ["2", "3"])
def test_the_low_level_does_not_stand_in_line(check, interface):
    code, told = check(IN_LINE, interface)

    assert code == 1
    assert "register" in told
    assert f'settings.interface = "{interface}"' in told
    assert 'interface = "web"' in told
    assert 'way = "pull"' in told


@pytest.mark.parametrize(("addresses", "interface"), [(IN_LINE, "web"), (PULLED, "2"), (PULLED, "3")])
def test_what_can_be_done_is_not_refused(check, addresses, interface):
    code, told = check(addresses, interface)

    assert (code, "ok" in told) == (0, True), told
