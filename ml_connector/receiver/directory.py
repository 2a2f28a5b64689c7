"""Token -> connection with its secrets, kept in memory: the look-up costs no query as long as all is well."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from connectors.registry import NAMES, system
from ml_connector.core.db import Database
from ml_connector.core.endpoints import Endpoint, all_endpoints, settle_account, signing_secrets, token_hash
from ml_connector.core.errors import ConnectorError, RejectEvent
from ml_connector.core.inbox import place
from ml_connector.core.inbox_writer import DATABASE_ERRORS, NotStored
from ml_connector.core.secret import Secret
from ml_connector.core.signatures import Headers, verify_zendesk
from ml_connector.core.vault import Sealer, Vault
from ml_connector.core.webhooks import Delivery, Event, Webhook

_FRESH_SECONDS = 10.0
"""How long a secret that was taken away may still be good."""
_RENEWED_SECONDS = 5.0
"""What is older than this is looked up behind the sender's back, so that nobody waits where deliveries come often."""
_DOUBT_SECONDS = 0.25
"""What is older than this is looked up again before a delivery is refused; forgeries cost four look-ups a second."""
_MOST_LOOKUPS = 100
_NOBODY = Endpoint(b"", "nobody", "-", "-", None)
_NOBODYS = Webhook(verify_zendesk, lambda _headers, _body: Delivery(None, ()))


@dataclass(slots=True, frozen=True)
class Entry:
    """What is needed to judge and store the deliveries to one address."""

    endpoint: Endpoint
    webhook: Webhook
    secrets: Sequence[Secret] = field(repr=False)
    sealer: Sealer | None = field(repr=False)
    """None: there is no such address."""
    loaded_at: float

    def verify(self, headers: Headers, body: bytes, now: float) -> None:
        """Raise RejectEvent unless the vendor has sent this, a moment ago."""
        try:
            self.webhook.verify(headers, body, self.secrets, now)
        except RejectEvent as error:
            whose = f"{self.endpoint.tenant}/{self.endpoint.connection}" if self.sealer else "an unknown address"
            raise RejectEvent(f"{whose}: {error.message}") from None

    def seal(self, event: Event) -> bytes:
        if self.sealer is None:
            raise RejectEvent("there is no such address")
        return self.sealer.seal(*place(self.endpoint.connection, event.event_id), event.body)


class Directory:
    """The addresses of all tenants. An unknown one takes the same way as a known one, with secrets that nobody has."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault
        self._endpoints: dict[bytes, Endpoint] = {}
        self._of_account: dict[tuple[str, str | None], list[Endpoint]] = {}
        self._entries: dict[bytes, Entry] = {}
        self._one_at_a_time = asyncio.Lock()
        self._lookups: set[asyncio.Task[Entry]] = set()
        self._renewals: dict[bytes, asyncio.Task[Entry]] = {}
        self._nobodys = [Secret(os.urandom(32).hex()) for _ in range(2)]

    async def find(self, token: str) -> Entry:
        """The entry of this token, from memory as long as it is fresh. Raises NotStored where the database must say
        and does not."""
        key = token_hash(token)
        entry = self._known(key)
        if entry is None:
            return await self._found_again(key)
        age = time.monotonic() - entry.loaded_at
        if age <= _RENEWED_SECONDS:
            return entry
        renewal = self._renewal(entry.endpoint.token_hash)
        return entry if age <= _FRESH_SECONDS else await self._found(renewal)

    async def find_again(self, token: str) -> Entry:
        """As `find`, but by what the database says now. Raises NotStored if it says nothing."""
        return await self._found_again(token_hash(token))

    async def _found_again(self, key: bytes) -> Entry:
        if len(self._lookups) > _MOST_LOOKUPS:
            raise NotStored("the database does not answer")
        return await self._found(self._look_up(key, _DOUBT_SECONDS))

    async def _found(self, lookup: asyncio.Task[Entry]) -> Entry:
        try:
            return await asyncio.shield(lookup)  # a request that ends early leaves the look-up to the others
        except (*DATABASE_ERRORS, ConnectorError) as error:
            raise NotStored(f"addresses cannot be looked up ({type(error).__name__})") from error

    async def of_account(self, entry: Entry, account: str) -> list[Entry]:
        """The entries of an account whose delivery came to this one's address; the address is the account's from now
        on, if none has sent there yet and the vendor has one for each account.

        They are several, or others, where a vendor has one address for all accounts (Slack: of an app). A delivery is
        to be verified for each but this one.
        """
        endpoint = entry.endpoint
        if endpoint.account is None and entry.webhook.settles:
            try:
                settled = await settle_account(self._db, endpoint, account)
            except DATABASE_ERRORS as error:
                raise NotStored(f"the account cannot be noted ({type(error).__name__})") from error
            now = replace(endpoint, account=settled)
            self._know({**self._endpoints, endpoint.token_hash: now})
            self._entries[endpoint.token_hash] = replace(entry, endpoint=now)
        its_own = self._of_account.get((endpoint.system, account), ())
        return [entry if one.token_hash == endpoint.token_hash else await self._entry(one) for one in its_own]

    def _know(self, endpoints: dict[bytes, Endpoint]) -> None:
        self._endpoints, self._of_account = endpoints, {}
        for one in endpoints.values():
            self._of_account.setdefault((one.system, one.account), []).append(one)

    async def _entry(self, endpoint: Endpoint) -> Entry:
        known = self._entries.get(endpoint.token_hash)
        if known is not None and time.monotonic() - known.loaded_at <= _FRESH_SECONDS:
            return known
        return await self._found_again(endpoint.token_hash)

    def _known(self, key: bytes) -> Entry | None:
        return self._entries.get(key if key in self._endpoints else _NOBODY.token_hash)

    def _renewal(self, key: bytes) -> asyncio.Task[Entry]:
        """One for all who come at the same time. Unlike after a refusal, it may have begun before they came."""
        known = self._renewals.get(key)
        if known is None or known.done():
            known = self._renewals[key] = self._look_up(key, _RENEWED_SECONDS)
        return known

    def _look_up(self, key: bytes, max_age: float) -> asyncio.Task[Entry]:
        task = asyncio.create_task(self._load(key, max_age))
        self._lookups.add(task)
        task.add_done_callback(self._looked_up)
        return task

    def _looked_up(self, task: asyncio.Task[Entry]) -> None:
        self._lookups.discard(task)
        if not task.cancelled():
            task.exception()  # told to whoever waits for it, if anybody still does

    async def _load(self, key: bytes, max_age: float) -> Entry:
        async with self._one_at_a_time:
            now = time.monotonic()
            known = self._known(key)
            if known is not None and now - known.loaded_at <= max_age:
                return known
            self._know(await all_endpoints(self._db))
            endpoint = self._endpoints.get(key, _NOBODY)
            webhook = system(endpoint.system).webhook if endpoint.system in NAMES else None
            secrets = await signing_secrets(self._db, self._vault, endpoint.tenant, endpoint.connection)
            if webhook is None:
                entry = Entry(endpoint, _NOBODYS, self._nobodys, None, now)
            else:
                entry = Entry(endpoint, webhook, secrets, await self._vault.sealer(endpoint.tenant, "body"), now)
            self._entries[endpoint.token_hash] = entry
            return entry
