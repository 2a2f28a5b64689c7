"""Documents are kept by who holds their stream, and by nobody else."""

from __future__ import annotations

from uuid import uuid4

import pytest

from ml_connector.core.db import Database
from ml_connector.core.documents import Documents
from ml_connector.core.errors import LeaseLost
from ml_connector.core.lease import Lease, leased
from ml_connector.core.records import Decision
from ml_connector.core.vault import Sealer, Vault

STREAM = "test/invoices"


@pytest.fixture
async def sealer(vault: Vault) -> Sealer:
    return await vault.sealer("acme", "body")


def documents(db: Database, sealer: Sealer, lease: Lease | None) -> Documents:
    return Documents(db, sealer, "acme", STREAM, lambda: lease)


async def keep(kept: Documents, status: str) -> None:
    invoice = {"kind": "invoice", "id": "i1", "number": "INV-1", "content": {"status": status}}
    async for _ in kept.send([Decision(uuid4(), "i1", "keep", invoice, "i1")]):
        pass


async def test_who_slept_through_the_lease_does_not_bring_an_older_document_back(
    database: Database, sealer: Sealer
) -> None:
    async with leased(database, "acme", [STREAM], holder="sleeper", ttl=60) as lease:
        sleeper = documents(database, sealer, lease)
        await keep(sleeper, "open")
        await sleeper.mentioned({"t1": ["INV-1"]})
        async with database.tenant("acme") as conn:
            await conn.execute("update lease set until = clock_timestamp() - interval '1 s'")
        async with leased(database, "acme", [STREAM], holder="heir", ttl=60) as heir:
            await keep(documents(database, sealer, heir), "paid")
            with pytest.raises(LeaseLost):
                await keep(sleeper, "open")
            with pytest.raises(LeaseLost):
                await sleeper.mentioned({"t1": []})
        [known] = await sleeper.find(["INV-1"])
        assert known.content == {"status": "paid"}


async def test_who_only_looks_leaves_no_trace(database: Database, sealer: Sealer) -> None:
    looking = documents(database, sealer, None)
    await looking.mentioned({"t1": ["INV-1"]})
    with pytest.raises(LeaseLost):
        await keep(looking, "open")

    async with database.tenant("acme") as conn:
        assert await (await conn.execute("select 1 from mention union all select 1 from document")).fetchall() == []
