"""Custom fields of organizations that exist: balances, limits and counts, each a stream of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from connectors.zendesk.client import Zendesk
from connectors.zendesk.compare import Unwritable, differences, encode, needs_current, typed, without_filled
from connectors.zendesk.fields import CustomFields
from connectors.zendesk.lookup import Found, Key
from connectors.zendesk.organizations import UPDATE
from connectors.zendesk.refused_fields import without_refused
from connectors.zendesk.sending import ATTEMPTS, Step, send_all, unsaid
from connectors.zendesk.writing import Fate, Result, Work, outcome_of, probed
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State

_GONE = "the organization was deleted in Zendesk: replay its customer, then this record"


class OrganizationFieldsDestination:
    """Writes `models.OrganizationFields` payloads; never creates an organization.

    ``if_empty``: dotted names of fields that are written only while they are empty in Zendesk.
    """

    system = "zendesk"
    operation = "REST v2 organizations/update_many"
    resend = Resend.FREELY

    def __init__(self, client: Zendesk, if_empty: frozenset[str] = frozenset()) -> None:
        self.settle_seconds = client.settings.settle_seconds
        self._client = client
        self._if_empty = if_empty

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        fields = await self._client.custom_fields("organization")
        read = [i for i in intents if preview or needs_current(i.payload, self._if_empty)]
        current = await self._read([intent.payload["id"] for intent in read])
        looked_at = {intent.effect_id for intent in read}
        return [self._decision(i, current.get(i.payload["id"]), i.effect_id in looked_at, fields) for i in intents]

    def _decision(self, intent: Intent, current: Body | None, looked_at: bool, fields: CustomFields) -> Decision:
        object_id = intent.payload["id"]
        decision = Decision(intent.effect_id, intent.source_id, action="update", dest_id=object_id)
        try:
            body = encode(intent.payload, fields)
        except Unwritable as problem:
            decision.state, decision.reason = State.REJECTED, str(problem)
            return decision
        if looked_at and current is None:
            decision.state, decision.reason = State.REJECTED, _GONE
        elif current:
            body = without_filled(body, current, self._if_empty)
            decision.changed = differences(body, current, fields)
            if not body["organization_fields"]:
                decision.state, decision.reason = State.UNCHANGED, "the fields are filled in Zendesk"
        decision.request = {**body, "id": int(object_id)}
        return decision

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Outcomes as each job ends."""
        fields = await self._client.custom_fields("organization")

        async def settle(work: Work, result: Result, found: Found) -> Step:
            return _settled(work, result, found, fields)

        work = [Work(d, UPDATE, typed(d.request, fields), str(d.request["id"])) for d in decisions]
        async for outcomes in send_all(self._client, "organizations", work, lambda piece: Key(piece.id), settle):
            yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether each organization holds the values now."""
        running = await self._client.jobs_running() - self._client.jobs.in_flight
        fields = await self._client.custom_fields("organization")
        current = await self._read([str(decision.request["id"]) for decision in decisions])
        return [_verdict(d, current.get(str(d.request["id"])), fields, bool(running)) for d in decisions]

    async def _read(self, ids: Sequence[str]) -> dict[str, Body]:
        return {str(found["id"]): found for found in await self._client.show_many("organizations", ids=ids)}


def _settled(work: Work, result: Result, found: Found, fields: CustomFields) -> Step:
    if result.fate is Fate.SILENT and found.object and not differences(work.body, found.object, fields):
        return outcome_of(work, Result(Fate.WRITTEN, request_id=result.request_id))
    if (result.fate is Fate.SILENT and not found.object) or (result.problem and result.problem.missing):
        return outcome_of(work, Result(Fate.REFUSED, reason=_GONE, request_id=result.request_id))
    if result.fate is Fate.SILENT:
        return unsaid(work, result)
    fewer = without_refused(work, result.problem, fields) if result.problem and work.attempt < ATTEMPTS else None
    return fewer or outcome_of(work, result)


def _verdict(decision: Decision, current: Body | None, fields: CustomFields, jobs_running: bool) -> Outcome:
    if current is None:
        return Outcome(decision.effect_id, State.REJECTED, "update", decision.dest_id, _GONE)
    holds = not differences(decision.request, current, fields)
    return probed(decision, current if holds else None, jobs_running)
