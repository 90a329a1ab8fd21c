"""What the cashier's own session needs of the agent, in a file that the cashier's account may read; no more than that.

The state folder is the service's alone. But whoever sits at the till may use its panel: so the agent lays its port and
the panel's key where that account can read them, and neither the POS's token nor anything about customers. The PINs of
supervisor and store IT hold there as everywhere.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Final

from msgspec import Struct

from agent.clock import SystemClock
from agent.doors.keys import DoorSecrets
from agent.doors.words import load_words
from agent.program_data import program_data
from agent.settings import PanelSettings
from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError
from offline_queue.files import replace_durably

__all__ = ["FILE_NAME", "Access", "access_of", "panel_folder", "read", "remove", "write"]

log = logging.getLogger(__name__)

FILE_NAME: Final = "panel.json"
LINUX_FOLDER: Final = Path("/run/tillpoint")  # RuntimeDirectory=tillpoint of our unit, group tillpoint


class Access(Struct, frozen=True, kw_only=True):
    """What is in the file.

    Attributes:
        port: where the agent answers.
        panel_key: signs tickets into the panel and the customer's screen.
        hot_key: as ``[panel]`` has it; browser, window, kiosk and customer_screen likewise.
        customer_title: how the title of the customer's page begins.
        version: of the agent that runs.
    """

    port: int
    panel_key: str
    hot_key: str = "F12"
    browser: str = ""
    window: str = ""
    kiosk: bool = False
    customer_screen: bool = False
    customer_title: str = ""
    version: str = ""

    def secrets(self) -> DoorSecrets:
        """What makes tickets; it knows no token of the POS's."""
        return DoorSecrets(api_token=os.urandom(32).hex(), panel_key=self.panel_key.encode(), clock=SystemClock())


def panel_folder() -> Path | None:
    """Where a service lays it; None for an agent that is none, whose cashier reads the state folder itself."""
    if sys.platform == "win32":
        folder = program_data() / "Tillpoint" / "panel"
        return folder if folder.is_dir() else None  # the installer makes it, with its access list
    told = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(told) if told else None


def access_of(panel: PanelSettings, secrets: DoorSecrets, port: int, *, version: str = "") -> Access:
    """From what the agent has."""
    return Access(
        port=port,
        panel_key=secrets.panel_key.decode(),
        hot_key=panel.hot_key,
        browser=panel.browser,
        window=panel.window,
        kiosk=panel.kiosk,
        customer_screen=panel.customer_screen,
        customer_title=load_words(panel.language)["cd_title"],
        version=version,
    )


def write(folder: Path | None, access: Access) -> None:
    """Lay it, whole or not at all; where it cannot be, the panel is opened by hand and the log says why."""
    if folder is None:
        return
    beside = folder / f"{FILE_NAME}.new"
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        with os.fdopen(handle, "wb") as file:
            if sys.platform != "win32":
                os.fchmod(handle, 0o640)  # the service's umask takes the group's right away
            file.write(codec.encode(access) + b"\n")
        replace_durably(beside, folder / FILE_NAME)
    except OSError as error:
        log.warning("panel.access folder=%s reason=%s", folder, error.strerror or error)


def remove(folder: Path | None) -> None:
    """The agent ends."""
    if folder is None:
        return
    try:
        (folder / FILE_NAME).unlink(missing_ok=True)
    except OSError as error:
        log.warning("panel.access folder=%s reason=%s", folder, error.strerror or error)


def read(folder: Path | None = None) -> Access:
    """As the cashier's session finds it.

    Raises:
        TillpointError: no agent runs, or this account may not read it.
    """
    if folder is None:
        folder = (panel_folder() if sys.platform == "win32" else None) or LINUX_FOLDER
    path = folder / FILE_NAME
    try:
        return codec.decode(path.read_bytes(), Access)
    except FileNotFoundError:
        raise TillpointError(f"no agent runs here (no {path}); start its service") from None
    except PermissionError:
        raise TillpointError(
            f"this account may not read {path}; add it to the group: usermod -aG tillpoint NAME, and log in again"
        ) from None
    except (OSError, codec.WireError, json.JSONDecodeError) as error:
        raise TillpointError(f"cannot read {path}: {error}") from None
