"""The registry row of the Shtrih-M family: its settings and how a conversation and a twin are built from them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from drivers.contract import Driver
from drivers.polled import Polling
from drivers.vocabulary.inside import InsidePolicy

from .basket import Basket
from .inline import ShtrihConversation
from .inside import InsideReceipt
from .models import model_named
from .polled import PolledRegister, columns_of, refusal
from .settings import ShtrihSettings
from .simulator import VirtualRegister
from .standing import Standing


def conversation(
    settings: Any,
    *,
    device: str,
    new_uid: Callable[[], str] | None = None,
) -> ShtrihConversation:
    """Build the conversation.

    Args:
        settings: ShtrihSettings; None is the default.
        device: the register's name in the settings file.
        new_uid: names a receipt whose fiscal number does not pass by; random names by default.

    Raises:
        SettingsError: no such model.
    """
    chosen: ShtrihSettings = settings or ShtrihSettings()
    model = model_named(chosen.model)
    basket = Basket(currency=chosen.currency, columns=model.columns, new_uid=new_uid or random_uid)
    policy = InsidePolicy(chosen.discount)
    inside = None
    if policy is not InsidePolicy.OFF:
        inside = InsideReceipt(
            basket,
            policy=policy,
            standing=_standing(chosen, device),
            sells_anew=chosen.sell_anew,
        )
    return ShtrihConversation(basket, protocol=0 if chosen.protocol == "auto" else int(chosen.protocol), inside=inside)


# A till whose connection was cut comes back to the same register.
@lru_cache(maxsize=32)
def _standing(settings: ShtrihSettings, device: str) -> Standing:  # noqa: ARG001 - one for each device
    return Standing()


def random_uid() -> str:
    """A name that never repeats, for a receipt that does not name itself."""
    return "s-" + secrets.token_hex(12)


driver = Driver(
    name="shtrih",
    title="Shtrih-M fiscal registers",
    shape="inline",
    settings_type=ShtrihSettings,
    conversation=conversation,
    twin=VirtualRegister,
    polling=Polling(device=PolledRegister, refusal=refusal, columns=columns_of),
)
