"""What the mappings fill and read: Zendesk's own field names, the part of its objects that the integrations use.

A field that a mapping does not name is not sent, and keeps what it has in Zendesk; one that it sets to null is
cleared. Both are told apart by dumping with ``exclude_unset=True``.
https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/
https://developer.zendesk.com/api-reference/ticketing/users/users/
https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

FieldValue = str | int | bool | Decimal | None
"""A custom field's value; the connector writes it as the type of the field asks for."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
ExternalId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


def _address(value: str) -> str:
    """Only what can be no address at all is refused: Zendesk decides about the rest."""
    address = value.strip().lower()
    local, at, domain = address.partition("@")
    if not (local and at and "." in domain) or "@" in domain or any(char.isspace() for char in address):
        raise ValueError("is not an e-mail address")
    return address


Email = Annotated[str, AfterValidator(_address)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Organization(_Model):
    create: bool = True
    """False: it is updated where it is known or found, and not made. No field of Zendesk's."""
    external_id: ExternalId
    name: Name
    domain_names: list[str] | None = None
    details: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    organization_fields: dict[str, FieldValue] = {}


class User(_Model):
    create: bool = True
    """False: it is updated where it is known or found, and not made. No field of Zendesk's."""
    external_id: ExternalId
    name: Name
    email: Email | None = None
    phone: str | None = None
    organization_id: str | None = None
    """The Zendesk id of the user's organization, which the core fills from the link table."""
    user_fields: dict[str, FieldValue] = {}
    locale: str | None = None
    details: str | None = None
    notes: str | None = None
    tags: list[str] | None = None


class OrganizationFields(_Model):
    """A partial update of an organization that exists: balances and the like."""

    id: str
    """The Zendesk id of the organization, which the core fills from the link table."""
    wait: bool | None = None
    """False: without an organization there is nothing to write, and nothing to wait for. No field of Zendesk's."""
    organization_fields: dict[str, FieldValue]


class TicketFields(_Model):
    """A partial update of a ticket that exists."""

    id: str
    ticket_fields: dict[str, FieldValue]
    while_open: bool | None = None
    """True: a ticket that is solved stays as it is. A closed one does so in any case, Zendesk wants it."""
    seen: str | None = None
    """The version of the ticket that this is about: another one is looked at, even if these values were written."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Person(_Record):
    """Whom a ticket names. ``name`` and ``email`` are null for a user who was deleted."""

    id: str
    name: str | None = None
    email: str | None = None


class PublicComment(_Record):
    """What the requester has been told. ``author`` is a name."""

    body: str
    author: str | None = None
    created_at: datetime


class Ticket(_Record):
    """Stream ``tickets``: a ticket as agents see it, without what lies deleted."""

    id: str
    subject: str | None = None
    status: str
    """new, open, pending, hold, solved or closed; a custom status counts as the one that it belongs to."""
    priority: str | None = None
    type: str | None = None
    requester: Person | None = None
    assignee: str | None = None
    """The agent's name."""
    organization_id: str | None = None
    tags: list[str] = []
    channel: str | None = None
    """How it came: web, email, api, ..."""
    custom_fields: dict[str, Any] = {}
    """By the field's id; those without a value are left out."""
    last_public_comment: PublicComment | None = None
    """Filled while the ticket is solved or closed."""
    url: str
    """The page where agents see it."""
    created_at: datetime
    updated_at: datetime


class CustomerTicket(Ticket):
    """Stream ``customer tickets``: a ticket, and whose it is."""

    customer: str | None = None
    """The id, as the ERP knows it, of the only customer that the ticket can belong to."""
    foreign: bool = False
    """It has none, and its organization is somebody else's: it has an external id that is not ours."""


class DocumentTicket(CustomerTicket):
    """Stream ``tickets with documents``: a ticket, whose it is, and what it is about."""

    mentioned: list[str] = []
    """What in its words may be numbers of documents, and its customer's id; empty while it is solved or closed."""
    documents: dict[str, list[dict[str, Any]]] = {}
    """Those that exist and are its customer's, by kind, as the mapping of their stream has kept them."""
    open_documents: dict[str, list[dict[str, Any]]] = {}
    """What is not done with of the parties among them, by kind; a few."""


class ContactUser(_Record):
    """Stream ``contact users``: a user with an external id, as it is in Zendesk."""

    id: str
    external_id: str
    """As the ERP knows it: without the connection's prefix."""
    name: str
    email: str | None = None
    """The primary address."""
    emails: list[str] = []
    """All its addresses: a later one of the ERP's is added, and does not become the primary one."""
    phone: str | None = None
    organization_id: str | None = None
    """The default one."""
    organization_external_id: str | None = None
    role: str
    suspended: bool = False
    url: str
    """The page where agents see it."""
    updated_at: datetime
