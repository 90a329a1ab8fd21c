"""WooCommerce: orders of a web shop, so that what is bought on line and at the till is one account."""

from drivers.tills.contract import TillSystem
from drivers.tills.web_orders import KEEP_S, SUPPORT

from .door import WooDoor
from .settings import WooSettings
from .twin import WooTwin

__all__ = ["WooSettings", "system"]

system = TillSystem(
    name="woocommerce",
    title="WooCommerce",
    settings_type=WooSettings,
    door=WooDoor,
    at_centre=True,
    twin=WooTwin,
    keep_s=KEEP_S,
    support=SUPPORT,
)
