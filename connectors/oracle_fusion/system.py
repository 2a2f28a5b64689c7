"""Oracle Fusion, as the rest of the house knows it."""

from __future__ import annotations

from collections.abc import Collection

from connectors.oracle_fusion import (
    account_models,
    journal_models,
    journal_payload,
    models,
    order_models,
    payables_models,
    payloads,
    receivables_models,
    supplier_models,
)
from connectors.oracle_fusion.attachments import Attachments
from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.contact_check import ContactChecks
from connectors.oracle_fusion.customer_fields import CustomerAttributes, require_attributes
from connectors.oracle_fusion.errors import explain
from connectors.oracle_fusion.journals import Journals
from connectors.oracle_fusion.notes import Notes
from connectors.oracle_fusion.ping import ping
from connectors.oracle_fusion.settings import HOSTS, REQUEST_ID_HEADERS, SYSTEM, OracleSettings
from connectors.oracle_fusion.streams import STREAMS
from ml_connector.core.system import Health, System


async def _ping(client: OracleFusion, models: Collection[str]) -> Health:
    findings = await ping(client, models)
    return Health(client.account if findings[0].ok else None, findings)


ORACLE_FUSION = System(
    name=SYSTEM,
    settings=OracleSettings,
    hosts=HOSTS,
    request_id_headers=REQUEST_ID_HEADERS,
    explain=explain,
    client=OracleFusion,
    ping=_ping,
    models={
        model.__name__: model
        for model in (
            models.HubOrganization,
            models.HubPerson,
            models.ReceivablesBalance,
            models.CreditProfile,
            models.SupplierOrders,
            payables_models.PayablesInvoice,
            payables_models.InvoiceHold,
            order_models.PurchaseOrder,
            journal_models.JournalBatch,
            receivables_models.ReceivablesInvoice,
            supplier_models.Supplier,
            account_models.AccountCombination,
            payloads.CustomerNote,
            payloads.CustomerAttachment,
            payloads.CustomerFields,
            payloads.ContactCheck,
            journal_payload.Journal,
        )
    },
    sources=STREAMS,
    destinations={
        "CustomerNote": lambda client, _: Notes(client),
        "CustomerAttachment": lambda client, _: Attachments(client),
        "CustomerFields": lambda client, _: CustomerAttributes(client),
        "ContactCheck": lambda client, _: ContactChecks(client),
        "Journal": lambda client, _: Journals(client),
    },
    ensure_fields=require_attributes,
    try_timeout=150.0,  # queries of two minutes are seen
)
