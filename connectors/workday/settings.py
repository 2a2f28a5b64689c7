"""What a tenant says about its Workday connection: which service, version and transport each stream is read by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.workday.models import PaidInvoice, Payment, PurchaseOrder, Supplier, SupplierInvoice

SYSTEM = "workday"

HOSTS = ("*.workday.com", "*.myworkday.com", "*.*.workday.com", "*.*.myworkday.com")
"""Hosts of Workday's data centres, such as wd2-impl-services1.workday.com and services1.wd503.myworkday.com."""

REQUEST_ID_HEADERS = ("x-wd-request-id", "x-request-id")

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$", max_length=200)]
Parameter = Annotated[str, StringConstraints(pattern=r"^[^'\"\\]*$", max_length=200)]
Version = Annotated[str, StringConstraints(pattern=r"^v\d{2,3}\.\d$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SoapRead(_Data):
    """Workday Web Services."""

    transport: Literal["soap"] = "soap"
    service: Literal["Resource_Management", "Financial_Management", "Cash_Management", "Settlement_Services"] | None = (
        None
    )
    """None: the one that has the operation (payments: Financial_Management)."""
    version: Version = "v46.1"
    page_size: Annotated[int, Field(ge=1, le=999)] = 200
    """Records of one answer; 999 is Workday's most, and heavy."""
    days: Annotated[int, Field(ge=1, le=3660)] = 400
    """How far back paid invoices (by invoice date) and payments (by payment date) are read: they have no filter by
    change. Older ones keep the status that was last seen."""


class RestRead(_Data):
    """Workday's REST interface; only purchase orders are found there."""

    transport: Literal["rest"]
    service: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]+/v\d+$")] = "procurement/v5"
    page_size: Annotated[int, Field(ge=1, le=100)] = 100
    days: Annotated[int, Field(ge=1, le=3660)] = 400
    """How far back, by document date."""


class WqlRead(_Data):
    """A query of WQL. Data sources and aliases differ per tenant: their names are shown by Workday's dataSources."""

    transport: Literal["wql"]
    data_source: Word
    data_source_filter: Word | None = None
    parameters: Mapping[Word, bool | Parameter] = {}
    """What the data source or its filter wants to know, such as ``{company: WID}``."""
    fields: Mapping[Word, Path]
    """Field of the stream's model to alias, with a path into references: ``{Supplier_WID: supplier.id}``."""
    last_updated: Word | None = None
    """The alias of the moment of the last change. Without one each read is a full one."""
    values: Mapping[Word, Mapping[str, str]] = {}
    """Per field what its values mean, where Workday's are WIDs or words of another language: ``{Status: {Aktiv: ACTIVE,
    Inaktiv: INACTIVE}}``."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    """100 is the most that Workday documents; 10,000 were seen to be given."""


class ReportRead(_Data):
    """A report as a service (RaaS) that the tenant has made: of the advanced type, enabled as a web service."""

    transport: Literal["report"]
    owner: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.@-]+$", max_length=100)]
    report: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=200)]
    fields: Mapping[Word, Path]
    """Field of the stream's model to column, as of `WqlRead`."""
    values: Mapping[Word, Mapping[str, str]] = {}
    """As of `WqlRead`."""
    prompts: Mapping[str, str] = {}


AnyRead = Annotated[SoapRead | RestRead | WqlRead | ReportRead, Field(discriminator="transport")]
NoRestRead = Annotated[SoapRead | WqlRead | ReportRead, Field(discriminator="transport")]


def _without_slash(text: str) -> str:
    return text.rstrip("/")


class WorkdaySettings(_Data):
    """The non-secret settings of a connection to one Workday tenant."""

    origin: Annotated[str, AfterValidator(_without_slash)]
    """Scheme and host of the web services, ``https://wd2-impl-services1.workday.com``; Workday's "View API Clients"
    shows it."""
    tenant: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")]
    suppliers: NoRestRead = SoapRead()
    supplier_invoices: NoRestRead = SoapRead()
    purchase_orders: AnyRead = SoapRead()
    payments: NoRestRead = SoapRead()
    paid_invoices: WqlRead | ReportRead | None = Field(default=None, discriminator="transport")
    """Where the paid state is told apart from the invoices; without it the SOAP invoices are read once per payment
    status."""
    recent_days: Annotated[int, Field(ge=1, le=3660)] = 90
    """Invoices of so many days are counted as recent ones."""
    wql_path: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_.-]+)+$")] = "/api/wql/v1"
    """What stands before the tenant in the addresses of WQL; some tenants have ``/ccx/api/wql/v1``."""
    requests_per_minute: Annotated[int, Field(ge=1, le=6000)] = 120
    """Workday publishes no number; what it refuses is tried again later."""

    @model_validator(mode="before")
    @classmethod
    def _soap_unless_said(cls, values: Any) -> Any:
        """A stream without a transport is read by SOAP."""
        if not isinstance(values, dict):
            return values
        streams = ("suppliers", "supplier_invoices", "purchase_orders", "payments")
        return {
            name: {"transport": "soap", **value} if name in streams and isinstance(value, dict) else value
            for name, value in values.items()
        }

    @model_validator(mode="after")
    def _known_fields(self) -> WorkdaySettings:
        models: dict[str, type[BaseModel]] = {
            "suppliers": Supplier,
            "supplier_invoices": SupplierInvoice,
            "purchase_orders": PurchaseOrder,
            "payments": Payment,
            "paid_invoices": PaidInvoice,
        }
        for name, model in models.items():
            fields = getattr(getattr(self, name), "fields", None)
            if fields is None:
                continue
            if unknown := sorted(set(fields) - set(model.model_fields)):
                raise ValueError(f"{name}.fields: {model.__name__} has no {', '.join(unknown)}")
            if "WID" not in fields:
                raise ValueError(f"{name}.fields: WID is missing; records are known by it")
            if (
                name == "supplier_invoices"
                and "Is_Paid" in fields
                and not {"Is_Canceled", "Document_Status"} & set(fields)
            ):
                raise ValueError(f"{name}.fields: without Is_Canceled or Document_Status what is canceled is unpaid")
        return self
