"""The records of the streams, as mappings see them.

Which browse an instance has for them, and what its columns are called, is configuration. The names here are those of
QAD's own customer record (customerV2) where it has the field; ``custom`` holds what a tenant adds.
"""

# ruff: noqa: N815 - the names of QAD's record

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    customerId: str | None = None
    """The customer's id: the values of its key, joined by dots. Null where one of them is empty."""
    recordUrl: str | None = None
    """Where a person sees the record, by the tenant's template; the same for the other addresses."""
    ordersUrl: str | None = None
    billingUrl: str | None = None
    custom: dict[str, Any] = {}


class Customer(_Record):
    """A customer (debtor)."""

    customerCode: str
    sharedSetCode: str | None = None
    businessRelationCode: str | None = None
    businessRelationName: str | None = None
    businessRelationName2: str | None = None
    addressSearchName: str | None = None
    street1: str | None = None
    street2: str | None = None
    street3: str | None = None
    city: str | None = None
    zipCode: str | None = None
    stateCode: str | None = None
    countryCode: str | None = None
    EMail: str | None = None
    telephone: str | None = None
    webSite: str | None = None
    isActive: bool | str | None = None
    customerTypeCode: str | None = None
    currencyCode: str | None = None
    creditTermsCode: str | None = None
    creditRatingCode: str | None = None
    fixedCreditLimit: Decimal | None = None
    isLockedCreditLimit: bool | str | None = None
    languageCode: str | None = None


class Contact(_Record):
    """A person at a customer."""

    contactId: str | None = None
    """The contact's id, made as ``customerId`` is."""
    contactCode: str | None = None
    sharedSetCode: str | None = None
    customerCode: str | None = None
    businessRelationCode: str | None = None
    name: str | None = None
    firstName: str | None = None
    lastName: str | None = None
    EMail: str | None = None
    telephone: str | None = None
    mobile: str | None = None
    function: str | None = None
    isActive: bool | str | None = None


class SalesOrder(_Record):
    """A reference to an order of a customer."""

    orderNumber: str
    sharedSetCode: str | None = None
    customerCode: str | None = None
    orderDate: date | None = None
    dueDate: date | None = None
    status: str | None = None
    purchaseOrder: str | None = None
    amount: Decimal | None = None
    currencyCode: str | None = None


class Invoice(_Record):
    """A reference to an invoice to a customer."""

    invoiceNumber: str
    sharedSetCode: str | None = None
    customerCode: str | None = None
    invoiceDate: date | None = None
    dueDate: date | None = None
    status: str | None = None
    amount: Decimal | None = None
    openAmount: Decimal | None = None
    currencyCode: str | None = None


class CustomerOrders(BaseModel):
    """Stream ``customer orders``: what a customer has ordered, added up from `SalesOrder`."""

    customerId: str
    count: int
    openCount: int
    """Orders whose status is none of the entity's ``closed`` ones."""
    newest: list[str]
    """The numbers of the newest orders, the newest first."""
    newestDate: date | None = None


class CustomerInvoices(BaseModel):
    """Stream ``customer invoices``: what a customer was billed, added up from `Invoice`."""

    customerId: str
    count: int
    openCount: int
    """Invoices of which something is open; where that is not told, those whose status is none of ``closed``."""
    openAmounts: dict[str, Decimal] = {}
    """By currency."""
    newest: list[str]
    newestDate: date | None = None
