"""The SQLModel classes say of the tables what the migrations made."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlmodel import SQLModel

from ml_connector.core import tables
from ml_connector.core.connections import put_secret, record_identity
from ml_connector.core.credentials import PostgresTokenStore, get_secrets
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured, Reauthenticate
from ml_connector.core.oauth_token import Token
from ml_connector.core.refusals import needs_reauth, refusal_told, refused_connections, require_usable
from ml_connector.core.secret import Secret
from ml_connector.core.vault import Vault


async def test_each_class_has_the_columns_of_its_table(database: Database) -> None:
    rows_of_low_rate = (tables.Connection, tables.StoredSecret, tables.StoredToken)
    async with database.system() as conn:
        for table in (SQLModel.metadata.tables[str(one.__tablename__)] for one in rows_of_low_rate):
            rows = await conn.execute(
                "select column_name, is_nullable = 'YES' from information_schema.columns "
                "where table_schema = 'public' and table_name = %s",
                (table.name,),
            )
            found = dict(await rows.fetchall())
            assert found == {column.name: bool(column.nullable) for column in table.columns}, table.name


async def test_a_refused_connection_is_not_asked_again_until_it_has_a_new_credential(
    database: Database, vault: Vault
) -> None:
    await put_secret(database, vault, "acme", "desk", "client_secret", Secret("old"))
    await require_usable(database, "acme", "desk")
    for told in (False, True):
        await needs_reauth(database, "acme", "desk", "zendesk", "invalid_grant")
        [refused] = await refused_connections(database, "acme")
        assert refused.told is told
        await refusal_told(database, refused)
    with pytest.raises(Reauthenticate, match="invalid_grant"):
        await require_usable(database, "acme", "desk")

    await put_secret(database, vault, "acme", "desk", "client_secret", Secret("new"))

    await require_usable(database, "acme", "desk")
    await needs_reauth(database, "acme", "desk", "zendesk", "invalid_grant")
    assert [(one.told, one.reason) for one in await refused_connections(database, "acme")] == [(False, "invalid_grant")]
    assert (await get_secrets(database, vault, "acme", "desk"))["client_secret"].reveal() == "new"
    assert await get_secrets(database, vault, "globex", "desk") == {}


async def test_a_signing_secret_leaves_our_own_credential_as_it_is(database: Database, vault: Vault) -> None:
    store = PostgresTokenStore(database, vault, "acme", "chat")
    await put_secret(database, vault, "acme", "chat", "client_secret", Secret("x"))
    async with store.locked() as slot:
        await slot.save(Token(Secret("xoxb-1"), None, datetime.now(UTC), None))
    await needs_reauth(database, "acme", "chat", "slack", "token_revoked")

    await put_secret(database, vault, "acme", "chat", "webhook_secret_app", Secret("y"))

    async with store.locked() as slot:
        assert slot.token is not None
    with pytest.raises(Reauthenticate, match="token_revoked"):
        await require_usable(database, "acme", "chat")


async def test_a_token_is_kept_although_the_one_before_was_forgotten_while_its_renewal_waited(
    database: Database, vault: Vault
) -> None:
    store = PostgresTokenStore(database, vault, "acme", "chat")

    async def save(text: str) -> None:
        async with store.locked() as slot:
            await slot.save(Token(Secret(text), None, datetime.now(UTC), None))

    await save("xoxb-1")
    async with store.locked():
        forgetting = asyncio.create_task(forget(database))
        await waiting(database, 1)
        renewing = asyncio.create_task(save("xoxb-2"))
        await waiting(database, 2)
    await asyncio.gather(forgetting, renewing)

    async with store.locked() as slot:
        assert slot.token is not None
        assert slot.token.access.reveal() == "xoxb-2"


async def forget(database: Database) -> None:
    async with database.tenant("acme") as conn:
        await conn.execute("delete from token")


async def waiting(database: Database, sessions: int) -> None:
    """Until so many sessions wait for a row."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    found = -1
    while found != sessions:
        await asyncio.sleep(0.02)
        async with database.system() as conn:
            [(found,)] = await (await conn.execute(query)).fetchall()


async def test_another_account_behind_a_known_connection_is_refused(database: Database) -> None:
    await record_identity(database, "acme", "desk", "zendesk", "acme.zendesk.com")
    await record_identity(database, "acme", "desk", "zendesk", "acme.zendesk.com")
    with pytest.raises(Misconfigured, match=r"acme\.zendesk\.com and now reaches acme-sandbox"):
        await record_identity(database, "acme", "desk", "zendesk", "acme-sandbox.zendesk.com")
