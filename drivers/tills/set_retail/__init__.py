"""Set Retail 10 of Crystal Service: its tills' plug-in, its server's purchases by SOAP and in files, cards for it."""

from drivers.tills.contract import Support, TillSystem
from drivers.tills.set_retail.door import SetRetailDoor
from drivers.tills.set_retail.load import loads
from drivers.tills.set_retail.report import reports
from drivers.tills.set_retail.report_twin import PurchasesTwin
from drivers.tills.set_retail.settings import SetRetailSettings
from drivers.tills.set_retail.soap_twin import PurchasesPusher
from drivers.tills.set_retail.twin import SetRetailTwin

__all__ = ["system"]

system = TillSystem(
    name="set_retail",
    title="Set Retail 10",
    settings_type=SetRetailSettings,
    support=Support(
        identify="yes: card, phone, by the plug-in; by files and SOAP the discount card, after the sale",
        quote="yes: the plug-in's discounts for each position; by files the tier's percent, from the cards catalogue",
        redeem="yes: the plug-in's write-off and rollback; by files and SOAP no, the server asks nobody",
        offline="yes: all within the agent; the till keeps what it could not tell (feedback), the server its packages",
        refund="yes: the plug-in names the sale; by files and SOAP none is named, and the centre keeps it for a person",
        slip="yes: lines to print after the receipt; by files and SOAP no",
        coupon="partly: the plug-in passes them on",
        certificate="no: seen as a payment only",
        verified="public pages, importers, exporters and plug-ins, a public SOAP client; no server, no till yet",
    ),
    door=SetRetailDoor,
    twin=SetRetailTwin,
    reports=reports,
    report_twin=PurchasesTwin,
    push_twin=PurchasesPusher,
    loads=loads,
)
