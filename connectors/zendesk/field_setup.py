"""Creating the custom fields that mappings write and an account lacks.

https://developer.zendesk.com/api-reference/ticketing/organizations/organization_fields/
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.zendesk.client import Zendesk
from connectors.zendesk.fields import Owner
from ml_connector.core.custom_fields import CustomField


async def ensure_organization_fields(
    client: Zendesk, wanted: Mapping[str, CustomField], *, preview: bool = False
) -> list[str]:
    """Create the organization fields that are missing, by key; returns the keys created.

    Existing fields are left as they are. The token's user must be an admin, else `Misconfigured`. A key that was once
    deleted cannot be used again: Zendesk then refuses it (`Refused`). In a ``preview`` the client only takes them for
    created.
    """
    return await _ensure(client, "organization", wanted, preview=preview)


async def ensure_user_fields(client: Zendesk, wanted: Mapping[str, CustomField], *, preview: bool = False) -> list[str]:
    """As `ensure_organization_fields`, for users."""
    return await _ensure(client, "user", wanted, preview=preview)


async def ensure_ticket_fields(
    client: Zendesk, wanted: Mapping[str, CustomField], *, preview: bool = False
) -> list[str]:
    """Create the ticket fields that are missing, by title; returns the titles created. Agents see them, requesters do
    not. The token's user must be an admin, else `Misconfigured`. In a ``preview`` the client only takes them for
    created.
    """
    titles = {field["title"] for field in await client.ticket_fields()} if wanted else set()
    missing = [field for field in wanted.values() if field.title not in titles]
    for field in missing:
        await client.create_ticket_field({"title": field.title, "type": field.type}, preview=preview)
    return [field.title for field in missing]


async def missing_fields(client: Zendesk, owner: Owner, wanted: Mapping[str, CustomField]) -> list[str]:
    """The keys of ``wanted`` that the account lacks."""
    return (await client.custom_fields(owner)).unknown(wanted)


async def _ensure(client: Zendesk, owner: Owner, wanted: Mapping[str, CustomField], *, preview: bool) -> list[str]:
    missing = await missing_fields(client, owner, wanted)
    for key in missing:
        spec = wanted[key]
        body = {"key": key, "title": spec.title, "type": spec.type}
        await client.create_field(owner, body, preview=preview)
    return missing
