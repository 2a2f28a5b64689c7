"""Webhooks: their addresses, the inbox that keeps what they bring, and which streams listen to them.

An event is a row for each stream that listens to its connection, or one row of stream '' as long as none does.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Outside of row-level security: it tells which tenant an address belongs to. It holds a hash of each address only.
ENDPOINT = """
create table endpoint (
    token_hash bytea primary key check (length(token_hash) = 32),
    tenant text not null,
    connection text not null,
    system text not null,
    account text,
    created_at timestamptz not null default now()
);
"""

TENANT_TABLES = {
    "listener": """
        stream text not null,
        connection text not null,
        deployment text not null,
        ring bigint not null default 0,
        rung_for bigint,
        rung_at timestamptz,
        in_vain integer not null default 0,
        flow_run_id uuid,
        primary key (tenant, stream)
    """,
    "inbox": """
        id bigint generated always as identity,
        stream text not null,
        connection text not null,
        event_id text not null,
        kind text not null,
        object_key text not null,
        state text not null default 'pending' check (state in ('pending', 'done', 'parked', 'rejected')),
        reason text,
        attempts integer not null default 0,
        due_at timestamptz not null default now(),
        awaits_stream text,
        awaits_dest_id text,
        run_id uuid,
        received_at timestamptz not null default now(),
        settled_at timestamptz,
        envelope bytea not null,
        primary key (id),
        unique (event_id, connection, stream, tenant)
    """,
}

# Parked events wait for a destination id to be linked.
INDEXES = """
create index inbox_pending on inbox (tenant, stream, id) where state = 'pending';
create index inbox_object on inbox (tenant, stream, object_key, id) where state = 'pending';
create index inbox_parked on inbox (tenant, awaits_stream, awaits_dest_id) where state = 'parked';
create index link_dest on link (dest_id, stream, tenant);
"""

# Events of many tenants in one statement, so that those who wait at the same time share one commit. It returns what was
# new. Each insert sees one tenant, as everywhere.
RECEIVE = """
create function mlc_receive(tenants text[], connections text[], event_ids text[], kinds text[], object_keys text[],
        envelopes bytea[]) returns table (tenant text, connection text, event_id text) language plpgsql as $$
declare one text;
begin
    for one in select distinct unnest(tenants) loop
        perform set_config('mlc.tenant', one, true);
        return query
            insert into inbox as i (tenant, stream, connection, event_id, kind, object_key, envelope)
            select one, coalesce(l.stream, ''), e.connection, e.event_id, e.kind, e.object_key, e.envelope
            from unnest(tenants, connections, event_ids, kinds, object_keys, envelopes)
                with ordinality as e (tenant, connection, event_id, kind, object_key, envelope, n)
            left join listener l on l.connection = e.connection
            where e.tenant = one
            order by e.n
            on conflict do nothing
            returning i.tenant, i.connection, i.event_id;
    end loop;
end $$;
"""

GRANTS = """
grant select, insert, update, delete on endpoint, listener to mlc_app;
grant select, insert, update on inbox to mlc_app;
"""


def upgrade() -> None:
    op.execute(ENDPOINT)
    for table, columns in TENANT_TABLES.items():
        op.execute(f"create table {table} (tenant text not null, {columns})")
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(
            f"create policy of_tenant on {table} using (tenant = (select mlc_tenant())) "
            f"with check (tenant = (select mlc_tenant()))"
        )
    op.execute(INDEXES)
    op.execute(RECEIVE)
    op.execute(GRANTS)
