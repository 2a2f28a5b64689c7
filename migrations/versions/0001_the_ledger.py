"""Tenants, secrets, leases, watermarks, runs, the ledger with its bodies and links, and the audit chain.

Every table of a tenant has forced row-level security; the runtime role ``mlc_app`` owns nothing.
State stands in no index of ``effect``, so that a transition is a HOT update (measured). No index of
``effect``, ``body`` and ``link`` begins with the tenant: what the planner believes of a tenant's size is an average,
and where it believed that a tenant is small it read all of its rows to find some.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLE = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'mlc_app') then
        create role mlc_app nologin nosuperuser nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end $$;
"""

TENANT_GUARD = """
create function mlc_tenant() returns text language plpgsql stable as $$
declare name text := current_setting('mlc.tenant', true);
begin
    if name is null or name = '' then
        raise exception 'no tenant is set for this transaction';
    end if;
    return name;
end $$;
"""

SHARED_TABLES = """
create table tenant (
    name text primary key,
    active boolean not null default true,
    created_at timestamptz not null default now()
);
create table vault_canary (kek_id text primary key, envelope bytea not null);
create table rate_bucket (key text primary key, tat timestamptz not null);
"""

TENANT_TABLES = {
    "connection": """
        name text not null,
        system text not null,
        status text not null default 'new' check (status in ('new', 'ok', 'needs_reauth')),
        identity text,
        reason text,
        updated_at timestamptz not null default now(),
        primary key (tenant, name)
    """,
    "secret": """
        connection text not null,
        name text not null,
        envelope bytea not null,
        updated_at timestamptz not null default now(),
        primary key (tenant, connection, name)
    """,
    "token": """
        connection text not null,
        envelope bytea,
        updated_at timestamptz not null default now(),
        primary key (tenant, connection)
    """,
    "data_key": """
        id uuid not null,
        purpose text not null,
        kek_id text not null,
        wrapped bytea not null,
        created_at timestamptz not null default now(),
        primary key (tenant, id)
    """,
    "lease": """
        stream text not null,
        owner uuid not null,
        fence bigint not null,
        until timestamptz not null,
        holder text not null,
        primary key (tenant, stream)
    """,
    "watermark": """
        stream text not null,
        modified_at timestamptz not null,
        run_id uuid not null,
        updated_at timestamptz not null default now(),
        primary key (tenant, stream)
    """,
    "run": """
        id uuid not null,
        flow_run_id text not null,
        attempt integer not null,
        integration text not null,
        mode text not null check (mode in ('sync', 'replay')),
        replay_of uuid,
        outcome text check (outcome in ('completed', 'failed')),
        reason text,
        started_at timestamptz not null default now(),
        finished_at timestamptz,
        primary key (tenant, id),
        unique (tenant, flow_run_id, attempt)
    """,
    "run_window": """
        run_id uuid not null,
        stream text not null,
        lo timestamptz,
        hi timestamptz not null,
        cursor text,
        fetched bigint not null default 0,
        known bigint not null default 0,
        complete boolean not null default false,
        primary key (tenant, run_id, stream)
    """,
    "batch": """
        id uuid not null,
        stream text not null,
        run_id uuid not null,
        planned integer not null,
        open boolean not null default true,
        primary key (tenant, id)
    """,
    "effect": """
        id uuid not null,
        batch_id uuid not null,
        stream text not null,
        source_id text not null,
        version_at timestamptz not null,
        version_hash bytea not null,
        generation integer not null default 0,
        body_of uuid not null,
        state text not null default 'planned',
        attempts integer not null default 0,
        next_at timestamptz,
        action text,
        dest_id text,
        payload_hash bytea,
        reason text,
        settled_run uuid,
        updated_at timestamptz not null default now(),
        primary key (id),
        unique (source_id, stream, tenant, version_at, version_hash, generation),
        constraint known_state check (state in ('planned', 'sending', 'ambiguous', 'probing', 'retry_wait', 'applied',
            'unchanged', 'rejected', 'superseded', 'needs_human', 'parked', 'held', 'digested', 'abandoned'))
    """,
    "body": """
        effect_id uuid not null,
        kind text not null check (kind in ('source', 'request')),
        attempt integer not null default 0,
        envelope bytea not null,
        created_at timestamptz not null default now(),
        primary key (effect_id, kind, attempt)
    """,
    "link": """
        stream text not null,
        source_id text not null,
        dest_id text not null,
        payload_hash bytea not null,
        version_at timestamptz not null,
        effect_id uuid not null,
        updated_at timestamptz not null default now(),
        primary key (source_id, stream, tenant)
    """,
    "audit_head": """
        seq bigint not null,
        hash bytea not null,
        primary key (tenant)
    """,
    "audit_block": """
        seq bigint not null,
        at timestamptz not null,
        stream text not null,
        run_id uuid,
        source text,
        destination text,
        mapping_hash text,
        actor text,
        reason text,
        entries integer not null,
        entries_hash bytea not null,
        prev bytea not null,
        hash bytea not null,
        primary key (tenant, seq)
    """,
    "audit_entry": """
        seq bigint not null,
        n integer not null,
        effect_id uuid,
        source_id text,
        action text,
        status text not null,
        dest_id text,
        request_id text,
        reason text,
        attempt integer not null,
        primary key (tenant, seq, n)
    """,
}

INDEXES = """
create index batch_open on batch (tenant, stream, id) where open;
create index batch_run on batch (tenant, run_id);
create index effect_batch on effect (batch_id);
create index audit_entry_effect on audit_entry (tenant, effect_id);
create index audit_block_run on audit_block (tenant, run_id);
alter table body alter column envelope set storage external;
alter table effect set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
alter table batch set (fillfactor = 50);
alter table link set (fillfactor = 70);
"""

# A block's hash covers the block before it, its own header and all of its entries, so an entry or a block that is
# edited, removed, added or moved breaks the chain. One row per tenant is locked, last in its transaction, once.
AUDIT = """
create function mlc_audit_entries_hash(effects uuid[], source_ids text[], actions text[], statuses text[],
        dest_ids text[], request_ids text[], reasons text[], attempts integer[]) returns bytea language sql stable as $$
    select sha256(convert_to(
        row(effects, source_ids, actions, statuses, dest_ids, request_ids, reasons, attempts)::text, 'UTF8'))
$$;
create function mlc_audit_block_hash(prev bytea, tenant text, seq bigint, at timestamptz, stream text, run_id uuid,
        source text, destination text, mapping_hash text, actor text, reason text, entries integer,
        entries_hash bytea) returns bytea language sql immutable as $$
    select sha256(prev || convert_to(jsonb_build_array(tenant, seq, extract(epoch from at)::text, stream, run_id,
        source, destination, mapping_hash, actor, reason, entries, encode(entries_hash, 'hex'))::text, 'UTF8'))
$$;
create function mlc_audit(p_stream text, p_run uuid, p_source text, p_destination text, p_mapping text, p_actor text,
        p_reason text, p_effects uuid[], p_source_ids text[], p_actions text[], p_statuses text[], p_dest_ids text[],
        p_request_ids text[], p_reasons text[], p_attempts integer[]) returns bigint language plpgsql as $$
declare
    t text := mlc_tenant();
    head audit_head;
    moment timestamptz := clock_timestamp();
    body_hash bytea;
    block_hash bytea;
begin
    insert into audit_head (tenant, seq, hash) values (t, 0, ''::bytea) on conflict do nothing;
    select * into head from audit_head where tenant = t for update;
    insert into audit_entry (tenant, seq, n, effect_id, source_id, action, status, dest_id, request_id, reason, attempt)
    select t, head.seq + 1, e.n, e.effect_id, e.source_id, e.action, e.status, e.dest_id, e.request_id, e.reason,
        e.attempt
    from unnest(p_effects, p_source_ids, p_actions, p_statuses, p_dest_ids, p_request_ids, p_reasons, p_attempts)
        with ordinality as e(effect_id, source_id, action, status, dest_id, request_id, reason, attempt, n);
    body_hash := mlc_audit_entries_hash(p_effects, p_source_ids, p_actions, p_statuses, p_dest_ids, p_request_ids,
        p_reasons, p_attempts);
    block_hash := mlc_audit_block_hash(head.hash, t, head.seq + 1, moment, p_stream, p_run, p_source, p_destination,
        p_mapping, p_actor, p_reason, coalesce(cardinality(p_statuses), 0), body_hash);
    insert into audit_block (tenant, seq, at, stream, run_id, source, destination, mapping_hash, actor, reason, entries,
        entries_hash, prev, hash)
    values (t, head.seq + 1, moment, p_stream, p_run, p_source, p_destination, p_mapping, p_actor, p_reason,
        coalesce(cardinality(p_statuses), 0), body_hash, head.hash, block_hash);
    update audit_head set seq = head.seq + 1, hash = block_hash where tenant = t;
    return head.seq + 1;
end $$;
"""

# What the runtime role may do. The audit can be added to and read; bodies are never changed.
GRANTS = """
grant usage on schema public to mlc_app;
grant select on alembic_version to mlc_app;
grant select, insert, update, delete on tenant, rate_bucket, connection, secret, token, data_key, lease to mlc_app;
grant select, insert on vault_canary, body, audit_block, audit_entry to mlc_app;
grant select, insert, update on watermark, run, run_window, batch, effect, link, audit_head to mlc_app;
"""


def upgrade() -> None:
    op.execute(ROLE)
    op.execute(TENANT_GUARD)
    op.execute(SHARED_TABLES)
    for table, columns in TENANT_TABLES.items():
        op.execute(f"create table {table} (tenant text not null, {columns})")
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(
            f"create policy of_tenant on {table} using (tenant = (select mlc_tenant())) "
            f"with check (tenant = (select mlc_tenant()))"
        )
    op.execute(INDEXES)
    op.execute(AUDIT)
    op.execute(GRANTS)
