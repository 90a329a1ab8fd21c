"""1С:Предприятие: receipts of any configuration by a proxy driver or an HTTP service, prices by an extension."""

from drivers.tills.contract import Support, TillSystem
from drivers.tills.ledgers import Ledgers

from .door import OnecDoor
from .service import open_service, refusal
from .settings import OnecSettings
from .twin import OnecTwin

__all__ = ["OnecSettings", "system"]

system = TillSystem(
    name="onec",
    title="1С:Предприятие",
    settings_type=OnecSettings,
    door=OnecDoor,
    twin=OnecTwin,
    refusal=refusal,
    ledger=Ledgers(
        open=open_service,
        is_set=lambda own: bool(own.service.url),
        poll_s=lambda own: own.service.poll_s,
        read_from=lambda own: own.service.read_from,
    ),
    support=Support(
        identify="yes: panel or extension; the phone a receipt is sent to; cards in the HTTP service",
        quote="partly: with the extension; a package alone comes too late",
        redeem="no: a package comes too late; the extension spends over the local API",
        offline="yes: everything the agent does, on the till itself; 1C keeps its receipts until they are asked for",
        refund="yes: base (in the HTTP service: sale) names the sale, in parts",
        slip="yes: answered as a text document for PrintTextDocument",
        coupon="partly: with the extension",
        certificate="partly: with the extension",
        verified="packages of both generations of the driver standard; our own HTTP service; never run in 1C",
    ),
)
