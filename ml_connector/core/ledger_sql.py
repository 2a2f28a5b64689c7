"""The statements of the ledger. They are the hot path: each is written for the index that it goes by."""

from __future__ import annotations

from ml_connector.core.parking import LOOK_AGAIN, SINCE
from ml_connector.core.records import State
from ml_connector.core.routing import DIGEST
from ml_connector.core.states import CLAIMABLE, DONE, IN_FLIGHT, MOVING, UNDECIDED, literals


def _rows(name: str, **columns: str) -> str:
    """Arrays, by the names and types of their items, as rows of a table ``name``.

    The sub-selects keep the arrays' length from the planner. It takes them for ten rows then, and looks each of them up
    by an index; from their true length it has preferred to read the whole ledger.
    """
    arrays = ", ".join(f"(select %({column})b::{kind}[])" for column, kind in columns.items())
    return f"unnest({arrays}) as {name}({', '.join(columns)})"


PLAN = """
    insert into effect (tenant, id, batch_id, stream, source_id, version_at, version_hash, body_of)
    select mlc_tenant(), r.id, %(batch)s, %(stream)s, r.source_id, r.version_at, r.version_hash, r.id
    from unnest(%(ids)b::uuid[], %(source_ids)b::text[], %(versions)b::timestamptz[], %(hashes)b::bytea[],
        %(lasts)b::bytea[]) as r(id, source_id, version_at, version_hash, last_hash)
    {only}
    on conflict (tenant, stream, source_id, version_at, version_hash, generation) do nothing
    returning id
"""
PLAN_CHANGED = PLAN.format(
    only="""
    where (
        select e.version_hash in (r.version_hash, r.last_hash) from effect e
        where e.tenant = mlc_tenant() and e.stream = %(stream)s and e.source_id = r.source_id
        order by e.version_at desc, e.body_of desc limit 1) is not true
"""
)
PLAN = PLAN.format(only="")
PLAN_AGAIN = """
    insert into effect (tenant, id, batch_id, stream, source_id, version_at, version_hash, generation, body_of)
    select mlc_tenant(), r.id, %(batch)s, %(stream)s, r.source_id, r.version_at, r.version_hash,
        (select coalesce(max(g.generation) + 1, 0) from effect g where g.stream = %(stream)s
            and g.source_id = r.source_id and g.version_at = r.version_at and g.version_hash = r.version_hash),
        r.id
    from unnest(%(ids)b::uuid[], %(source_ids)b::text[], %(versions)b::timestamptz[], %(hashes)b::bytea[],
        %(again)b::bool[]) as r(id, source_id, version_at, version_hash, again)
    cross join lateral (
        select e.version_at, e.version_hash from effect e
        where e.stream = %(stream)s and e.source_id = r.source_id
        order by e.version_at desc, e.body_of desc limit 1
    ) newest
    where r.again and newest.version_at = r.version_at and newest.version_hash <> r.version_hash
    on conflict (tenant, stream, source_id, version_at, version_hash, generation) do nothing
    returning id
"""

# What was erased by a person's wish comes back with its next version only.
FORGOTTEN = """
    select distinct on (newest.body_of) newest.body_of, r.id
    from unnest((select %(ids)b::uuid[]), (select %(source_ids)b::text[]), (select %(hashes)b::bytea[]))
        as r(id, source_id, version_hash)
    cross join lateral (
        select e.tenant, e.body_of, e.version_hash from effect e
        where e.stream = %(stream)s and e.source_id = r.source_id
        order by e.version_at desc, e.body_of desc limit 1
    ) newest
    where newest.version_hash = r.version_hash
        and not exists (select 1 from body b where b.effect_id = newest.body_of and b.kind = 'source')
        and not exists (select 1 from audit_entry a
            where a.tenant = newest.tenant and a.effect_id = newest.body_of and a.action = 'erase')
"""

NAME = """
    insert into alias (tenant, stream, number, source_id)
    select mlc_tenant(), %b, n.number, n.source_id from unnest(%b::text[], %b::text[]) as n(number, source_id)
    on conflict do nothing
"""

STORE = """
    insert into body (tenant, effect_id, kind, attempt, envelope)
    select mlc_tenant(), b.id, %s, b.attempt, b.envelope
    from unnest(%b::uuid[], %b::integer[], %b::bytea[]) as b(id, attempt, envelope)
"""
STORE_FIRST = f"{STORE} on conflict (effect_id, kind, attempt) do nothing"

PLAN_REPLAY = """
    insert into effect (tenant, id, batch_id, stream, source_id, version_at, version_hash, generation, body_of, state,
        reason)
    select o.tenant, n.id, %(batch)s, o.stream, o.source_id, o.version_at, o.version_hash,
        (select max(g.generation) + 1 from effect g where g.tenant = o.tenant and g.stream = o.stream
            and g.source_id = o.source_id and g.version_at = o.version_at and g.version_hash = o.version_hash),
        o.body_of, case when s.effect_id is null then 'rejected' else 'planned' end,
        case when s.effect_id is null then %(gone)s end
    from unnest(%(ids)b::uuid[], %(originals)b::uuid[]) as n(id, original)
    join effect o on o.tenant = mlc_tenant() and o.id = n.original
    left join body s on s.tenant = o.tenant and s.effect_id = o.body_of and s.kind = 'source' and s.attempt = 0
    returning id, source_id, state, reason
"""
REPLACE = f"""
    update effect set state = 'superseded', reason = 'a replay has taken its place', updated_at = now()
    where id = any(%s) and state in {literals(UNDECIDED)}
    returning id, source_id, reason, attempts
"""  # noqa: S608 - put together from constants

# The records of a digest that was refused are planned again themselves.
REOPEN = f"""
    update effect e set state = 'planned', reason = null, digest_id = null, updated_at = now()
    from batch b
    where b.run_id = %s and b.stream = %s and e.tenant = b.tenant and e.batch_id = b.id and e.state = 'rejected'
        and not starts_with(e.source_id, '{DIGEST}')
        and exists (select 1 from body s where s.effect_id = e.body_of and s.kind = 'source')
    returning e.id, e.source_id, e.attempts, e.batch_id
"""  # noqa: S608
CRASHED = """
    update effect set state = 'ambiguous', reason = 'crash', updated_at = now(),
        next_at = clock_timestamp() + %s * interval '1 s'
    where batch_id = any(%s) and state = 'sending'
    returning id, source_id, attempts
"""
COLUMNS = """
    select e.id, e.source_id, e.version_at, e.body_of, e.generation, e.state, e.attempts, e.dest_id, s.envelope,
        r.envelope, r.attempt,
        case when e.attempts > 0 then (select count(*) from audit_entry a
            where a.tenant = e.tenant and a.effect_id = e.id and a.action = 'recover') else 0 end
    from effect e
    join body s on s.tenant = e.tenant and s.effect_id = e.body_of and s.kind = 'source' and s.attempt = 0
    left join body r on r.tenant = e.tenant and r.effect_id = e.id and r.kind = 'request' and r.attempt = e.attempts
"""
WAITS = f"""e.serial is not null and exists (
            select 1 from effect o where o.stream = e.stream and o.serial = e.serial and o.id <> e.id
                and o.state in {literals((*IN_FLIGHT, State.NEEDS_HUMAN))})"""  # noqa: S608 - put together from constants
"""Another effect of its serial is on its way, in doubt, or waits for a person."""
OVERTAKEN = """exists (
            select 1 from effect o where o.stream = e.stream and o.source_id = e.source_id and o.state <> 'abandoned'
                and (o.version_at, o.body_of, o.generation) > (e.version_at, e.body_of, e.generation))"""
"""A newer version is in the ledger."""
LOAD = f"""{COLUMNS}
    where e.batch_id = any(%s) and e.state in {literals((*CLAIMABLE, State.AMBIGUOUS))}
        and (e.next_at is null or e.next_at <= clock_timestamp()
            or e.state = 'parked' and (e.next_at <= %s::timestamptz + {SINCE} * interval '1 s' or {OVERTAKEN}))
        and (e.state = 'ambiguous' or not ({WAITS}))
    order by e.id
"""
LOAD_THESE = f"{COLUMNS} where e.id = any(%s)"

# Of versions with one timestamp the newer is the one that was read later. A replay goes by the id of the body that it
# repeats, not by its own, so it does not overtake what was read between the two.
# ``coalesce`` hides the state from the planner: of a state in which its statistics have seen no row it expects none.
LINKED = f"""
    linked as (
        insert into link as l (tenant, stream, source_id, dest_id, payload_hash, version_at, effect_id)
        select m.tenant, m.stream, m.source_id, m.dest_id, m.payload_hash, m.version_at, m.id from moved m
        where m.state in {literals(DONE)} and m.dest_id is not null and m.payload_hash is not null
        on conflict (tenant, stream, source_id) do update
        set dest_id = excluded.dest_id, payload_hash = excluded.payload_hash, version_at = excluded.version_at,
            effect_id = excluded.effect_id, updated_at = now(),
            since = case when l.dest_id = excluded.dest_id then l.since else now() end
    )
"""  # noqa: S608
SERIALS = f"""
    with one_claim_at_a_time as materialized (
        select pg_advisory_xact_lock(hashtextextended(mlc_tenant() || '/' || %(stream)s, 0))
    )
    update effect e set serial = s.serial from one_claim_at_a_time, {_rows("s", id="uuid", serial="text")}
    where e.id = s.id and e.serial is distinct from s.serial
"""  # noqa: S608
CLAIM = f"""
    with looked as materialized (
        select w.*, others.overtaken, others.busy, w.state = 'sending' and {WAITS} as waits
        from {_rows("w", id="uuid", state="text", action="text", dest_id="text", payload_hash="bytea", reason="text")}
        join effect e on e.id = w.id
        cross join lateral (
            select bool_or(o.state <> 'abandoned' and (o.version_at, o.body_of, o.generation)
                    > (e.version_at, e.body_of, e.generation)) as overtaken,
                bool_or(o.id <> e.id and (o.state in {literals(IN_FLIGHT)}
                    or e.serial is not null and o.state = 'needs_human')) as busy
            from effect o where o.stream = e.stream and o.source_id = e.source_id
        ) others
    ), moved as (
        update effect e set
            state = case when l.overtaken then 'superseded' else l.state end,
            reason = case when l.overtaken then 'a newer version is in the ledger' else l.reason end,
            attempts = e.attempts + (not l.overtaken and l.state = 'sending')::integer,
            action = l.action, dest_id = coalesce(l.dest_id, e.dest_id), payload_hash = l.payload_hash,
            next_at = case when l.state = 'parked' and not l.overtaken
                then clock_timestamp() + {LOOK_AGAIN} * interval '1 s' end,
            settled_run = %(run)s, updated_at = now()
        from looked l
        where e.id = l.id and coalesce(e.state in {literals(CLAIMABLE)}, false)
            and (l.overtaken or not l.busy and not l.waits and (e.state, l.state) <> ('parked', 'parked'))
        returning e.*
    ), looked_at as (
        update effect e set next_at = clock_timestamp() + {LOOK_AGAIN} * interval '1 s'
        from looked l
        where e.id = l.id and (e.state, l.state) = ('parked', 'parked') and not l.overtaken
    ), {LINKED}
    select id, state, attempts, reason from moved
"""  # noqa: S608 - put together from constants

_NOT_WELL = (State.REJECTED, State.RETRY_WAIT, State.NEEDS_HUMAN, State.ABANDONED)
"""After an attempt that ended so nobody knows what the destination holds."""
SETTLE = f"""
    with moved as (
        update effect e set
            state = o.state, action = coalesce(o.action, e.action), dest_id = coalesce(o.dest_id, e.dest_id),
            payload_hash = case when o.state <> 'unchanged' or o.dest_id is not null then e.payload_hash end,
            reason = o.reason, settled_run = %(run)s, updated_at = now(),
            next_at = case when o.wait is not null then clock_timestamp() + o.wait * interval '1 s' end
        from {_rows("o", id="uuid", state="text", action="text", dest_id="text", reason="text", wait="float")}
        where e.id = o.id
            and coalesce(e.state in {literals(MOVING)}, false)
        returning e.*
    ), doubted as (
        update link l set payload_hash = ''::bytea, updated_at = now() from moved m
        where l.stream = m.stream and l.source_id = m.source_id and m.attempts > 0
            and m.state in {literals(_NOT_WELL)}
    ), {LINKED}
    select id, source_id, attempts from moved
"""  # noqa: S608
PLAN_DIGEST = """
    insert into effect (tenant, id, batch_id, stream, source_id, version_at, version_hash, body_of)
    select mlc_tenant(), %(id)s, %(batch)s, %(stream)s, %(source_id)s, max(e.version_at),
        substring(sha256(convert_to(string_agg(e.id::text, ',' order by e.id), 'UTF8')) for 16), %(id)s
    from effect e where e.id = any(%(members)s)
"""
TELL_IN = """
    with members as (
        update effect set digest_id = %(id)s where id = any(%(members)s) returning stream, source_id
    )
    update link l set payload_hash = ''::bytea, updated_at = now() from members m
    where l.stream = m.stream and l.source_id = m.source_id
"""
LINKS = f"""
    select l.source_id, l.dest_id, l.payload_hash from {_rows("s", source_id="text")}
    join link l on l.stream = %(stream)s and l.source_id = s.source_id
"""  # noqa: S608
NEXT_DUE = f"""
    select extract(epoch from min(coalesce(e.next_at, clock_timestamp())) - clock_timestamp())
    from effect e join batch b on b.tenant = e.tenant and b.id = e.batch_id
    where b.stream = %s and b.open and (e.state = 'ambiguous' or (e.state in ('planned', 'retry_wait') and not exists (
        select 1 from effect o where o.stream = e.stream and o.source_id = e.source_id
            and o.state in {literals(IN_FLIGHT)}) and not ({WAITS})))
"""  # noqa: S608
