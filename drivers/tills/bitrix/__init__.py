"""1С-Битрикс: orders of a web shop, so that what is bought on line and at the till is one account."""

from drivers.tills.contract import Support, TillSystem

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
    keep_s=86_400,
    support=Support(
        identify="yes: phone of the order, the site's own customer once known",
        quote="yes: POST /quote from the shop's page",
        redeem="yes: as a discount of the order, kept for a day",
        offline="n/a: the shop is on line; deliveries wait on disk and are repeated",
        refund="yes: by amount, also in parts",
        slip="n/a",
        coupon="yes: codes of the programme in the quote",
        certificate="no: not asked for by the shop's page",
        verified="public documentation and a twin; no live shop yet",
    ),
)
