"""The streams of Oracle Fusion, by the names that tenant files and flows use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.credit import CreditProfiles
from connectors.oracle_fusion.parties import CrmAccounts, CrmContacts, HubOrganizations, HubPersons
from connectors.oracle_fusion.totals import Receivables, SupplierOrders
from ml_connector.core.records import Source

__all__ = [
    "STREAMS",
    "CreditProfiles",
    "CrmAccounts",
    "CrmContacts",
    "HubOrganizations",
    "HubPersons",
    "Receivables",
    "SupplierOrders",
    "organizations",
    "persons",
]


def organizations(client: OracleFusion) -> Source:
    """Customers, from where this tenant keeps them."""
    return HubOrganizations(client) if client.settings.customer_source == "hub" else CrmAccounts(client)


def persons(client: OracleFusion) -> Source:
    """Contacts, from where this tenant keeps them."""
    return HubPersons(client) if client.settings.customer_source == "hub" else CrmContacts(client)


STREAMS: Mapping[str, Callable[[OracleFusion], Source]] = {
    "organizations": organizations,
    "persons": persons,
    "receivables": Receivables,
    "credit_profiles": CreditProfiles,
    "supplier_orders": SupplierOrders,
}
