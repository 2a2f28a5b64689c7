"""What can be read from Oracle Fusion, by the model of the records."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.oracle_fusion.accounts import AccountCombinations
from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.credit import CreditProfiles
from connectors.oracle_fusion.documents import Documents
from connectors.oracle_fusion.finance import JournalBatches, PayablesInvoices, PurchaseOrders, ReceivablesInvoices
from connectors.oracle_fusion.holds import InvoiceHolds
from connectors.oracle_fusion.parties import CrmAccounts, CrmContacts, HubOrganizations, HubPersons
from connectors.oracle_fusion.suppliers import Suppliers
from connectors.oracle_fusion.totals import Receivables, SupplierOrders

Windowed = HubOrganizations | HubPersons | CrmAccounts | CrmContacts | Documents
Full = Receivables | SupplierOrders | Suppliers | AccountCombinations
Stream = Windowed | Full | CreditProfiles


def organizations(client: OracleFusion) -> HubOrganizations | CrmAccounts:
    """Customers, from where this tenant keeps them."""
    return HubOrganizations(client) if client.settings.customer_source == "hub" else CrmAccounts(client)


def persons(client: OracleFusion) -> HubPersons | CrmContacts:
    """Contacts, from where this tenant keeps them."""
    return HubPersons(client) if client.settings.customer_source == "hub" else CrmContacts(client)


STREAMS: Mapping[str, Callable[[OracleFusion], Stream]] = {
    "HubOrganization": organizations,
    "HubPerson": persons,
    "ReceivablesBalance": Receivables,
    "CreditProfile": CreditProfiles,
    "SupplierOrders": SupplierOrders,
    "PayablesInvoice": PayablesInvoices,
    "InvoiceHold": InvoiceHolds,
    "PurchaseOrder": PurchaseOrders,
    "JournalBatch": JournalBatches,
    "ReceivablesInvoice": ReceivablesInvoices,
    "Supplier": Suppliers,
    "AccountCombination": AccountCombinations,
}
