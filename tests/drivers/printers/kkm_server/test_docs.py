"""The documents of this room name what the code has, and nothing else."""

import re
from pathlib import Path

from drivers.printers.kkm_server import simulator
from drivers.printers.kkm_server.settings import KkmServerSettings
from drivers.printers.kkm_server.simulator import Rudeness

ROOM = Path(simulator.__file__).parent


def test_the_readme_lists_settings_rudeness_and_files():
    text = (ROOM / "README.md").read_text("utf-8")
    rude = text.split("## The twin", 1)[1].split("\n## ", 1)[0]

    assert [one.value for one in Rudeness] == re.findall(r"^\| `([^`]+)`", rude, re.MULTILINE)
    for path in ROOM.glob("*.py"):
        if path.name not in ("__init__.py", "driver.py", "settings.py"):
            assert f"`{path.name}`" in text, path.name
    for name in KkmServerSettings.__struct_fields__:
        assert f"`{name}`" in text, name
