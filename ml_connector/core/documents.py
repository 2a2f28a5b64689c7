"""Documents of an ERP, kept to be found by the numbers by which tickets name them, or by whose they are; bodies are
encrypted.

As a destination it takes what a stream reads. Writing the same twice changes nothing, so a write whose outcome is
unknown is simply made again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ml_connector.core import jsonx
from ml_connector.core.db import Database
from ml_connector.core.errors import LeaseLost
from ml_connector.core.lease import Lease
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State
from ml_connector.core.vault import Sealer

SYSTEM = "kept"
PARTY = "party"
"""The kind of what tells of a party itself."""
_AT_ONCE = 1_000
_SHOWN = 10


@dataclass(slots=True, frozen=True)
class Known:
    """A document under one of its numbers. ``own``: the ERP gave it. ``settles``: it is the number of what is paid."""

    kind: str
    id: str
    number: str
    own: bool
    settles: bool
    party: str | None
    content: Body = field(repr=False)


class Documents:
    """The documents of one tenant, as a stream writes or reads them.

    It writes under the stream's lease, ``lease`` while there is one: who was stopped for longer than that would bring
    back what its heir has replaced meanwhile. Without one nothing is written.
    """

    system = SYSTEM
    operation = "documents"
    resend = Resend.FREELY
    settle_seconds = 0.0

    def __init__(
        self, db: Database, sealer: Sealer, tenant: str, stream: str, lease: Callable[[], Lease | None]
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._tenant = tenant
        self._stream = stream
        self._lease = lease

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:  # noqa: ARG002
        return [Decision(i.effect_id, i.source_id, "keep", dict(i.payload), i.payload["id"]) for i in intents]

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        for first in range(0, len(decisions), _AT_ONCE):
            part = decisions[first : first + _AT_ONCE]
            await self._keep([decision.request for decision in part])
            yield [Outcome(d.effect_id, State.APPLIED, d.action, d.dest_id) for d in part]

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        return [Outcome(d.effect_id, State.RETRY_WAIT, d.action, d.dest_id, "it is written again") for d in decisions]

    async def find(self, numbers: Sequence[str]) -> list[Known]:
        """Every document that has one of these numbers, whoever gave it; ``number`` is folded."""
        async with self._db.tenant(self._tenant) as conn:
            rows = await conn.execute(_FIND, ([folded(number) for number in numbers],))
            return [
                Known(kind, id_, number, own, settles, party, self._content(kind, id_, envelope))
                for kind, id_, number, own, settles, party, envelope in await rows.fetchall()
            ]

    async def open_of(self, parties: Sequence[str]) -> dict[str, dict[str, list[Body]]]:
        """By party and kind what is not done with, by number: at most ten of a kind, those that were written last."""
        found: dict[str, dict[str, list[Body]]] = {}
        async with self._db.tenant(self._tenant) as conn:
            rows = await conn.execute(_OPEN, (list(parties), _SHOWN))
            for party, kind, id_, envelope in await rows.fetchall():
                found.setdefault(party, {}).setdefault(kind, []).append(self._content(kind, id_, envelope))
        return found

    async def mentioned(self, numbers: Mapping[str, Sequence[str]]) -> None:
        """Remember, per record of the stream, which numbers it names; those of a record without any are forgotten.

        Nobody holds the stream where a person only looks: then nothing is remembered.
        """
        lease = self._lease()
        if lease is None:
            return
        pairs = sorted({(key, folded(number)) for key, named in numbers.items() for number in named})
        keys, named = [key for key, _ in pairs], [number for _, number in pairs]
        async with self._db.tenant(self._tenant) as conn:
            await lease.hold(conn, self._stream)
            await conn.execute(_FORGET_MENTIONS, (self._stream, list(numbers)))
            await conn.execute(_MENTION, (self._stream, keys, named))

    async def concerned(self, since: datetime) -> list[str]:
        """The records of the stream that name a document, or a party with a document, that was written since then.

        By our clock.
        """
        async with self._db.tenant(self._tenant) as conn:
            rows = await conn.execute(_CONCERNED, {"stream": self._stream, "since": since})
            return [row[0] for row in await rows.fetchall()]

    def _content(self, kind: str, id_: str, envelope: bytes) -> Body:
        content: Body = jsonx.loads(self._sealer.open("document", "envelope", f"{kind}:{id_}", envelope))
        return content

    async def _keep(self, documents: Sequence[Body]) -> None:
        kinds, ids = [d["kind"] for d in documents], [d["id"] for d in documents]
        envelopes = [
            self._sealer.seal("document", "envelope", f"{d['kind']}:{d['id']}", jsonx.dumps(d["content"]))
            for d in documents
        ]
        numbers = list(dict.fromkeys(one for document in documents for one in _numbers(document)))
        lease = self._lease()
        if lease is None:
            raise LeaseLost(f"nobody holds {self._stream}: no document is kept", phase="lease")
        async with self._db.tenant(self._tenant) as conn:
            await lease.hold(conn, self._stream)
            parties, open_ = [d.get("party") for d in documents], [bool(d.get("open")) for d in documents]
            await conn.execute(_KEEP, (kinds, ids, parties, open_, envelopes))
            await conn.execute(_FORGET_NUMBERS, (kinds, ids))
            await conn.execute(_NUMBER, tuple([one[n] for one in numbers] for n in range(5)))


def folded(number: str) -> str:
    """``INV-7001`` and ``inv 7001`` are the same number, ``Nordgießerei`` and ``NORDGIESSEREI`` the same name."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", number).casefold())


def _numbers(document: Body) -> list[tuple[str, str, str, bool, bool]]:
    """Number, kind, id, whether it is the ERP's own, and whether it is settled; of two that fold to the same the first
    counts."""
    found: dict[str, tuple[bool, bool]] = {}
    for number, own, settles in (
        (document["number"], True, False),
        (document.get("name"), True, False),
        (document.get("party_number"), False, False),
        *((one, False, True) for one in document.get("settles") or ()),
    ):
        if number and folded(number):
            found.setdefault(folded(number), (own, settles))
    return [(number, document["kind"], document["id"], *what) for number, what in found.items()]


_KEEP = """
    insert into document as d (tenant, kind, id, party, open, envelope)
    select mlc_tenant(), n.kind, n.id, n.party, n.open, n.envelope
    from unnest(%b::text[], %b::text[], %b::text[], %b::boolean[], %b::bytea[]) as n(kind, id, party, open, envelope)
    on conflict (tenant, kind, id) do update
    set party = excluded.party, open = excluded.open, envelope = excluded.envelope, updated_at = clock_timestamp()
"""
_FORGET_NUMBERS = """
    delete from document_number d using unnest(%b::text[], %b::text[]) as n(kind, id)
    where d.kind = n.kind and d.id = n.id
"""
_NUMBER = """
    insert into document_number (tenant, number, kind, id, own, settles)
    select mlc_tenant(), n.number, n.kind, n.id, n.own, n.settles
    from unnest(%b::text[], %b::text[], %b::text[], %b::boolean[], %b::boolean[]) as n(number, kind, id, own, settles)
"""
_FIND = """
    select d.kind, d.id, n.number, n.own, n.settles, d.party, d.envelope
    from document_number n join document d on d.kind = n.kind and d.id = n.id
    where n.number = any(%s)
    order by d.kind, n.number, d.id
"""
_OPEN = """
    select newest.party, newest.kind, newest.id, newest.envelope from (
        select d.*, row_number() over (partition by d.party, d.kind order by d.updated_at desc, d.id) as nth
        from document d where d.open and d.party = any(%s)
    ) newest
    cross join lateral (
        select min(n.number) as first from document_number n where n.kind = newest.kind and n.id = newest.id and n.own
    ) number
    where newest.nth <= %s order by newest.party, newest.kind, number.first
"""
_FORGET_MENTIONS = "delete from mention where stream = %s and source_id = any(%s)"
_MENTION = """
    insert into mention (tenant, stream, source_id, number)
    select mlc_tenant(), %b, n.source_id, n.number from unnest(%b::text[], %b::text[]) as n(source_id, number)
    on conflict do nothing
"""
_CONCERNED = """
    with changed as (select d.kind, d.id, d.party from document d where d.updated_at > %(since)s)
    select m.source_id from (
        select c.kind, c.id from changed c
        union select p.kind, p.id from document p
            where p.kind = 'party' and p.party in (select c.party from changed c)
    ) d
    join document_number n on n.kind = d.kind and n.id = d.id
    join mention m on m.number = n.number and m.stream = %(stream)s
    group by 1 order by 1
"""
ERASE_DOCUMENTS = (
    """
    with kept as (
        select b.kind, b.id from effect e join document b on b.id = e.dest_id
        where e.stream = %(stream)s and e.source_id = any(%(source_ids)s) and e.action = 'keep'
    ), unnamed as (
        delete from document_number n using kept where n.kind = kept.kind and n.id = kept.id
    )
    delete from document d using kept where d.kind = kept.kind and d.id = kept.id
    """,
    "delete from mention where stream = %(stream)s and source_id = any(%(source_ids)s)",
)
"""Forget what was kept of the records of a stream, and what they name."""
