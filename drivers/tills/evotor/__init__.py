"""Эвотор: its cloud tells the central server of receipts, and is asked for what it did not tell."""

from drivers.tills.contract import Support, TillSystem

from .app_twin import EvotorAppTwin
from .documents import DocumentReader
from .door import EvotorDoor
from .settings import EvotorSettings
from .twin import EvotorTwin

__all__ = ["EvotorSettings", "system"]

system = TillSystem(
    name="evotor",
    title="Эвотор",
    settings_type=EvotorSettings,
    door=EvotorDoor,
    at_centre=True,
    twin=EvotorTwin,
    app_twin=EvotorAppTwin,
    reader=DocumentReader,
    support=Support(
        identify="partly: the phone on the document, or what our app on the terminal writes",
        quote="partly: by an app on the terminal that asks the agent's local API",
        redeem="partly: by that app",
        offline="yes: terminals tell their cloud later, and it tells us; the app's agent needs no line",
        refund="yes: by the base the document or the app names",
        slip="partly: by that app",
        coupon="partly: a couponNumber of the document is kept",
        certificate="no: not in the webhook",
        verified="public schema and shape of the webhook, a twin of the app; no terminal, no account yet",
    ),
)
