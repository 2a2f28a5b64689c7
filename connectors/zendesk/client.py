"""Zendesk Support's REST API, as far as the integrations use it: thin typed calls and their limits.

https://developer.zendesk.com/api-reference/ticketing/introduction/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any

from connectors.zendesk.errors import VENDOR, explain
from connectors.zendesk.fields import CustomFields, Owner
from connectors.zendesk.jobs import Jobs
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.singles import Singles
from ml_connector.core.concurrently import together
from ml_connector.core.errors import Reauthenticate, RetryLater
from ml_connector.core.http import HttpClient
from ml_connector.core.rate import Limit
from ml_connector.core.records import Body

__all__ = ["HOSTS", "REQUEST_ID_HEADERS", "VENDOR", "Zendesk", "explain"]


API = "/api/v2"
HOSTS = ("*.zendesk.com",)
REQUEST_ID_HEADERS = ("x-request-id", "x-zendesk-request-id")
PER_CALL = 100
"""Zendesk refuses more objects in one call."""
_LONGEST_LIST = 4000
"""Characters of ids in one address: long external ids would make it longer than servers take."""
_READS_AT_ONCE = 8


class Zendesk:
    """One account. ``http`` is a client of its origin that was given `explain` and `REQUEST_ID_HEADERS`.

    All calls raise `core.errors`; a refused record is an `errors.Refused`, which holds the vendor's codes.
    """

    def __init__(self, http: HttpClient, settings: ZendeskSettings) -> None:
        self.settings = settings
        self.jobs = Jobs(self, settings.max_jobs)
        self.singles = Singles(self)
        self._http = http
        self._custom: dict[Owner, CustomFields] = {}
        self._ticket_fields: list[Body] | None = None
        self._own_id: str | None = None
        self._reading = asyncio.Semaphore(_READS_AT_ONCE)
        self._name = f"zendesk {settings.origin.rstrip('/').lower()}"
        rate = settings.requests_per_minute
        self._account = Limit(self._name, per_minute=rate, burst=max(1, rate // 10))

    # --- reading

    async def get(self, path: str, **params: str) -> Any:
        return await self._read(API + path, params)

    async def pages(self, path: str, key: str, **params: str) -> AsyncIterator[list[Body]]:
        """All objects of a list, by cursor: Zendesk's offsets end after 10,000 objects."""
        url, params = API + path, {"page[size]": str(PER_CALL), **params}
        while url:
            page = await self._read(url, params)
            yield page.get(key) or []
            meta, links = page.get("meta") or {}, page.get("links") or {}
            url, params = (links.get("next") or "") if meta.get("has_more") else "", {}

    async def show_many(self, kind: str, *, ids: Sequence[str] = (), external_ids: Sequence[str] = ()) -> list[Body]:
        """Those ``organizations``, ``users`` or (by id only) ``tickets`` that exist, in any order."""
        calls = [self.get(f"/{kind}/show_many", ids=",".join(part)) for part in _parts(ids)]
        # An external id that holds the separator cannot stand in a list.
        lone = [value for value in external_ids if "," in value]
        listed = [value for value in external_ids if "," not in value]
        calls += [self.get(f"/{kind}/show_many", external_ids=",".join(part)) for part in _parts(listed)]
        calls += [self.get(f"/{kind}/search", external_id=value) for value in lone]
        return [found for answer in await together(calls) for found in answer.get(kind) or []]

    async def show(self, kind: str, object_id: str) -> Body:
        """One of the ``organizations`` or ``users`` as it is: what lists and searches show lags behind the writes."""
        found: Body = (await self.get(f"/{kind}/{object_id}"))[kind.removesuffix("s")]
        return found

    async def organizations_named(self, name: str) -> list[Body]:
        """Organizations of exactly this name, in any case."""
        found: list[Body] = (await self.get("/organizations/search", name=name)).get("organizations") or []
        return [organization for organization in found if _fold(organization.get("name")) == _fold(name)]

    async def user_with_email(self, address: str) -> Body | None:
        """The user to whom an address belongs, as far as Zendesk's search knows (it lags behind the writes)."""
        found = (await self.get("/users/search", query=f'email:"{address}"')).get("users") or []
        for user in found:
            if _fold(user.get("email")) == _fold(address):
                return dict(user)
        for user in found[:5]:  # an address may be a secondary one
            if await self.has_email(str(user["id"]), address):
                return dict(user)
        return None

    async def has_email(self, user_id: str, address: str) -> bool:
        """Whether an address is one of a user's identities."""
        async for identities in self.pages(f"/users/{user_id}/identities", "identities"):
            if any(i.get("type") == "email" and _fold(i.get("value")) == _fold(address) for i in identities):
                return True
        return False

    async def is_member(self, user: Body, organization_id: str) -> bool:
        """Whether a user belongs to an organization, be it the default one or another."""
        if str(user.get("organization_id")) == organization_id:
            return True
        async for memberships in self.pages(
            f"/users/{user['id']}/organization_memberships", "organization_memberships"
        ):
            if any(str(membership.get("organization_id")) == organization_id for membership in memberships):
                return True
        return False

    async def export(self, kind: str, params: dict[str, str]) -> tuple[Body, str | None]:
        """One answer of an incremental export of ``tickets`` or ``users``, and the vendor's request id.

        https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/
        """
        rate = self.settings.exports_per_minute
        limit = Limit(f"{self._name} incremental", per_minute=rate, burst=max(1, rate // 2))
        answer = await self._http.request(
            "GET", f"{API}/incremental/{kind}/cursor", params=params, limits=[self._account, limit]
        )
        return answer.json(), answer.request_id

    async def clock(self) -> datetime:
        """Zendesk's time in UTC, to the second: the Date header of a small answer."""
        answer = await self._http.request("GET", f"{API}/users/me", limits=[self._account])
        if answer.server_time is None:
            raise RetryLater("answered without a Date header: its clock is unknown", request_id=answer.request_id)
        return answer.server_time

    async def own_id(self) -> str:
        """The id of the user that the token acts for; read once. `Reauthenticate` if it acts for nobody."""
        if self._own_id is None:
            user = await self.me()
            if not user.get("id"):
                raise Reauthenticate("the token is not accepted: connect the account again", vendor=VENDOR)
            self._own_id = str(user["id"])
        return self._own_id

    async def me(self) -> Body:
        """The user that the token acts for. Zendesk answers to everybody here: the anonymous user has no id."""
        return (await self.get("/users/me")).get("user") or {}

    async def custom_fields(self, owner: Owner) -> CustomFields:
        """The active custom fields of organizations or users; read once."""
        if owner not in self._custom:
            found = [field async for page in self.pages(f"/{owner}_fields", f"{owner}_fields") for field in page]
            active = [field for field in found if field.get("active", True)]
            titles = {field["title"]: field["key"] for field in active if field.get("title")}
            self._custom[owner] = CustomFields({field["key"]: field["type"] for field in active}, titles)
        return self._custom[owner]

    async def ticket_fields(self) -> list[Body]:
        """The active fields of tickets, Zendesk's own ones too; read once."""
        if self._ticket_fields is None:
            found = [field async for page in self.pages("/ticket_fields", "ticket_fields") for field in page]
            self._ticket_fields = [field for field in found if field.get("active", True)]
        return self._ticket_fields

    async def jobs_running(self) -> set[str]:
        """Ids of the account's jobs, whoever submitted them, that are queued or working."""
        running = set()
        async for page in self.pages("/job_statuses", "job_statuses"):
            running |= {job["id"] for job in page if job.get("status") in ("queued", "working")}
        return running

    async def show_jobs(self, ids: Sequence[str]) -> list[Body]:
        """The statuses of at most 100 jobs; jobs that Zendesk has forgotten are not among them."""
        return (await self.get("/job_statuses/show_many", ids=",".join(ids))).get("job_statuses") or []

    def page(self, kind: str, object_id: str) -> str:
        """Where agents see one of the ``organizations``, ``users`` or ``tickets``."""
        return f"{self.settings.origin.rstrip('/')}/agent/{kind}/{object_id}"

    async def _read(self, url: str, params: dict[str, str]) -> Any:
        async with self._reading:
            return (await self._http.request("GET", url, params=params, limits=[self._account])).json()

    # --- writing: none of these is repeated by the transport once it may have been acted on

    async def write(
        self, method: str, path: str, body: Body | None = None, *, limits: Sequence[Limit] = ()
    ) -> tuple[Body, str | None]:
        """Send a write; returns the answer and the vendor's request id."""
        # Zendesk wants the type named on a DELETE, too, which has no body
        # (https://developer.zendesk.com/api-reference/introduction/requests/)
        headers = {"content-type": "application/json"}
        answer = await self._http.request(
            method, API + path, json=body, headers=headers, limits=[self._account, *limits]
        )
        return (answer.json() if answer.body else {}), answer.request_id

    async def create_field(self, owner: Owner, field: Body, *, preview: bool = False) -> None:
        """In a ``preview`` nothing is sent, but from then on this client takes the field for there."""
        if preview:
            self._custom[owner] = (await self.custom_fields(owner)).plus(field["key"], field["type"])
            return
        await self.write("POST", f"/{owner}_fields", {f"{owner}_field": field})
        self._custom.pop(owner, None)

    async def create_ticket_field(self, field: Body, *, preview: bool = False) -> None:
        """In a ``preview`` as `create_field`."""
        if preview:
            self._ticket_fields = [*await self.ticket_fields(), {"id": 0, **field}]
            return
        await self.write("POST", "/ticket_fields", {"ticket_field": field})
        self._ticket_fields = None

    def ticket_update_limits(self, ticket_id: str) -> list[Limit]:
        """Zendesk's own limits on ``PUT /tickets/{id}``: by the minute per account, 30 in 10 minutes per ticket.

        https://developer.zendesk.com/api-reference/introduction/rate-limits/
        """
        rate = self.settings.ticket_updates_per_minute
        return [
            Limit(f"{self._name} tickets", per_minute=rate, burst=max(1, rate // 10)),
            Limit(f"{self._name} tickets/{ticket_id}", per_minute=3, burst=3),
        ]

    def user_update_limits(self, user_id: str) -> list[Limit]:
        """Zendesk's own limits on ``PUT /users/{id}``: 1 a second per account, 5 a minute per user.

        https://developer.zendesk.com/api-reference/introduction/rate-limits/
        """
        return [
            # a second and a half apart: a permit may be used half a second late, and the next one on time
            Limit(f"{self._name} users", per_minute=40, burst=1),
            Limit(f"{self._name} users/{user_id}", per_minute=5, burst=1),
        ]


def _parts(values: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    length = 0
    for value in values:
        if part and (len(part) == PER_CALL or length + len(value) > _LONGEST_LIST):
            yield part
            part, length = [], 0
        part.append(value)
        length += len(value) + 1
    if part:
        yield part


def _fold(value: Any) -> str:
    return str(value or "").strip().casefold()
