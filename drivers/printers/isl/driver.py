"""The registry row of the ISL family: how a conversation and a twin are built from the settings."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Any

from drivers.contract import Driver
from drivers.polled import Polling
from drivers.vocabulary.inside import InsidePolicy

from .inside import InsideReceipt
from .models import model_named
from .polled import PolledPrinter, columns_of, refusal
from .proxy import IslConversation
from .receipts import Desk
from .settings import IslSettings
from .simulator import IslTwin


def conversation(settings: Any, *, device: str) -> IslConversation:
    """Build the conversation for one connection; raises SettingsError when there is no such model."""
    chosen: IslSettings = settings or IslSettings()
    model, desk, policy = model_named(chosen.model), _desk(chosen, device), InsidePolicy(chosen.discount)
    inside = None
    if policy is not InsidePolicy.OFF:
        inside = InsideReceipt(desk, model=model, policy=policy, currency=chosen.currency)
    return IslConversation(model=model, desk=desk, inside=inside)


# A till whose connection was cut comes back to the same open receipt: the desk outlives the connection.
@lru_cache(maxsize=32)
def _desk(settings: IslSettings, device: str) -> Desk:
    return Desk(model=model_named(settings.model), device=device, currency=settings.currency, new_uid=random_uid)


def random_uid() -> str:
    """A name that never repeats, for a receipt that does not name itself."""
    return "i-" + secrets.token_hex(12)


driver = Driver(
    name="isl",
    title="Fiscal printers that speak ISL (Datecs P, C, X, Daisy, Eltrade, Incotex)",
    shape="inline",
    settings_type=IslSettings,
    conversation=conversation,
    twin=IslTwin,
    polling=Polling(device=PolledPrinter, refusal=refusal, columns=columns_of),
)
