"""1С-Битрикс: orders of a web shop, so that what is bought on line and at the till is one account."""

from drivers.tills.contract import TillSystem
from drivers.tills.web_orders import KEEP_S, SUPPORT

from .door import BitrixDoor
from .settings import BitrixSettings
from .twin import BitrixTwin

__all__ = ["BitrixSettings", "system"]

system = TillSystem(
    name="bitrix",
    title="1С-Битрикс",
    settings_type=BitrixSettings,
    door=BitrixDoor,
    at_centre=True,
    twin=BitrixTwin,
    keep_s=KEEP_S,
    support=SUPPORT,
)
