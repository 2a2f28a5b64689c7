"""What is taken out of a record's element. Nothing else is kept: bank accounts, tax ids and files are passed by."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from lxml import etree

from connectors.workday.contacts import contact
from connectors.workday.elements import day, distinct, every, flag, identifier, named, text
from connectors.workday.statuses import document_status
from ml_connector.core.records import Body

_LINE = re.compile(r"(\S+) - Line \d+")
"""What a line of a purchase order may be called. No document says so: if it is called otherwise its id is looked up."""
_IDS_OF_SUPPLIERS = ("Supplier_ID", "Supplier_Reference_ID")
_LINE_REFERENCE = "Purchase_Order_Line_Reference"
_PO_LINES = ("Goods_Line_Data", "Service_Line_Data", "Deliverables_Line_Data")
_PO_LINE_IDS = (
    "Goods_Line_Data/Goods_Purchase_Order_Line_ID",
    "Service_Line_Data/Service_Order_Line_ID",
    "Deliverables_Line_Data/Deliverables_Order_Line_ID",
)


def supplier(element: etree._Element) -> Body:
    """A ``Supplier`` of Get_Suppliers."""
    data = next(every(element, "Supplier_Data"), None)
    return {
        **_reference(element, "Supplier_Reference"),
        "Supplier_ID": text(data, "Supplier_ID") or identifier(element, "Supplier_Reference", "Supplier_ID"),
        "Supplier_Reference_ID": text(data, "Supplier_Reference_ID"),
        "Supplier_Name": text(data, "Supplier_Name"),
        "Status": identifier(data, "Supplier_Status_Data/Status_Reference", "Business_Entity_Status_Value_ID"),
        "Status_Reason": text(data, "Supplier_Status_Data/Reason_Description"),
        "Approval_Status": identifier(data, "Approval_Status_Reference", "Document_Status_ID"),
        "Supplier_Category": named(data, "Supplier_Category_Reference"),
        "Payment_Terms": named(data, "Payment_Terms_Reference"),
        "Currency": _currency(data),
        **contact(next(every(data, "Business_Entity_Data/Contact_Data"), None)),
    }


def supplier_invoice(element: etree._Element) -> Body:
    """A ``Supplier_Invoice`` of Get_Supplier_Invoices."""
    data = next(every(element, "Supplier_Invoice_Data"), None)
    lines = list(every(data, "Invoice_Line_Replacement_Data"))
    called = [_LINE.fullmatch(named(line, _LINE_REFERENCE) or "") for line in lines]
    others = [line for line, known in zip(lines, called, strict=True) if not known]
    return {
        **_reference(element, "Supplier_Invoice_Reference"),
        "Supplier_Invoice_ID": text(data, "Supplier_Invoice_ID"),
        "Invoice_Number": text(data, "Invoice_Number"),
        # The element had the second name before version 33.
        "Suppliers_Invoice_Number": text(data, "Suppliers_Invoice_Number") or text(data, "Supplier_Reference_Number"),
        "Document_Status": _status(data, "Invoice_Document_Status_Reference"),
        "Company": named(data, "Company_Reference"),
        **_supplier_of(data),
        "Currency": _currency(data),
        "Invoice_Date": day(data, "Invoice_Date"),
        "Due_Date": day(data, "Due_Date_Override"),
        "Payment_Terms": named(data, "Payment_Terms_Reference"),
        "Payment_Terms_WID": identifier(data, "Payment_Terms_Reference", "WID"),
        "On_Hold": flag(data, "On_Hold"),
        "Control_Amount_Total": text(data, "Control_Amount_Total"),
        "Tax_Amount": text(data, "Tax_Amount"),
        "External_PO_Number": text(data, "External_PO_Number"),
        "Purchase_Orders": distinct(known[1] for known in called if known),
        "Purchase_Order_Line_IDs": distinct(
            one for line in others if (one := identifier(line, _LINE_REFERENCE, "Purchase_Order_Line_ID"))
        ),
        "Memo": text(data, "Memo"),
    }


def purchase_order(element: etree._Element) -> Body:
    """A ``Purchase_Order`` of Get_Purchase_Orders, whose answer has no total: its lines are added up."""
    data = next(every(element, "Purchase_Order_Data"), None)
    return {
        **_reference(element, "Purchase_Order_Reference"),
        "Purchase_Order_ID": text(data, "Purchase_Order_ID"),
        "Document_Number": text(data, "Document_Number"),
        "Document_Status": _status(data, "Purchase_Order_Document_Status_Reference"),
        "Company": named(data, "Company_Reference"),
        **_supplier_of(data),
        "Currency": _currency(data),
        "Document_Date": day(data, "Document_Date"),
        "Due_Date": day(data, "Due_Date"),
        "Payment_Terms": named(data, "Payment_Terms_Reference"),
        "Total_Amount": _total(data),
        "Line_IDs": distinct(one.text for path in _PO_LINE_IDS for one in every(data, path) if one.text),
        "Memo": text(data, "Memo"),
    }


def payment(element: etree._Element) -> Body | None:
    """A ``Payment`` of Get_Payments; None if who is paid is no supplier: an employee, a tax authority."""
    data = next(every(element, "Payment_Data"), None)
    if not any(identifier(data, "Receiving_Party_Reference", kind) for kind in _IDS_OF_SUPPLIERS):
        return None
    return {
        **_reference(element, "Payment_Reference"),
        "Payment_Status": text(data, "Payment_Status"),
        "Payment_Reference_Number": text(data, "Payment_Reference_Number"),
        "Payment_Amount": text(data, "Payment_Amount"),
        "Currency": _currency(data),
        "Payment_Date": day(data, "Payment_Group_Data/Payment_Date"),
        "Payment_Type": named(data, "Payment_Group_Data/Payment_Type_Reference"),
        "Company": named(data, "Company_Reference"),
        "Payee_Name": text(data, "Receiving_Party_Contact_Data/Payee_Name"),
        "Payee_ID": text(data, "Receiving_Party_Contact_Data/Payee_ID"),
        **_supplier_of(data, "Receiving_Party_Reference"),
        "Documents": [_document(one) for one in every(data, "Remittance_Data/Document_Remittance_Data")],
    }


def payment_terms(element: etree._Element) -> Body:
    """A ``Payment_Term`` of Get_Payment_Terms."""
    data = next(every(element, "Payment_Term_Data"), None)
    return {
        **_reference(element, "Payment_Term_Reference"),
        "Payment_Terms_ID": text(data, "Payment_Terms_ID"),
        "Due_Days": text(data, "Due_Days"),
    }


def _document(element: etree._Element) -> Body:
    words = ("Document_Type", "Document_ID", "Document_Reference")
    amounts = ("Total_Payable_Amount", "Amount_Paid", "Amount_Due")
    return {name: text(element, name) for name in (*words, *amounts)} | {"Document_Date": day(element, "Document_Date")}


def _reference(element: etree._Element, path: str) -> Body:
    return {"WID": identifier(element, path, "WID")}


def _status(data: etree._Element | None, path: str) -> str | None:
    """Workday's own statuses by their names, whatever a tenant calls their ids."""
    wid, called = (identifier(data, path, kind) for kind in ("WID", "Document_Status_ID"))
    name = document_status(wid)
    return name if name != wid else called


def _supplier_of(data: etree._Element | None, path: str = "Supplier_Reference") -> Body:
    return {
        "Supplier_WID": identifier(data, path, "WID"),
        "Supplier_ID": identifier(data, path, "Supplier_ID"),
        "Supplier_Name": named(data, path),
    }


def _currency(data: etree._Element | None) -> str | None:
    return identifier(data, "Currency_Reference", "Currency_ID")


def _total(data: etree._Element | None) -> str | None:
    amounts = [text(line, "Extended_Amount") for kind in _PO_LINES for line in every(data, kind)]
    try:
        known = [Decimal(amount) for amount in amounts if amount is not None]
    except InvalidOperation:
        return None
    return format(sum(known, Decimal(0)), "f") if known else None
