"""What is taken out of a record's element. Nothing else is kept: bank accounts, tax ids and files are passed by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from lxml import etree

from connectors.workday.elements import attribute, day, every, flag, identifier, named, text
from ml_connector.core.records import Body

_LINE = re.compile(r" - Line \d+$")
"""What follows the number of a purchase order where one of its lines is meant."""
_PO_LINES = ("Goods_Line_Data", "Service_Line_Data", "Deliverables_Line_Data")


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
        **_contact(next(every(data, "Business_Entity_Data/Contact_Data"), None)),
    }


def supplier_invoice(element: etree._Element) -> Body:
    """A ``Supplier_Invoice`` of Get_Supplier_Invoices."""
    data = next(every(element, "Supplier_Invoice_Data"), None)
    lines = [named(line, "Purchase_Order_Line_Reference") for line in every(data, "Invoice_Line_Replacement_Data")]
    return {
        **_reference(element, "Supplier_Invoice_Reference"),
        "Supplier_Invoice_ID": text(data, "Supplier_Invoice_ID"),
        "Invoice_Number": text(data, "Invoice_Number"),
        # The element had the second name before version 33.
        "Suppliers_Invoice_Number": text(data, "Suppliers_Invoice_Number") or text(data, "Supplier_Reference_Number"),
        "Document_Status": identifier(data, "Invoice_Document_Status_Reference", "Document_Status_ID"),
        "Company": named(data, "Company_Reference"),
        **_supplier_of(data),
        "Currency": _currency(data),
        "Invoice_Date": day(data, "Invoice_Date"),
        "Due_Date": day(data, "Due_Date_Override"),
        "Payment_Terms": named(data, "Payment_Terms_Reference"),
        "On_Hold": flag(data, "On_Hold"),
        "Control_Amount_Total": text(data, "Control_Amount_Total"),
        "Tax_Amount": text(data, "Tax_Amount"),
        "External_PO_Number": text(data, "External_PO_Number"),
        "Purchase_Orders": _distinct(_LINE.sub("", line) for line in lines if line),
        "Memo": text(data, "Memo"),
    }


def purchase_order(element: etree._Element) -> Body:
    """A ``Purchase_Order`` of Get_Purchase_Orders, whose answer has no total: its lines are added up."""
    data = next(every(element, "Purchase_Order_Data"), None)
    return {
        **_reference(element, "Purchase_Order_Reference"),
        "Purchase_Order_ID": text(data, "Purchase_Order_ID"),
        "Document_Number": text(data, "Document_Number"),
        "Document_Status": identifier(data, "Purchase_Order_Document_Status_Reference", "Document_Status_ID"),
        "Company": named(data, "Company_Reference"),
        **_supplier_of(data),
        "Currency": _currency(data),
        "Document_Date": day(data, "Document_Date"),
        "Due_Date": day(data, "Due_Date"),
        "Payment_Terms": named(data, "Payment_Terms_Reference"),
        "Total_Amount": _total(data),
        "Memo": text(data, "Memo"),
    }


def payment(element: etree._Element) -> Body:
    """A ``Payment`` of Get_Payments."""
    data = next(every(element, "Payment_Data"), None)
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


def _document(element: etree._Element) -> Body:
    words = ("Document_Type", "Document_ID", "Document_Reference")
    amounts = ("Total_Payable_Amount", "Amount_Paid", "Amount_Due")
    return {name: text(element, name) for name in (*words, *amounts)} | {"Document_Date": day(element, "Document_Date")}


def _reference(element: etree._Element, path: str) -> Body:
    return {"WID": identifier(element, path, "WID")}


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


def _contact(contact: etree._Element | None) -> Body:
    emails = _distinct(_primary_first(contact, "Email_Address_Data", _email))
    phones = _distinct(_primary_first(contact, "Phone_Data", _phone))
    webs = _distinct(_primary_first(contact, "Web_Address_Data", lambda one: text(one, "Web_Address")))
    return {
        "Email_Address": emails[0] if emails else None,
        "Email_Addresses": emails,
        "Phone": phones[0] if phones else None,
        "Phones": phones,
        "Web_Address": webs[0] if webs else None,
        **_address(contact),
    }


def _email(element: etree._Element) -> str | None:
    return text(element, "Email_Address")


def _phone(element: etree._Element) -> str | None:
    """Version 40 brought the E.164 form."""
    return attribute(element, "E164_Formatted_Phone") or attribute(element, "Formatted_Phone")


def _address(contact: etree._Element | None) -> Body:
    """The address that is in force: the newest of the primary ones."""
    addresses = list(every(contact, "Address_Data"))
    newest = max(addresses, key=lambda one: (_is_primary(one), attribute(one, "Effective_Date") or ""), default=None)
    shown = attribute(newest, "Formatted_Address") if newest is not None else None
    lines = [line for line in every(newest, "Address_Line_Data") if attribute(line, "Type") == "ADDRESS_LINE_1"]
    return {
        # Workday writes line breaks as the five characters of a reference.
        "Formatted_Address": shown.replace("&#xa;", "\n") if shown else None,
        "Address_Line_1": ((lines[0].text or "").strip() or None) if lines else None,
        "Municipality": text(newest, "Municipality"),
        "Country_Region": text(newest, "Country_Region_Descriptor"),
        "Postal_Code": text(newest, "Postal_Code"),
        "Country": identifier(newest, "Country_Reference", "ISO_3166-1_Alpha-2_Code"),
    }


def _primary_first(
    contact: etree._Element | None, kind: str, read: Callable[[etree._Element], str | None]
) -> Iterator[str]:
    for one in sorted(every(contact, kind), key=lambda element: not _is_primary(element)):
        if value := read(one):
            yield value


def _is_primary(element: etree._Element) -> bool:
    return any(attribute(one, "Primary") in ("1", "true") for one in every(element, "Usage_Data/Type_Data"))


def _distinct(values: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(values))
