"""The operations of Workday Web Services that are used. All of them read; there is no other in this connector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from connectors.workday import picking
from connectors.workday.envelope import Part
from ml_connector.core.records import Body

_WITHOUT_FILES: tuple[Part, ...] = (("Include_Reference", "true"), ("Include_Attachment_Data", "false"))


@dataclass(slots=True, frozen=True)
class Operation:
    """``domain`` is what Workday's security calls it, ``group`` the parts of the answer that are asked for.

    ``pick`` gives None for a record that is passed by.
    """

    name: str
    domain: str
    pick: Callable[[etree._Element], Body | None]
    service: str = "Resource_Management"
    group: tuple[Part, ...] = _WITHOUT_FILES

    @property
    def request(self) -> str:
        return f"{self.name}_Request"

    @property
    def record(self) -> str:
        """The element of one record in the answer."""
        return self.name.removeprefix("Get_").removesuffix("s")

    @property
    def grant(self) -> str:
        """What its user needs."""
        return f"Get access to the domain of {self.domain}"


GET_SUPPLIERS = Operation("Get_Suppliers", "suppliers", picking.supplier)
GET_SUPPLIER_INVOICES = Operation("Get_Supplier_Invoices", "supplier invoices", picking.supplier_invoice)
GET_PURCHASE_ORDERS = Operation("Get_Purchase_Orders", "purchase orders", picking.purchase_order)
GET_PAYMENTS = Operation(
    "Get_Payments",
    "settlement and payments",
    picking.payment,
    service="Financial_Management",
    group=(
        ("Include_Reference", "true"),
        ("Include_Originating_Bank_Data", "false"),
        ("Include_Payroll_Remittance_Data", "false"),
        ("Include_Payment_Group_Data", "true"),
    ),
)
GET_PAYMENT_TERMS = Operation(
    "Get_Payment_Terms",
    "payment terms",
    picking.payment_terms,
    service="Financial_Management",
    group=(("Include_Reference", "true"),),
)
