"""Workday, as the rest of the house knows it. It has no destinations: nothing is ever written there."""

from __future__ import annotations

from connectors.workday import models
from connectors.workday.client import Workday
from connectors.workday.errors import explain, status
from connectors.workday.invoices import SupplierInvoices
from connectors.workday.ping import ping
from connectors.workday.settings import HOSTS, REQUEST_ID_HEADERS, SYSTEM, WorkdaySettings
from connectors.workday.streams import STREAMS
from connectors.workday.sums import SUMS
from ml_connector.core.system import System

WORKDAY = System(
    name=SYSTEM,
    settings=WorkdaySettings,
    hosts=HOSTS,
    request_id_headers=REQUEST_ID_HEADERS,
    explain=explain,
    status=status,
    client=Workday,
    ping=lambda client, _models: ping(client),
    models={
        model.__name__: model
        for model in (
            models.Supplier,
            models.SupplierInvoice,
            models.PurchaseOrder,
            models.Payment,
            models.PaidInvoice,
            models.SupplierInvoices,
            models.SupplierOrders,
            models.SupplierPayments,
        )
    },
    sources={**STREAMS, **SUMS, "SupplierInvoice": SupplierInvoices},
)
