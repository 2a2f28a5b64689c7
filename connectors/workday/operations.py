"""The operations of Workday Web Services that are used. All of them read; there is no other in this connector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from connectors.workday import picking
from connectors.workday.envelope import Part
from ml_connector.core.records import Body


@dataclass(slots=True, frozen=True)
class Operation:
    """``record`` is the element of one record in the answer, ``group`` the parts of it that are asked for."""

    name: str
    service: str
    record: str
    group: tuple[Part, ...]
    pick: Callable[[etree._Element], Body]
    grant: str
    """What its user needs, in the words of Workday's security."""

    @property
    def request(self) -> str:
        return f"{self.name}_Request"


_WITHOUT_FILES: tuple[Part, ...] = (("Include_Reference", "true"), ("Include_Attachment_Data", "false"))

GET_SUPPLIERS = Operation(
    name="Get_Suppliers",
    service="Resource_Management",
    record="Supplier",
    group=_WITHOUT_FILES,
    pick=picking.supplier,
    grant="Get access to the domain of suppliers",
)
GET_SUPPLIER_INVOICES = Operation(
    name="Get_Supplier_Invoices",
    service="Resource_Management",
    record="Supplier_Invoice",
    group=_WITHOUT_FILES,
    pick=picking.supplier_invoice,
    grant="Get access to the domain of supplier invoices",
)
GET_PURCHASE_ORDERS = Operation(
    name="Get_Purchase_Orders",
    service="Resource_Management",
    record="Purchase_Order",
    group=_WITHOUT_FILES,
    pick=picking.purchase_order,
    grant="Get access to the domain of purchase orders",
)
GET_PAYMENTS = Operation(
    name="Get_Payments",
    service="Financial_Management",
    record="Payment",
    group=(
        ("Include_Reference", "true"),
        ("Include_Originating_Bank_Data", "false"),
        ("Include_Payroll_Remittance_Data", "false"),
        ("Include_Payment_Group_Data", "true"),
    ),
    pick=picking.payment,
    grant="Get access to the domain of settlement and payments",
)
