"""Contact users as a source: what people have made of the users that the ERP's contacts became.

https://developer.zendesk.com/api-reference/webhooks/event-types/user-events/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from connectors.zendesk.addresses import addresses_of
from connectors.zendesk.client import VENDOR, Zendesk
from connectors.zendesk.events import by_ourselves, detail
from connectors.zendesk.exports import changed_at, export
from ml_connector.core.records import Body, Page, SourceRecord, Window

USER_EVENTS = (
    "user.external_id_changed",
    "user.identity_changed",
    "user.identity_created",
    "user.identity_deleted",
    "user.merged",
    "user.name_changed",
)
"""Those that change what the ERP knows as well. They do not say who did it: those of our own writes come, too."""


class ContactUsers:
    """Records are `models.ContactUser`; the source id is the user's in Zendesk.

    Users without an external id, with another connection's prefix in it, and deleted ones are left out.
    """

    system = VENDOR
    operation = "REST v2 incremental/users/cursor"
    windowed = True
    continues = True
    objects = "user"

    def __init__(self, client: Zendesk) -> None:
        self._client = client
        self._prefix = client.settings.external_id_prefix

    async def clock(self) -> datetime:
        return await self._client.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """What has changed since ``cursor``, which is Zendesk's own; without one since two minutes before ``lo``."""
        async for page in export(self._client, "users", window, cursor, self._records):
            yield page

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        found = await self._client.show_many("users", ids=[user_id for user_id in ids if user_id.isdigit()])
        return await self._records(found)

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        if not object_key.startswith(f"{self.objects}:") or kind not in USER_EVENTS:
            return False
        user = detail(body)
        if "external_id" in user and not self._is_contact(user):
            return False
        return not by_ourselves(body, await self._client.own_id())

    async def _records(self, rows: Sequence[Body]) -> list[SourceRecord]:
        users = [row for row in rows if row.get("active") is not False and self._is_contact(row)]
        wanted = {str(user["organization_id"]) for user in users if user.get("organization_id")}
        found = await self._client.show_many("organizations", ids=sorted(wanted))
        external_ids = {str(organization["id"]): organization.get("external_id") for organization in found}
        addresses = await addresses_of(self._client, users)
        return [self._record(user, addresses.get(str(user["id"]), []), external_ids) for user in users]

    def _is_contact(self, user: Body) -> bool:
        external_id = user.get("external_id")
        return bool(external_id) and str(external_id).startswith(self._prefix)

    def _record(self, user: Body, addresses: list[str], external_ids: dict[str, str | None]) -> SourceRecord:
        user_id = str(user["id"])
        organization_id = str(user["organization_id"]) if user.get("organization_id") else None
        organization = external_ids.get(organization_id or "")
        body = {
            "id": user_id,
            "external_id": str(user["external_id"]).removeprefix(self._prefix),
            **{name: user.get(name) for name in ("name", "email", "phone", "role")},
            "emails": sorted(addresses),
            "suspended": bool(user.get("suspended")),
            "organization_id": organization_id,
            "organization_external_id": organization.removeprefix(self._prefix) if organization else None,
            "url": self._client.page("users", user_id),
            "updated_at": user.get("updated_at"),
        }
        return SourceRecord(user_id, changed_at(user), body)
