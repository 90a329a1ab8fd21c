"""1С:Предприятие: receipts of any configuration through a proxy driver; prices through an extension that asks."""

from drivers.tills.contract import Support, TillSystem

from .door import OnecDoor
from .settings import OnecSettings
from .twin import OnecTwin

__all__ = ["OnecSettings", "system"]

system = TillSystem(
    name="onec",
    title="1С:Предприятие",
    settings_type=OnecSettings,
    door=OnecDoor,
    twin=OnecTwin,
    support=Support(
        identify="yes: panel or extension; the phone a receipt is sent to",
        quote="partly: with the extension; a package alone comes too late",
        redeem="no: a package comes too late; the extension spends over the local API",
        offline="yes: everything the agent does, on the till itself",
        refund="yes: base names the sale, in parts",
        slip="yes: answered as a text document for PrintTextDocument",
        coupon="partly: with the extension",
        certificate="partly: with the extension",
        verified="the driver standard's packages of both generations; the extension was never run in 1C",
    ),
)
