"""Envelope encryption: what is stored in Postgres can be read with the master key only, and only in its own place.

A data key per tenant and purpose encrypts values with AES-256-GCM; a master key wraps the data keys. The additional
authenticated data names tenant, table, column, primary key and data key, so that a ciphertext moved to another row,
column or tenant does not decrypt.

Envelope: ``0x01 | data key id (16) | nonce (12) | ciphertext + tag``. Wrapped data key: ``nonce (12) | ciphertext``.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.errors import ForeignKeyViolation

from ml_connector.core.db import Connection, Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.ids import uuid7
from ml_connector.core.secret import Secret
from ml_connector.core.settings import Settings

_VERSION = b"\x01"
_CANARY = b"ml-connector"


class Undecryptable(Misconfigured):
    """A stored value does not belong to this place, or its key is not here."""


class MasterKeys:
    """The key-encryption keys by id; the first one wraps new data keys."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self.current = next(iter(keys))

    @classmethod
    def parse(cls, text: Secret) -> MasterKeys:
        """From ``id:base64,id:base64``. Raises Misconfigured with what is wrong, never with the key."""
        keys: dict[str, bytes] = {}
        for part in filter(None, (piece.strip() for piece in text.reveal().replace("\n", ",").split(","))):
            name, _, encoded = part.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if len(key) != 32 or not name:
                raise Misconfigured("a master key is not of the form id:base64-of-32-bytes; see README, Operations")
            keys[name] = key
        if not keys:
            raise Misconfigured("no master key: set ML_CONNECTOR_MASTER_KEYS or ML_CONNECTOR_MASTER_KEY_FILE")
        return cls(keys)

    @classmethod
    def load(cls, settings: Settings) -> MasterKeys:
        """The keys of this installation, from the environment or from the file that it names."""
        if settings.master_key_file is None or settings.master_keys.reveal():
            return cls.parse(settings.master_keys)
        try:
            return cls.parse(Secret(settings.master_key_file.read_text()))
        except OSError as error:
            raise Misconfigured(
                f"the master key file {settings.master_key_file}, which ML_CONNECTOR_MASTER_KEY_FILE names, cannot be "
                f"read: {error.strerror}"
            ) from None

    @staticmethod
    def generate(name: str) -> str:
        """A new key in the form that ``parse`` reads."""
        return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._keys[self.current].encrypt(nonce, key, context)

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        if name not in self._keys:
            raise Undecryptable(
                f"master key {name!r} is not configured, but stored data needs it: add it to the others"
            )
        try:
            return self._keys[name].decrypt(wrapped[:12], wrapped[12:], context)
        except InvalidTag:
            raise Undecryptable(f"master key {name!r} is not the one that this database was written with") from None

    def names(self) -> list[str]:
        """The ids, the current one first."""
        return list(self._keys)


class Sealer:
    """Encrypts and decrypts the values of one tenant and purpose."""

    def __init__(self, tenant: str, keys: dict[UUID, AESGCM], current: UUID) -> None:
        self._tenant = tenant
        self._keys = keys
        self._current = current

    def seal(self, table: str, column: str, primary_key: str, plaintext: bytes) -> bytes:
        nonce = os.urandom(12)
        place = self._place(table, column, primary_key, self._current)
        ciphertext = self._keys[self._current].encrypt(nonce, plaintext, place)
        return _VERSION + self._current.bytes + nonce + ciphertext

    def open(self, table: str, column: str, primary_key: str, envelope: bytes) -> bytes:
        """The plaintext; raises Undecryptable when the envelope was made for another place or altered."""
        key_id = UUID(bytes=bytes(envelope[1:17])) if len(envelope) > 45 and envelope[:1] == _VERSION else None
        if key_id is None or key_id not in self._keys:
            raise Undecryptable(f"{table}.{column} {primary_key} of tenant {self._tenant}: its data key is not here")
        place = self._place(table, column, primary_key, key_id)
        try:
            return self._keys[key_id].decrypt(bytes(envelope[17:29]), bytes(envelope[29:]), place)
        except InvalidTag:
            raise Undecryptable(
                f"{table}.{column} {primary_key} of tenant {self._tenant} was altered or belongs to another row"
            ) from None

    def _place(self, table: str, column: str, primary_key: str, key_id: UUID) -> bytes:
        before, after = _around(self._tenant, table, column, key_id)
        return before + _part(primary_key) + after


class Vault:
    """Hands out sealers. Data keys are unwrapped once per process and kept in memory."""

    def __init__(self, db: Database, master: MasterKeys) -> None:
        self._db = db
        self._master = master
        self._sealers: dict[tuple[str, str], Sealer] = {}

    async def check(self) -> None:
        """Prove that the master keys are those of this database; raises Misconfigured otherwise. Call at start.

        One that is new here is noted, and is needed from then on until `rotation.rotate` retires it.
        """
        async with self._db.system() as conn:
            rows = await (await conn.execute("select kek_id, envelope from vault_canary")).fetchall()
            known = {name for name, _ in rows}
            for name, envelope in rows:
                self._master.unwrap(name, bytes(envelope), b"canary")
            if self._master.current not in known:
                await conn.execute(
                    "insert into vault_canary (kek_id, envelope) values (%s, %s) on conflict do nothing",
                    (self._master.current, self._master.wrap(_CANARY, b"canary")),
                )

    async def sealer(self, tenant: str, purpose: str) -> Sealer:
        """The sealer of a tenant and purpose (``body``, ``secret``); makes the first data key when there is none."""
        if (tenant, purpose) not in self._sealers:
            async with self._db.tenant(tenant) as conn:
                keys = await self._data_keys(conn, tenant, purpose)
                if not keys:
                    await self._new_data_key(conn, tenant, purpose)
                    keys = await self._data_keys(conn, tenant, purpose)
            self._sealers[tenant, purpose] = Sealer(tenant, keys, next(reversed(keys)))
        return self._sealers[tenant, purpose]

    async def _data_keys(self, conn: Connection, tenant: str, purpose: str) -> dict[UUID, AESGCM]:
        rows = await conn.execute(
            "select id, kek_id, wrapped from data_key where purpose = %s order by created_at, id", (purpose,)
        )
        return {
            key_id: AESGCM(self._master.unwrap(kek_id, bytes(wrapped), wrapping(tenant, purpose, key_id)))
            for key_id, kek_id, wrapped in await rows.fetchall()
        }

    async def _new_data_key(self, conn: Connection, tenant: str, purpose: str) -> None:
        # two processes that start together must agree on one key
        await conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"data_key {tenant} {purpose}",))
        if await self._data_keys(conn, tenant, purpose):
            return
        await conn.execute(
            "insert into vault_canary (kek_id, envelope) select %s, %s where not exists (select 1 from vault_canary) "
            "on conflict do nothing",  # the first data key of a database
            (self._master.current, self._master.wrap(_CANARY, b"canary")),
        )
        # known from now on, with a file or without: whoever replaces the master key must find what it wraps
        await conn.execute("insert into tenant (name) values (%s) on conflict do nothing", (tenant,))
        key_id = uuid7()
        wrapped = self._master.wrap(AESGCM.generate_key(256), wrapping(tenant, purpose, key_id))
        try:
            await conn.execute(
                "insert into data_key (tenant, id, purpose, kek_id, wrapped) values (%s, %s, %s, %s, %s)",
                (tenant, key_id, purpose, self._master.current, wrapped),
            )
        except ForeignKeyViolation:
            raise Misconfigured(
                f"master key {self._master.current!r} has been retired by `ml-connector key rotate`: put the new one "
                "first in this process's configuration and start it again"
            ) from None


def _place(*parts: str | UUID) -> bytes:
    return b"".join(_part(str(part)) for part in ("mlc1", *parts))


def _part(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(4) + encoded


@lru_cache(maxsize=1024)  # of the millions of bodies that are sealed, only the primary keys differ
def _around(tenant: str, table: str, column: str, key_id: UUID) -> tuple[bytes, bytes]:
    """What stands in a place before the primary key, and after it."""
    return _place(tenant, table, column), _part(str(key_id))


def wrapping(tenant: str, purpose: str, key_id: UUID) -> bytes:
    """What binds a wrapped data key to its place."""
    return _place(tenant, "data_key", purpose, key_id)
