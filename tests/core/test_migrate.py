"""Migrations are run by the owner of the tables, who need not be a superuser, nor may make roles if ours is there."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
from alembic import command

from ml_connector.core.conninfo import parameters
from ml_connector.core.embedded import Embedded
from ml_connector.core.migrate import _config, migrate

DIGEST = UUID("019aa000-0000-7000-8000-000000000001")
TOLD = """
    insert into effect (tenant, id, batch_id, stream, source_id, version_at, version_hash, body_of, state, reason)
    select t, gen_random_uuid(), gen_random_uuid(), 's', state, now(), ''::bytea, gen_random_uuid(), state, reason
    from unnest(array['acme', 'globex']) t, (values ('digested', %s), ('applied', null)) as v(state, reason)
"""
NEVER_APPLIED = """
    insert into vault_canary (kek_id, envelope) values ('k1', '');
    insert into data_key (tenant, id, purpose, kek_id, wrapped) values ('acme', gen_random_uuid(), 'secret', 'k1', '')
"""


def test_an_owner_who_may_nothing_else_brings_a_database_and_what_is_in_it_to_the_newest_version(
    postgres: Embedded,
) -> None:
    owner = f"owner_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.uri("postgres"), autocommit=True) as server:
        server.execute(f"create role {owner} login nocreaterole nosuperuser nobypassrls")
        server.execute(f"create database {owner} owner {owner}")
    config = _config()
    config.attributes["parameters"] = parameters(postgres.uri(owner, owner))

    command.upgrade(config, "0014")
    with psycopg.connect(postgres.uri(owner), autocommit=True) as superuser:
        superuser.execute(TOLD, (f"told in the digest {DIGEST}",))
        superuser.execute(NEVER_APPLIED)
    migrate(postgres.uri(owner, owner))

    with psycopg.connect(postgres.uri(owner), autocommit=True) as superuser:
        found = superuser.execute("select state, digest_id from effect order by tenant, state").fetchall()
        known = superuser.execute("select name from tenant").fetchall()
        bare = superuser.execute(
            "select relname from pg_class where relkind = 'r' and relrowsecurity and not relforcerowsecurity"
        ).fetchall()
    assert found == 2 * [("applied", None), ("digested", DIGEST)]
    assert known == [("acme",)]
    assert bare == []
