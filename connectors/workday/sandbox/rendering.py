"""Rows as Workday's XML: each reference with its ids and its descriptor, booleans as 1 and 0, days with an offset."""

from __future__ import annotations

from lxml import etree

from connectors.workday.sandbox.books import Row, wid_of
from connectors.workday.sandbox.elements import add, refer

DOCUMENT_STATUS = {
    "Approved": "91b0d382d50848e898733757caa9f84a",
    "Canceled": "dc76c9b6446c11de98360015c5e6daf6",
    "Denied": "dc76c7cc446c11de98360015c5e6daf6",
    "Draft": "dc76c4fc446c11de98360015c5e6daf6",
    "In Progress": "dc76c8bc446c11de98360015c5e6daf6",
    "Incomplete": "e264bc68581342baa70ab61bf71032fe",
}
"""The same in every tenant."""


def supplier(parent: etree._Element, row: Row) -> None:
    element = add(parent, "Supplier")
    refer(element, "Supplier_Reference", row["Supplier_Name"], row["WID"], Supplier_ID=row["Supplier_ID"])
    data = add(element, "Supplier_Data")
    for name in ("Supplier_ID", "Supplier_Reference_ID", "Supplier_Name"):
        add(data, name, row[name])
    refer(data, "Approval_Status_Reference", "Approved", wid_of("status", 1), Document_Status_ID="APPROVED")
    tax = add(data, "Tax_ID_Data")
    add(tax, "Tax_ID_Text", "00-SECRET-TAX")
    refer(data, "Payment_Terms_Reference", "Net 30", wid_of("terms", 30), Payment_Terms_ID="NET_30")
    entity = add(data, "Business_Entity_Data")
    add(entity, "Business_Entity_Name", row["Supplier_Name"])
    _contact(add(entity, "Contact_Data"), row)
    bank = add(data, "Settlement_Account_Data")
    add(bank, "Bank_Account_Nickname", "SECRET-BANK")
    status = add(data, "Supplier_Status_Data")
    shown = row["Status"].capitalize()
    refer(
        status, "Status_Reference", shown, wid_of("status", shown), Business_Entity_Status_Value_ID=row["Status"]
    )  # fmt: skip
    _currency(data, row)


def _contact(contact: etree._Element, row: Row) -> None:
    shown = f"{row['Address_Line_1']}&#xa;{row['Municipality']} {row['Postal_Code']}"
    for year in ("2019", "2020"):
        address = add(contact, "Address_Data", Formatted_Address=shown, Effective_Date=f"{year}-01-01-08:00")
        refer(
            address, "Country_Reference", row["Country"], wid_of("country", row["Country"]),
            ISO_3166__1_Alpha__2_Code=row["Country"],
        )  # fmt: skip
        line = row["Address_Line_1"] if year == "2020" else "The old address"
        add(address, "Address_Line_Data", line, Type="ADDRESS_LINE_1", Descriptor="Address Line 1")
        add(address, "Municipality", row["Municipality"])
        add(address, "Country_Region_Descriptor", row["Country_Region"])
        add(address, "Postal_Code", row["Postal_Code"])
        _usage(address)
    phone = add(contact, "Phone_Data", Formatted_Phone=row["Phone"])
    add(phone, "Phone_Number", row["Phone"])
    _usage(phone)
    email = add(contact, "Email_Address_Data")
    add(email, "Email_Address", row["Email_Address"])
    _usage(email)


def _usage(parent: etree._Element) -> None:
    add(add(parent, "Usage_Data", Public="1"), "Type_Data", Primary="1")


def supplier_invoice(parent: etree._Element, row: Row) -> None:
    element = add(parent, "Supplier_Invoice")
    shown = f"Supplier Invoice: {row['Invoice_Number']}"
    refer(
        element, "Supplier_Invoice_Reference", shown, row["WID"],
        Supplier_Invoice_Reference_ID=row["Supplier_Invoice_ID"],
    )  # fmt: skip
    data = add(element, "Supplier_Invoice_Data")
    add(data, "Supplier_Invoice_ID", row["Supplier_Invoice_ID"])
    add(data, "Submit", "1")
    add(data, "Invoice_Number", row["Invoice_Number"])
    status = row["Document_Status"]
    refer(
        data, "Invoice_Document_Status_Reference", status, DOCUMENT_STATUS[status],
        Document_Status_ID=status.upper().replace(" ", "_"),
    )  # fmt: skip
    refer(data, "Company_Reference", "Acme Inc", wid_of("company", 1), Company_Reference_ID="ACME_US")
    _currency(data, row)
    _supplier(data, row)
    add(data, "Invoice_Date", f"{row['Invoice_Date']}-07:00")
    if row["Due_Date"]:
        add(data, "Due_Date_Override", f"{row['Due_Date']}-08:00")
    add(data, "On_Hold", "0")
    add(data, "Control_Amount_Total", row["Control_Amount_Total"])
    add(data, "Tax_Amount", "0")
    # Suppliers_Invoice_Number since version 33; the classes that the schema was derived from are older.
    add(data, "Suppliers_Invoice_Number", row["Suppliers_Invoice_Number"])
    add(data, "External_PO_Number", row["Purchase_Order"])
    refer(data, "Payment_Terms_Reference", "Net 30", wid_of("terms", 30), Payment_Terms_ID="NET_30")
    line = add(data, "Invoice_Line_Replacement_Data")
    add(line, "Line_Order", "1")
    called = row.get("Line_Descriptor", f"{row['Purchase_Order']} - Line 1")
    refer(
        line, "Purchase_Order_Line_Reference", called, wid_of("line", row["WID"]),
        Purchase_Order_Line_ID=f"{row['Purchase_Order']}-1",
    )  # fmt: skip
    add(line, "Extended_Amount", row["Control_Amount_Total"])


def purchase_order(parent: etree._Element, row: Row) -> None:
    element = add(parent, "Purchase_Order")
    refer(
        element, "Purchase_Order_Reference", row["Document_Number"], row["WID"],
        Document_Number=row["Document_Number"],
    )  # fmt: skip
    data = add(element, "Purchase_Order_Data")
    add(data, "Purchase_Order_ID", row["Purchase_Order_ID"])
    add(data, "Document_Number", row["Document_Number"])
    refer(data, "Purchase_Order_Document_Status_Reference", "Issued", wid_of("status", 2), Document_Status_ID="ISSUED")
    refer(data, "Company_Reference", "Acme Inc", wid_of("company", 1), Company_Reference_ID="ACME_US")
    _supplier(data, row)
    add(data, "Document_Date", f"{row['Document_Date']}-07:00")
    add(data, "Due_Date", f"{row['Due_Date']}-07:00")
    _currency(data, row)
    for number, amount in enumerate(row["Lines"], 1):
        line = add(data, "Goods_Line_Data")
        add(line, "Goods_Purchase_Order_Line_ID", f"{row['Document_Number']}-{number}")
        add(line, "Line_Number", number)
        add(line, "Extended_Amount", amount)


def payment(parent: etree._Element, row: Row) -> None:
    element = add(parent, "Payment")
    refer(element, "Payment_Reference", f"Payment: {row['Payment_Reference_Number']}", row["WID"])
    data = add(element, "Payment_Data")
    add(add(data, "Payment_Group_Data"), "Payment_Date", f"{row['Payment_Date']}-08:00")
    for name in ("Payment_Status", "Payment_Reference_Number", "Payment_Amount"):
        add(data, name, row[name])
    _currency(data, row)
    if "Employee_ID" in row:
        refer(data, "Receiving_Party_Reference", row["Name"], row["Employee_WID"], Employee_ID=row["Employee_ID"])
        return
    refer(
        data, "Receiving_Party_Reference", row["Supplier_Name"], row["Supplier_WID"], Supplier_ID=row["Supplier_ID"]
    )  # fmt: skip
    contact = add(data, "Receiving_Party_Contact_Data")
    add(contact, "Payee_Name", row["Supplier_Name"])
    add(contact, "Payee_ID", row["Supplier_ID"])
    # It may always come, whatever was asked for.
    add(add(data, "Receiving_Party_Bank_Data"), "Bank_Account_Name", "SECRET-BANK")
    document = add(add(data, "Remittance_Data"), "Document_Remittance_Data")
    add(document, "Document_Type", "Supplier Invoice")
    for name in ("Document_ID", "Document_Reference"):
        add(document, name, row[name])
    add(document, "Document_Date", f"{row['Document_Date']}-07:00")
    for name in ("Total_Payable_Amount", "Amount_Paid", "Amount_Due"):
        add(document, name, row[name])


def payment_terms(parent: etree._Element, row: Row) -> None:
    element = add(parent, "Payment_Term")
    refer(
        element, "Payment_Term_Reference", row["Payment_Terms_Name"], row["WID"],
        Payment_Terms_ID=row["Payment_Terms_ID"],
    )  # fmt: skip
    data = add(element, "Payment_Term_Data")
    for name in ("Payment_Terms_ID", "Payment_Terms_Name", "Due_Days"):
        add(data, name, row[name])


def _currency(parent: etree._Element, row: Row) -> None:
    refer(
        parent, "Currency_Reference", row["Currency"], wid_of("currency", row["Currency"]), Currency_ID=row["Currency"]
    )  # fmt: skip


def _supplier(parent: etree._Element, row: Row) -> None:
    refer(
        parent, "Supplier_Reference", row["Supplier_Name"], row["Supplier_WID"], Supplier_ID=row["Supplier_ID"]
    )  # fmt: skip
