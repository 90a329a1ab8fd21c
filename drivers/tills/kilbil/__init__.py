"""A POS with a kilbil connection works against the agent, also without a line."""

from drivers.tills.contract import Support, TillSystem

from .door import KilbilDoor
from .settings import KilbilSettings
from .twin import KilbilTwin

__all__ = ["KilbilSettings", "system"]

system = TillSystem(
    name="kilbil",
    title="kilbil API",
    settings_type=KilbilSettings,
    door=KilbilDoor,
    twin=KilbilTwin,
    support=Support(
        identify="yes: phone, card, client id",
        quote="yes: searchclient with goods",
        redeem="yes: bonus_out",
        offline="yes: everything, spending within what is in the till's hand",
        refund="partly: to the points of the sale when the POS sends bill_data_in back, else settled by the centre",
        slip="partly: as result_text",
        coupon="yes: promo_codes",
        certificate="no: not in the protocol",
        verified="the vendor's public pages, a public client's requests; no POS of the field yet",
    ),
)
