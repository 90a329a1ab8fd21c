"""The conversation with a printer of our own: asks how it is, reads what it answers, renders slips; no I/O."""

from __future__ import annotations

from typing import Any, Final

from drivers.contract import Driver, SlipTrouble
from drivers.vocabulary.slips import Slip

from . import sheet
from .commands import BY_NAME
from .papers import Paper, paper_named
from .settings import EscposSlipSettings
from .sheet import letters_lost, render_slip
from .slip_simulator import SlipTwin
from .status import StatusReader, Trouble

#: DLE EOT 1..4: off line, why off line, error, paper. Answered at once, also by a printer that has stopped.
_REQUESTS: Final = (1, 2, 3, 4)
_PASSING: Final = frozenset({Trouble.PAPER_NEAR_END.value})


class EscposSlipConversation:
    """See `drivers.contract.SlipConversation`."""

    def __init__(self, settings: EscposSlipSettings, paper: Paper) -> None:
        self._settings = settings
        self._paper = paper
        self._status = StatusReader()
        self._wanted = 0

    @property
    def columns(self) -> int:
        """As the contract says."""
        return self._paper.columns

    def ask(self) -> bytes:
        """As the contract says."""
        if not self._settings.asks:
            return b""
        request = BY_NAME["status_now"].code
        for number in _REQUESTS:
            self._status.asked(request, number)
        self._wanted = len(_REQUESTS)
        return b"".join(request + bytes([number]) for number in _REQUESTS)

    def feed(self, data: bytes, now_s: float) -> None:  # noqa: ARG002 - the shape of every conversation
        """As the contract says."""
        self._status.answered(data)
        self._wanted = max(0, self._wanted - len(data))

    @property
    def is_told(self) -> bool:
        """As the contract says."""
        return self._wanted == 0

    @property
    def trouble(self) -> SlipTrouble | None:
        """As the contract says."""
        condition = self._status.condition
        if not condition.code:
            return None
        return SlipTrouble(code=condition.code, sentence=condition.sentence, stops=condition.code not in _PASSING)

    def render(self, slip: Slip) -> bytes:
        """As the contract says."""
        return render_slip(slip, self._paper, self._settings)

    def lacks(self, text: str) -> str:
        """As the contract says; a line is printed in one code page, or drawn whole."""
        return letters_lost(text, self._paper, self._settings)


def conversation(settings: Any, *, device: str) -> EscposSlipConversation:  # noqa: ARG001 - the shape of every driver
    """Build the conversation; raises SettingsError when the profile does not exist."""
    chosen: EscposSlipSettings = settings or EscposSlipSettings()
    paper = paper_named(chosen.profile, columns=chosen.columns, dots=chosen.dots)
    return EscposSlipConversation(chosen, paper)


slip_driver = Driver(
    name="escpos_slip",
    title="ESC/POS printer of our own, for slips (USB, serial, network, spooler)",
    shape="slips",
    settings_type=EscposSlipSettings,
    conversation=conversation,
    twin=SlipTwin,
    warm_up=sheet.warm_up,
)
