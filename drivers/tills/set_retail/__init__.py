"""Set Retail 10 of Crystal Service: purchases in files of the shop's server, and its catalogue of cards."""

from drivers.tills.contract import Support, TillSystem
from drivers.tills.set_retail.door import SetRetailDoor
from drivers.tills.set_retail.load import loads
from drivers.tills.set_retail.report import reports
from drivers.tills.set_retail.report_twin import PurchasesTwin
from drivers.tills.set_retail.settings import SetRetailSettings
from drivers.tills.set_retail.twin import SetRetailTwin

__all__ = ["system"]

system = TillSystem(
    name="set_retail",
    title="Set Retail 10",
    settings_type=SetRetailSettings,
    support=Support(
        identify="yes: card, phone, by the plug-in; by files after the sale, by the discount card on the purchase",
        quote="yes: the plug-in's discounts for each position; by files the tier's percent, from the cards catalogue",
        redeem="yes: the plug-in's write-off and rollback; by files no, the server asks nobody",
        offline="yes: all within the agent; the till keeps what it could not tell (feedback)",
        refund="yes: the plug-in names the sale; by files the centre settles it",
        slip="yes: lines to print after the receipt; by files no",
        coupon="partly: the plug-in passes them on",
        certificate="no: seen as a payment only",
        verified="public importers, exporters and plug-ins; no server and no till of the field yet",
    ),
    door=SetRetailDoor,
    twin=SetRetailTwin,
    reports=reports,
    report_twin=PurchasesTwin,
    loads=loads,
)
