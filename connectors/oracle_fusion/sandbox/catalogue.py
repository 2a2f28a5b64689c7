"""All resources of the pod, by name."""

from __future__ import annotations

from connectors.oracle_fusion.sandbox.finance_resources import (
    INVOICE_HOLDS,
    INVOICES,
    JOURNAL_BATCHES,
    PURCHASE_ORDERS,
    RECEIVABLES_INVOICES,
)
from connectors.oracle_fusion.sandbox.ledger_setup import COMBINATIONS_LOV, LEDGERS_LOV, PERIODS
from connectors.oracle_fusion.sandbox.resources import ACCOUNT_ACTIVITIES, HUB_ORGANIZATIONS, HUB_PERSONS, SUPPLIERS
from connectors.oracle_fusion.sandbox.value_sets import VALUE_SETS

RESOURCES = {
    one.name: one
    for one in (
        HUB_ORGANIZATIONS,
        HUB_PERSONS,
        ACCOUNT_ACTIVITIES,
        SUPPLIERS,
        INVOICES,
        INVOICE_HOLDS,
        PURCHASE_ORDERS,
        JOURNAL_BATCHES,
        RECEIVABLES_INVOICES,
        LEDGERS_LOV,
        PERIODS,
        COMBINATIONS_LOV,
        VALUE_SETS,
    )
}
