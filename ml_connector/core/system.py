"""What the rest of the house knows of a connector."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import ConnectorError
from ml_connector.core.findings import Finding
from ml_connector.core.http import HttpClient
from ml_connector.core.mapping import Mapping as FieldMapping
from ml_connector.core.records import Destination, Source
from ml_connector.core.response import Response
from ml_connector.core.secret import Secret
from ml_connector.core.webhooks import Event, News, SecretKeeper, Webhook

EnsureWebhooks = Callable[[Any, Secret, SecretKeeper], Awaitable[list[str]]]


@dataclass(slots=True, frozen=True)
class Health:
    """What a ping found, and which account it reached (None if none)."""

    identity: str | None
    findings: list[Finding]


class EnsureFields(Protocol):
    """Creates the custom fields that a mapping wants and the account lacks."""

    async def __call__(
        self, client: Any, wanted: Mapping[str, Mapping[str, CustomField]], /, *, preview: bool = False
    ) -> list[str]:
        """What was created. In a ``preview`` nothing is: what would be is returned, and the client, which then must
        not write, takes it for created, and empty."""
        ...


async def _no_fields(
    _client: Any, _wanted: Mapping[str, Mapping[str, CustomField]], /, *, preview: bool = False
) -> list[str]:
    del preview
    return []


def _never(_settings: Any) -> bool:
    return False


def _no_page(_client: Any, _model: str, _dest_id: str) -> str | None:
    return None


@dataclass(slots=True, frozen=True)
class System:
    """One vendor's system. ``client`` objects are opaque to everybody but the functions of the same system."""

    name: str
    settings: type[BaseModel]
    hosts: Sequence[str]
    request_id_headers: Sequence[str]
    explain: Callable[[Response, str], ConnectorError]
    client: Callable[[HttpClient, Any], Any]
    ping: Callable[[Any, Collection[str]], Awaitable[Health]]
    """Tries a client for real, as far as the streams of these models need it."""
    models: Mapping[str, type[BaseModel]]
    """By the name that mappings use, without the system: ``HubOrganization``."""
    sources: Mapping[str, Callable[[Any], Source]] = field(default_factory=dict)
    """By the model of the records: reads them with a client."""
    destinations: Mapping[str, Callable[[Any, FieldMapping], Destination]] = field(default_factory=dict)
    """By the model of the payloads: writes them with a client."""
    references: Collection[str] = ()
    """The models of payloads that become what others may name: those wait until it is there."""
    ensure_fields: EnsureFields = _no_fields
    webhook: Webhook | None = None
    """How its deliveries are proved and read, if it sends any."""
    webhook_secrets: Collection[str] = ()
    """The names of the secrets that prove them, where a person must store them."""
    ensure_webhooks: EnsureWebhooks | None = None
    """Makes the vendor send its events to an address, the connection's own: creates and mends what is missing.

    Each signing secret is handed over, with the webhook's name, before that webhook sends anything. Returns what was
    done, a line each; nothing when all was in order.
    """
    remove_webhooks: Callable[[Any, Secret], Awaitable[None]] | None = None
    """Takes away what sends to an address."""
    webhook_findings: Callable[[Any, Secret], Awaitable[list[Finding]]] | None = None
    """Whether events can come to an address, and of late have. Only reads."""
    heed: Callable[[Any, Event], Awaitable[list[News]]] | None = None
    """Looks at what an event tells of the account itself; nothing if that is no business of ours, or all is well. Only
    reads. Raises core.errors: `Reauthenticate` if the account refuses us."""
    is_heard: Callable[[Any], bool] = _never
    """Whether a connection with these settings wants to be told of its account."""
    oauth_errors: Mapping[str, str] = field(default_factory=dict)
    """Error codes of its own that its token address answers, by which of RFC 6749 they stand for."""
    status: Callable[[Response], int] | None = None
    """The status that an answer deserves, where the vendor's own says something else; None: it is right."""
    try_timeout: float | None = None
    """Seconds in which an answer must have come, where the house's own are too few."""
    discover: Callable[[Any], Awaitable[str]] | None = None
    """Reads from the instance what it has, and proposes settings of the connection: YAML for the tenant's file."""
    address: Callable[[Any, str, str], str | None] = _no_page
    """Where a person sees the object of a payload model with this id, if the system has such a page."""
