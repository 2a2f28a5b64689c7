"""Master keys are replaced: the data keys of all tenants are wrapped anew, while everything runs.

Nothing that is stored is encrypted again, and a process that has unwrapped a data key keeps working with it. A data key
is wrapped by one master key or by the other at every moment, so whoever was killed on the way starts again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from psycopg.errors import ForeignKeyViolation

from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Database
from ml_connector.core.vault import MasterKeys, wrapping


async def rewrap(db: Database, master: MasterKeys, tenants: Iterable[str]) -> AsyncIterator[int]:
    """Wrap all data keys of ``tenants`` by the current master key; yields how many it was for each of them.

    Committed tenant by tenant. Raises Misconfigured where a data key needs a master key that is not configured.
    """
    for tenant in tenants:
        async with db.tenant(tenant) as conn:
            found = await conn.execute(
                "select id, purpose, kek_id, wrapped from data_key where kek_id <> %s for update", (master.current,)
            )
            rows = await found.fetchall()
            for key_id, purpose, kek_id, wrapped in rows:
                place = wrapping(tenant, purpose, key_id)
                await conn.execute(
                    "update data_key set kek_id = %s, wrapped = %s where id = %s",
                    (master.current, master.wrap(master.unwrap(kek_id, bytes(wrapped), place), place), key_id),
                )
            crashpoint("key.rewrapped")
        yield len(rows)


async def retire(db: Database, master: MasterKeys) -> tuple[list[str], list[str]]:
    """Forget the master keys that nothing is wrapped by any more: their ids, and those that something still needs.

    No process can wrap anything by a forgotten one: see ``Vault``.
    """
    async with db.system() as conn:
        rows = await conn.execute("select kek_id from vault_canary where kek_id <> %s order by 1", (master.current,))
        old = [str(kek_id) for (kek_id,) in await rows.fetchall()]
    needed = [kek_id for kek_id in old if not await _forgotten(db, kek_id)]
    known = dict.fromkeys([*old, *master.names()[1:]])
    return [kek_id for kek_id in known if kek_id not in needed and kek_id != master.current], needed


async def _forgotten(db: Database, kek_id: str) -> bool:
    try:
        async with db.system() as conn:
            await conn.execute("delete from vault_canary where kek_id = %s", (kek_id,))
    except ForeignKeyViolation:
        return False
    return True
