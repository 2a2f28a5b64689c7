"""QAD, as the rest of the house knows it. It has no destinations: nothing is ever written there."""

from __future__ import annotations

from connectors.qad.client import Qad
from connectors.qad.discovery import discover
from connectors.qad.errors import explain, status
from connectors.qad.models import CustomerInvoices, CustomerOrders
from connectors.qad.ping import ping
from connectors.qad.settings import HOSTS, MODELS, REQUEST_ID_HEADERS, SYSTEM, QadSettings
from connectors.qad.streams import STREAMS
from connectors.qad.totals import SUMS
from ml_connector.core.system import System

QAD = System(
    name=SYSTEM,
    settings=QadSettings,
    hosts=HOSTS,
    request_id_headers=REQUEST_ID_HEADERS,
    explain=explain,
    status=status,
    client=Qad,
    ping=ping,
    discover=discover,
    models={
        **{model.__name__: model for model in MODELS.values()},
        "CustomerOrders": CustomerOrders,
        "CustomerInvoices": CustomerInvoices,
    },
    sources={**STREAMS, **SUMS},
)
