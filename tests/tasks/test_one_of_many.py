"""What a person asks about one record goes by indexes, however many others there are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ml_connector.core import audit_query, selection
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded
from ml_connector.core.resolve import _UNFINISHED, unfinished
from ml_connector.core.selection import Selection, effects_of, streams_of
from ml_connector.core.states import FINISHED
from ml_connector.core.vault import Vault
from tests.tasks.test_journey import KEY, World

OTHERS = """
    insert into batch (tenant, id, stream, run_id, planned, open)
        select 'acme', ('00000000-0000-7000-8000-' || lpad(b::text, 12, '0'))::uuid, 'test/customers',
            gen_random_uuid(), 500, false from generate_series(0, 20) b;
    insert into effect (tenant, id, batch_id, stream, source_id, version_at, version_hash, body_of, state)
        select b.tenant, i.id, b.id, b.stream, 's' || s, now(), ''::bytea, i.id, 'applied'
        from generate_series(0, 9999) s, lateral (select gen_random_uuid() as id where s >= 0) i,
            batch b where b.id = ('00000000-0000-7000-8000-' || lpad((s / 500)::text, 12, '0'))::uuid;
    insert into audit_block (tenant, seq, at, stream, run_id, entries, entries_hash, prev, hash)
        select tenant, 1000 + row_number() over (), now(), stream, run_id, planned, '', '', '' from batch
        where planned = 500;
    insert into audit_entry (tenant, seq, n, effect_id, source_id, action, status, attempt)
        select tenant, 1000 + (row_number() over ()) / 500, row_number() over (), id, source_id, 'read', 'planned', 0
        from effect where source_id like 's%';
    insert into link (tenant, stream, source_id, dest_id, payload_hash, version_at, effect_id)
        select tenant, stream, source_id, 'd-' || source_id, '', now(), id from effect where source_id like 's%';
    insert into alias (tenant, stream, number, source_id)
        select tenant, stream, 'N-' || source_id, source_id from effect where source_id like 's%';
    analyze;
"""
FEW = 100


@pytest.fixture
async def world(database: Database, vault: Vault, postgres: Embedded, database_name: str) -> World:
    world = World(database, vault)
    world.source.put("c1", name="x", number="C-1")
    await world.run("r1")
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as owner:
        owner.execute(OTHERS)
    return world


async def test_one_record_is_found_among_many_without_reading_them(world: World) -> None:
    for key in ("c1", "C-1", "d-c1"):
        assert [line async for line in scans(world, key)] == []
        assert [line.status async for line in lines(world.db, "acme", record=key)] == ["planned", "sending", "applied"]
        assert await streams_of(world.db, "acme", Selection(keys=(key,)), None) == [KEY]
    assert len([line async for line in lines(world.db, "acme", run="r1")]) == 3
    assert [found.source_id for found in await unfinished(world.db, "acme", "c1")] == []


async def scans(world: World, key: str) -> AsyncIterator[str]:
    """Where Postgres reads many rows to find one record's."""
    async with world.db.tenant("acme") as conn:
        effects = await effects_of(conn, [key])
        wanted = await Selection(keys=(key,)).values(conn, FINISHED, resend=True)
        place: dict[str, Any] = {"into": UUID(int=0), "stream": KEY, "after": UUID(int=0), "limit": 500}
        whole = {"effects": effects, "runs": None, "state": None, "since": None, "failed": False}
        for statement, values in (
            (selection.RECORDS, {"keys": [key]}),
            (selection._EFFECTS, {"streams": [KEY], "source_ids": ["c1"]}),
            (selection.SELECTED, wanted | place),
            (selection._STREAMS, wanted | place),
            (_UNFINISHED, {"ids": effects, "open": ["planned"]}),
            (audit_query._LINES, whole),
            (audit_query._LINES, whole | {"effects": None, "runs": [UUID(int=1)]}),
        ):
            plan = await (await conn.execute(f"explain (analyze, timing off) {statement}", values)).fetchall()
            for (line,) in plan:
                looked_at = re.findall(r"actual rows=(\d+)|Rows Removed by [\w ]+: (\d+)", line)
                if any(int(number) > FEW for numbers in looked_at for number in numbers if number):
                    yield line
