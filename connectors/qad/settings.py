"""What a tenant says about its QAD connection: the address, and which browse and columns its entities are read from.

Both differ per instance, so there are no defaults; ``ml-connector discover TENANT/CONNECTION`` proposes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.qad.models import Contact, Customer, Invoice, SalesOrder

SYSTEM = "qad"

HOSTS = ("*.qad.com", "*.adaptive.qad.com", "*.*.qad.com")
"""Hosts of QAD's cloud; an operator may allow those of installations on premises by name."""

REQUEST_ID_HEADERS = ("x-request-id", "x-correlation-id")

MODELS: Mapping[str, type[BaseModel]] = {
    "customers": Customer,
    "contacts": Contact,
    "orders": SalesOrder,
    "invoices": Invoice,
}
"""By the name of the entity in the tenant file."""

MADE = frozenset({"recordUrl", "ordersUrl", "billingUrl", "customerId", "contactId", "custom"})
"""What no column holds."""

Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=200)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _https(template: str) -> str:
    """An address in which {names} stand for fields."""
    if not re.match(r"https?://[^{}]+/", template):
        raise ValueError("write a whole address, such as https://acme.qad.com/clouderp/#/customer/{customerCode}")
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise ValueError("its braces do not match") from None
    if any(name is not None and (not re.fullmatch(r"\w+", name) or spec) for _, name, spec, _ in parts):
        raise ValueError("a placeholder is the name of a field in braces, such as {customerCode}")
    return template


class Entity(_Data):
    """One kind of record, read through one browse."""

    browse: Annotated[str, StringConstraints(pattern=r"^urn:browse:[a-z]+:[A-Za-z0-9_.:-]+$", max_length=200)]
    key: Annotated[tuple[Word, ...], Field(min_length=1)]
    """The fields, by our names, that make the id of a record."""
    fields: Mapping[Word, Column]
    """Our name to the browse's column, exactly as the instance writes it: ``{customerCode: debtor.DebtorCode}``."""
    custom: Mapping[Word, Column] = {}
    """Further columns; mappings see them as ``custom.name``."""
    last_modified: Column | None = None
    """The column of the last change, if the browse has one. Without it each read is a full one."""
    closed: tuple[str, ...] = ("C", "X")
    """Statuses of orders, and of invoices without ``openAmount``, that are done with: QAD's closed and cancelled."""
    filters: tuple[str, ...] = ()
    """Always sent along: ``debtor.DebtorTypeCode,eq,TRADE,literal``. A record that fits no longer is seen no more: of
    what is filtered by activity, no deactivation arrives."""
    customer: Annotated[tuple[Word, ...], Field(min_length=1)] = ("customerCode",)
    """The fields that name the customer, in the order of the key of ``customers``."""
    links: Mapping[Literal["recordUrl", "ordersUrl", "billingUrl"], Annotated[str, AfterValidator(_https)]] = {}
    page_size: Annotated[int, Field(ge=1, le=100_000)] = 1000
    time_budget_minutes: Annotated[float, Field(gt=0)] = 30.0
    """How long one read may take."""

    @property
    def columns(self) -> dict[str, None]:
        """All that a row must have, in the order of the file."""
        modified = [self.last_modified] if self.last_modified else []
        return dict.fromkeys([*self.fields.values(), *self.custom.values(), *modified])


class QadSettings(_Data):
    """The non-secret settings of a connection to one QAD instance."""

    origin: Annotated[str, AfterValidator(lambda text: text.rstrip("/"))]
    """The whole address with its context root: ``https://acme.qad.com/clouderp`` or ``https://host:22011/qad-central``."""
    interface: Literal["rest", "qxtend"] = "rest"
    workspace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """``{DOMAIN}_{ENTITY}``, which chooses the domain and the entity: ``10USA_10USACO``."""
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z-]{2,10}$")] = "en"
    entities: Mapping[Literal["customers", "contacts", "orders", "invoices"], Entity] = {}
    requests_per_minute: Annotated[int, Field(ge=1, le=6000)] = 120

    @model_validator(mode="after")
    def _checked(self) -> QadSettings:
        if self.interface == "qxtend":
            raise ValueError(
                "QXtend is not built: no public document shows the request by which its Query Service reads, and it "
                "cannot query the financials of Enterprise Edition. Use the REST interface (interface: rest)"
            )
        for name, entity in self.entities.items():
            known = MODELS[name].model_fields.keys() - MADE
            if unknown := sorted(entity.fields.keys() - known):
                raise ValueError(f"entities.{name}.fields: there is no {', '.join(unknown)}; use `custom` for others")
            placeholders = {part for text in entity.links.values() for _, part, _, _ in Formatter().parse(text) if part}
            if unset := sorted((set(entity.key) | placeholders) - entity.fields.keys()):
                raise ValueError(f"entities.{name}: key and links use {', '.join(unset)}, which `fields` lacks")
            if name != "customers":
                self._check_customer(name, entity)
            if "openAmount" in entity.fields and "currencyCode" not in entity.fields:
                raise ValueError(f"entities.{name}.fields: openAmount needs currencyCode beside it, to be added up")
        return self

    def _check_customer(self, name: str, entity: Entity) -> None:
        """Else no record would find its customer."""
        if unset := [field for field in entity.customer if field not in entity.fields]:
            raise ValueError(f"entities.{name}.customer uses {', '.join(unset)}, which `fields` lacks")
        customers = self.entities.get("customers")
        if customers is not None and len(customers.key) != len(entity.customer):
            raise ValueError(
                f"entities.{name}.customer is {', '.join(entity.customer)}, and the key of customers is "
                f"{', '.join(customers.key)}: make them mean the same, field by field"
            )
