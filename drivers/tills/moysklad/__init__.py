"""МойСклад: its till app asks the central server, and its closed sales are read from its JSON API."""

from drivers.tills.contract import Support, TillSystem

from .demands import DemandReader
from .door import MoySkladDoor
from .settings import MoySkladSettings
from .twin import MoySkladTwin

__all__ = ["MoySkladSettings", "system"]

system = TillSystem(
    name="moysklad",
    title="МойСклад",
    settings_type=MoySkladSettings,
    door=MoySkladDoor,
    at_centre=True,
    twin=MoySkladTwin,
    reader=DemandReader,
    support=Support(
        identify="yes: phone, card; search in the programme, detail, registration with an SMS code",
        quote="yes: recalc, a line split in two where no price divides it",
        redeem="yes: SPENDING, kept at the centre until the sale; only points that are a discount",
        offline="no: its cloud asks the central server; what was sold meanwhile is read back and earns",
        refund="yes: by the demand the return names, by its total",
        slip="yes: receiptExtraInfo",
        coupon="no: not in the protocol",
        certificate="yes: giftcard, paid with the sale",
        verified="the official documentation and its examples; two public clients of the JSON API; no account yet",
    ),
)
