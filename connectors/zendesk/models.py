"""What the mappings fill: Zendesk's own field names, the part of its objects that the integrations write.

A field that a mapping does not name is not sent, and keeps what it has in Zendesk; one that it sets to null is
cleared. Both are told apart by dumping with ``exclude_unset=True``.
https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/
https://developer.zendesk.com/api-reference/ticketing/users/users/
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

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
    external_id: ExternalId
    name: Name
    domain_names: list[str] | None = None
    details: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    organization_fields: dict[str, FieldValue] = {}


class User(_Model):
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
    organization_fields: dict[str, FieldValue]
