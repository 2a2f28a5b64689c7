"""A stream has only the events of its own objects: what is none of its business starts no flow."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WANTS = """
create function mlc_wants(objects text, object_key text) returns boolean language sql immutable as $$
    select objects is null or object_key = '' or split_part(object_key, ':', 1) = objects
$$;
"""
# as before, but for whom
RECEIVE = """
create or replace function mlc_receive(tenants text[], connections text[], event_ids text[], kinds text[],
        object_keys text[], envelopes bytea[])
    returns table (tenant text, connection text, event_id text) language plpgsql as $$
declare one text;
begin
    for one in select distinct unnest(tenants) loop
        perform set_config('mlc.tenant', one, true);
        return query
            insert into inbox as i (tenant, stream, connection, event_id, kind, object_key, envelope)
            select one, coalesce(l.stream, ''), e.connection, e.event_id, e.kind, e.object_key, e.envelope
            from unnest(tenants, connections, event_ids, kinds, object_keys, envelopes)
                with ordinality as e (tenant, connection, event_id, kind, object_key, envelope, n)
            left join listener l on l.connection = e.connection and mlc_wants(l.objects, e.object_key)
            where e.tenant = one
            order by e.n
            on conflict do nothing
            returning i.tenant, i.connection, i.event_id;
    end loop;
end $$;
"""


def upgrade() -> None:
    op.execute("alter table listener add column objects text")
    op.execute(WANTS)
    op.execute(RECEIVE)
