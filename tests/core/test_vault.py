"""A tenant's data is readable as that tenant only, in its own place only, and with the right master key only."""

from __future__ import annotations

import psycopg
import pytest

from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret
from ml_connector.core.vault import MasterKeys, Undecryptable, Vault

LOOKED_UP_BEFORE_THE_TENANT_IS_KNOWN = {"endpoint", "oauth_state"}


async def test_a_ciphertext_opens_in_its_own_place_only(vault: Vault) -> None:
    acme = await vault.sealer("acme", "body")
    globex = await vault.sealer("globex", "body")
    envelope = acme.seal("body", "envelope", "1", b"secret")

    assert acme.open("body", "envelope", "1", envelope) == b"secret"
    for sealer, place in [
        (globex, ("body", "envelope", "1")),
        (acme, ("body", "envelope", "2")),
        (acme, ("token", "envelope", "1")),
    ]:
        with pytest.raises(Undecryptable):
            sealer.open(*place, envelope)
    for altered in (envelope[:-1] + bytes([envelope[-1] ^ 1]), envelope[:40], b"\x02" + envelope[1:], b""):
        with pytest.raises(Undecryptable):
            acme.open("body", "envelope", "1", altered)


async def test_the_wrong_or_missing_master_key_refuses_to_start(database: Database) -> None:
    first = MasterKeys.generate("k1")
    await Vault(database, MasterKeys.parse(Secret(first))).check()
    await Vault(database, MasterKeys.parse(Secret(MasterKeys.generate("k2") + "," + first))).check()

    with pytest.raises(Misconfigured, match="not the one that this database was written with"):
        await Vault(database, MasterKeys.parse(Secret(MasterKeys.generate("k1")))).check()
    with pytest.raises(Misconfigured, match="'k1' is not configured"):
        await Vault(database, MasterKeys.parse(Secret(MasterKeys.generate("k3")))).check()
    for text in ("", "k1", "k1:abc", "k1:" + "A" * 60):
        with pytest.raises(Misconfigured) as refusal:
            MasterKeys.parse(Secret(text))
        assert "A" * 10 not in str(refusal.value)


async def test_a_row_of_another_tenant_is_neither_seen_nor_written(database: Database) -> None:
    async with database.tenant("acme") as conn:
        await conn.execute("insert into connection (tenant, name, system) values ('acme', 'zendesk', 'zendesk')")

    async with database.tenant("globex") as conn:
        rows = await (await conn.execute("select * from connection")).fetchall()
        updated = await conn.execute("update connection set status = 'ok'")
        assert (rows, updated.rowcount) == ([], 0)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant("globex") as conn:
            await conn.execute("insert into connection (tenant, name, system) values ('acme', 'x', 'zendesk')")
    with pytest.raises(psycopg.errors.RaiseException, match="no tenant is set"):
        async with database.system() as conn:
            await conn.execute("select * from connection")


async def test_every_tenant_table_has_forced_row_security_and_the_runtime_role_owns_nothing(database: Database) -> None:
    async with database.system() as conn:
        tables = await conn.execute(
            """
            select c.relname, c.relrowsecurity and c.relforcerowsecurity, pg_get_userbyid(c.relowner),
                exists (select 1 from pg_policy p where p.polrelid = c.oid)
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant'
            where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
            """
        )
        found = await tables.fetchall()
        role = await conn.execute("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")
        assert (await role.fetchone()) == (False,)

    outside = {name for name, forced, _, policy in found if not forced or not policy}
    assert outside == LOOKED_UP_BEFORE_THE_TENANT_IS_KNOWN
    assert len(found) - len(outside) >= 14
    assert "mlc_app" not in {owner for _, _, owner, _ in found}
