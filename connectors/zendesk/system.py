"""Zendesk, as the rest of the house knows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connectors.zendesk.client import HOSTS, REQUEST_ID_HEADERS, VENDOR, Zendesk
from connectors.zendesk.contact_users import ContactUsers
from connectors.zendesk.errors import explain
from connectors.zendesk.field_setup import ensure_organization_fields, ensure_ticket_fields, ensure_user_fields
from connectors.zendesk.mentions import MentioningTickets
from connectors.zendesk.models import (
    ContactUser,
    CustomerTicket,
    DocumentTicket,
    Organization,
    OrganizationFields,
    Ticket,
    TicketFields,
    User,
)
from connectors.zendesk.organization_fields import OrganizationFieldsDestination
from connectors.zendesk.organizations import Organizations
from connectors.zendesk.ping import identity, ping
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.ticket_customers import CustomerTickets
from connectors.zendesk.ticket_fields import TicketFieldsDestination
from connectors.zendesk.tickets import Tickets
from connectors.zendesk.users import Users
from connectors.zendesk.webhook import WEBHOOK
from connectors.zendesk.webhook_setup import ensure_webhooks, remove_webhooks, webhook_findings
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.system import Health, System


async def _ping(client: Zendesk, _models: Collection[str]) -> Health:
    findings = await ping(client)
    return Health(await identity(client) if findings[0].ok else None, findings)


async def _ensure(
    client: Zendesk, wanted: Mapping[str, Mapping[str, CustomField]], *, preview: bool = False
) -> list[str]:
    organizations = await ensure_organization_fields(client, wanted.get("organization_fields", {}), preview=preview)
    users = await ensure_user_fields(client, wanted.get("user_fields", {}), preview=preview)
    tickets = await ensure_ticket_fields(client, wanted.get("ticket_fields", {}), preview=preview)
    keyed = {"organization_fields": organizations, "user_fields": users}  # a key may be taken in both
    return [f"{owner}.{key}" for owner, keys in keyed.items() for key in keys] + tickets


def _address(client: Zendesk, model: str, dest_id: str) -> str | None:
    """The agent's page of the object."""
    kind = {"User": "users", "TicketFields": "tickets"}.get(model, "organizations")
    return client.page(kind, dest_id)


ZENDESK = System(
    name=VENDOR,
    settings=ZendeskSettings,
    hosts=HOSTS,
    request_id_headers=REQUEST_ID_HEADERS,
    explain=explain,
    client=Zendesk,
    ping=_ping,
    models={
        model.__name__: model
        for model in (
            Organization,
            User,
            OrganizationFields,
            TicketFields,
            Ticket,
            CustomerTicket,
            DocumentTicket,
            ContactUser,
        )
    },
    sources={
        "Ticket": Tickets,
        "CustomerTicket": CustomerTickets,
        "DocumentTicket": MentioningTickets,
        "ContactUser": ContactUsers,
    },
    destinations={
        "Organization": lambda client, mapping: Organizations(client, mapping.if_empty),
        "User": lambda client, mapping: Users(client, mapping.if_empty),
        "OrganizationFields": lambda client, mapping: OrganizationFieldsDestination(client, mapping.if_empty),
        "TicketFields": TicketFieldsDestination,
    },
    ensure_fields=_ensure,
    webhook=WEBHOOK,
    ensure_webhooks=ensure_webhooks,
    remove_webhooks=remove_webhooks,
    webhook_findings=webhook_findings,
    address=_address,
)
