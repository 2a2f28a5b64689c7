"""What a request may consist of, in Workday's order: a choice, and names that are refused when they are unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

_FILTER = ("As_Of_Effective_Date", "As_Of_Entry_DateTime", "Page", "Count")
_FILES = ("Include_Reference", "Include_Attachment_Data")


@dataclass(frozen=True, slots=True)
class Grammar:
    """One operation. ``services``: where it exists."""

    services: frozenset[str]
    collection: str
    criteria: Sequence[str]
    group: Sequence[str]
    nested: str | None = None
    """The one element of the criteria that holds all the others."""
    reference: str = ""
    """What names one of its records in ``Request_References``."""


_RESOURCES = frozenset({"Resource_Management"})
OPERATIONS = {
    "Get_Suppliers": Grammar(
        _RESOURCES,
        "suppliers",
        (
            *("Updated_From_Date", "Updated_To_Date", "Supplier_Status_Reference", "Supplier_Category_Reference"),
            *("Supplier_Group_Reference", "Customer_Account_Number", "DUNS_Number", "Parent_Supplier_Reference"),
        ),
        _FILES,
        reference="Supplier_Reference",
    ),
    "Get_Supplier_Invoices": Grammar(
        _RESOURCES,
        "supplier_invoices",
        (
            *("Supplier_Reference", "Company_Reference", "Supplier_Status_Reference", "Invoice_Date_On_or_After"),
            *("Invoice_Date_On_or_Before", "Purchase_Order_Reference", "Supplier_Hierarchy_Reference"),
            *("Invoice_On_Hold", "Intercompany_Invoice", "Payment_Status_Reference", "Invoice_Due_Date_On_or_After"),
            *("Invoice_Due_Date_On_or_Before", "External_PO_Number", "Invoice_Status_Reference"),
        ),
        _FILES,
        reference="Supplier_Invoice_Reference",
    ),
    "Get_Purchase_Orders": Grammar(
        _RESOURCES,
        "purchase_orders",
        (
            *("Organization_Reference", "Supplier_Reference", "Purchase_Order_Number"),
            *("Purchase_Order_Date_On_or_After", "Purchase_Order_Date_On_or_Before", "Due_Date_On_or_After"),
            *("Due_Date_On_or_Before", "Updated_From_Date", "Updated_To_Date"),
        ),
        _FILES,
        reference="Purchase_Order_Reference",
    ),
    "Get_Payment_Terms": Grammar(
        frozenset({"Financial_Management"}),
        "payment_terms",
        ("Payment_Terms_Name",),
        ("Include_Reference",),
        reference="Payment_Term_Reference",
    ),
    "Get_Payments": Grammar(
        frozenset({"Financial_Management", "Cash_Management", "Settlement_Services"}),
        "payments",
        (
            *("Company_Reference", "Bank_Account_Reference", "Payee_Reference", "Payment_Type_Reference"),
            *("Payment_Status_Reference", "Payment_Date_on_Date_Or_After", "Payment_Date_on_Date_Or_Before"),
        ),
        (
            *("Include_Reference", "Include_Originating_Bank_Data", "Include_Payroll_Remittance_Data"),
            *("Include_Payment_Group_Data", "Include_Payroll_Result_Country_Data"),
        ),
        nested="General_Payment_Criteria",
        reference="Payment_Reference",
    ),
}


class Invalid(Exception):
    """A request that a validation fault answers; ``path`` is what it points at."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


def check(request: etree._Element, grammar: Grammar) -> dict[str, etree._Element]:
    """The parts of a request by name; `Invalid` for what is unknown or out of order."""
    order = ("Request_Criteria", "Request_References", "Response_Filter", "Response_Group")
    parts = _ordered(request, order)
    if "Request_Criteria" in parts and "Request_References" in parts:
        raise Invalid("Criteria and references exclude each other.", "Request_References")
    if "Response_Filter" in parts:
        _ordered(parts["Response_Filter"], _FILTER)
    if "Response_Group" in parts:
        _ordered(parts["Response_Group"], grammar.group)
    if "Request_References" in parts:
        _ordered(parts["Request_References"], (grammar.reference,))
    if "Request_Criteria" in parts:
        criteria = parts["Request_Criteria"]
        if grammar.nested is not None:
            criteria = _ordered(criteria, (grammar.nested,))[grammar.nested]
        parts["criteria"] = criteria
        given = _ordered(criteria, grammar.criteria)
        # Nobody was seen to give one of them alone.
        if len({"Updated_From_Date", "Updated_To_Date"} & given.keys()) == 1:
            raise Invalid("Updated_From_Date and Updated_To_Date belong together.", "Request_Criteria")
    return parts


def _ordered(parent: etree._Element, names: Sequence[str]) -> dict[str, etree._Element]:
    found: dict[str, etree._Element] = {}
    last = 0
    for child in parent:
        name = str(etree.QName(child).localname)
        if name not in names or names.index(name) < last:
            raise Invalid(f"Element {name} is not expected here.", f"{etree.QName(parent).localname}/{name}")
        last = names.index(name)
        found[name] = child
    return found
