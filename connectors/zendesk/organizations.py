"""Organizations as a destination: customers are created, updated, and found again after an unclear outcome.

https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from connectors.zendesk.client import Zendesk
from connectors.zendesk.compare import (
    Unwritable,
    differences,
    encode,
    names,
    needs_current,
    typed,
    with_theirs,
    without_filled,
)
from connectors.zendesk.errors import Problem
from connectors.zendesk.fields import CustomFields
from connectors.zendesk.lookup import Found, Key, find, with_prefix
from connectors.zendesk.refused_fields import without_refused
from connectors.zendesk.sending import ATTEMPTS, Step, send_all, unsaid
from connectors.zendesk.writing import Call, Fate, Result, Work, outcome_of, probed
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State

CREATE = Call("POST", "/organizations/create_many", "organizations")
UPDATE = Call("PUT", "/organizations/update_many", "organizations")
_LONGEST_NAME = 255


class Organizations:
    """Writes `models.Organization` payloads. ``if_empty``: dotted names of fields that are written only while they
    are empty in Zendesk.

    A decision's request is the object as it goes into the job, with ``id`` if it exists.
    """

    system = "zendesk"
    operation = "REST v2 organizations/create_many, update_many"
    resend = Resend.FREELY

    def __init__(self, client: Zendesk, if_empty: frozenset[str] = frozenset()) -> None:
        self.settle_seconds = client.settings.settle_seconds
        self._client = client
        self._if_empty = if_empty
        self._adopted: dict[str, str] = {}
        """Organizations that people have made, by their ids, with the external ids that they are to get."""

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        """Linked organizations are updated; others are looked up by external id, and adopted or created.

        UNCHANGED only where there is no link yet: a read may be older than our own last write, so it never speaks
        against an update of what we have written before.
        """
        fields = await self._client.custom_fields("organization")
        intents = with_prefix(intents, self._client.settings.external_id_prefix)
        read = [i for i in intents if preview or not i.dest_id or needs_current(i.payload, self._if_empty)]
        found = await find(self._client, "organizations", [Key(i.dest_id, i.payload["external_id"]) for i in read])
        current = {intent.effect_id: answer for intent, answer in zip(read, found, strict=True)}
        return [self._decision(intent, current.get(intent.effect_id), fields) for intent in intents]

    def _decision(self, intent: Intent, found: Found | None, fields: CustomFields) -> Decision:
        decision = Decision(intent.effect_id, intent.source_id, action="update", dest_id=intent.dest_id)
        try:
            body = encode({name: value for name, value in intent.payload.items() if name != "create"}, fields)
        except Unwritable as problem:
            decision.state, decision.reason = State.REJECTED, str(problem)
            return decision
        if found and found.conflict:
            decision.state, decision.reason = State.REJECTED, found.conflict
        elif found and not found.object and intent.payload.get("create") is False:
            decision.state, decision.reason = State.UNCHANGED, "it is not there, and not to be made"
        elif found and not found.object:
            decision.action, decision.dest_id, decision.request, decision.changed = "create", None, body, names(body)
        elif found and found.object:
            body = with_theirs(without_filled(body, found.object, self._if_empty), found.object)
            body = _keeping_suffix(body, found.object)
            decision.dest_id = str(found.object["id"])
            decision.request = {"id": found.object["id"], **body}
            decision.changed = differences(body, found.object, fields)
            if not (decision.changed or intent.force or intent.dest_id):
                decision.state, decision.reason = State.UNCHANGED, "Zendesk holds the same"
        else:
            decision.request = {"id": int(intent.dest_id or 0), **body}
        return decision

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Outcomes as each job ends. Taken names and external ids, and deleted objects, are settled on the way."""
        fields = await self._client.custom_fields("organization")

        async def settle(work: Work, result: Result, found: Found) -> Step:
            return await self._settle(work, result, found, fields)

        work = [_work(decision, typed(decision.request, fields)) for decision in decisions]
        async for outcomes in send_all(self._client, "organizations", work, lambda piece: _key(piece.body), settle):
            yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether each request is what Zendesk holds now."""
        # Jobs first: what one of them writes after this line must not be taken for "it did not happen". Those that
        # this client is waiting for hold other decisions.
        running = bool(await self._client.jobs_running() - self._client.jobs.in_flight)
        fields = await self._client.custom_fields("organization")
        found = await find(self._client, "organizations", [_key(d.request) for d in decisions])
        return [probed(d, _held(d.request, f, fields), running) for d, f in zip(decisions, found, strict=True)]

    async def _settle(self, work: Work, result: Result, found: Found, fields: CustomFields) -> Step:
        """The outcome of a piece of work, or the other way in which the same decision is to be written."""
        if result.fate is Fate.SILENT:
            return _read(work, result, found, fields)
        problem = result.problem
        if problem is None or work.attempt >= ATTEMPTS:
            return outcome_of(work, result)
        if fewer := without_refused(work, problem, fields):
            return fewer
        if problem.missing or (problem.taken & {"external_id", "?"} and "id" not in work.body):
            # It was deleted in Zendesk, or an earlier create has arrived after all.
            return await self._by_external_id(work, result, problem)
        if problem.taken & {"name", "?"}:
            return await self._other_name(work, result)
        return outcome_of(work, result)

    async def _by_external_id(self, work: Work, result: Result, problem: Problem) -> Step:
        (found,) = await find(self._client, "organizations", [Key(None, work.body["external_id"])])
        if found.conflict:
            result.reason = found.conflict
            return outcome_of(work, result)
        if found.object and found.object["id"] != work.body.get("id"):
            return _again(work, found.object["id"], work.body)
        if problem.missing:
            return _again(work, None, work.body)
        if "external_id" in problem.taken:
            result.fate, result.reason = Fate.UNSENT, "the external id is taken by an organization not yet visible"
            return outcome_of(work, result)
        return await self._other_name(work, result)

    async def _other_name(self, work: Work, result: Result) -> Step:
        """Zendesk wants names to be unique; the ERP does not."""
        policy = self._client.settings.name_collision
        name, external_id = work.body.get("name") or "", work.body["external_id"]
        if "id" not in work.body:
            for owner in await self._client.organizations_named(name):
                if await self._is_for(owner, external_id):
                    return _again(work, owner["id"], work.body)
        if policy == "reject" or name == suffixed(name, external_id):
            result.reason = f"Zendesk refuses the record: {result.problem}; rename one of the two, then replay"
            return outcome_of(work, result)
        return _again(work, work.body.get("id"), {**work.body, "name": suffixed(name, external_id)})

    async def _is_for(self, owner: Body, external_id: str) -> bool:
        """Whether an organization is the record's, or may be taken over by it: of two with its name only by one."""
        if not owner.get("external_id"):  # a search may not know yet whose it became a moment ago
            owner = await self._client.show("organizations", str(owner["id"]))
        if owner.get("external_id") or self._client.settings.name_collision != "adopt":
            return bool(owner.get("external_id") == external_id)
        return self._adopted.setdefault(str(owner["id"]), external_id) == external_id


def suffixed(name: str, external_id: str) -> str:
    """``Acme`` -> ``Acme (1001)``; a name that already ends so stays."""
    ending = f" ({external_id})"
    return name if name.endswith(ending) else name[: _LONGEST_NAME - len(ending)].rstrip() + ending


def _work(decision: Decision, body: Body, attempt: int = 1) -> Work:
    object_id = str(body["id"]) if "id" in body else None
    return Work(decision, UPDATE if object_id else CREATE, body, object_id, attempt)


def _again(work: Work, object_id: int | None, body: Body) -> Work:
    """The same decision, written to the object ``object_id`` or, if None, to a new one."""
    body = {name: value for name, value in body.items() if name != "id"}
    return _work(work.decision, {"id": object_id, **body} if object_id else body, work.attempt + 1)


def _key(request: Body) -> Key:
    return Key(str(request["id"]) if "id" in request else None, request.get("external_id"))


def _keeping_suffix(body: Body, current: Body) -> Body:
    """A name that once had to be made unique is our own name."""
    if current.get("name") == suffixed(body.get("name") or "", body["external_id"]):
        return {**body, "name": current["name"]}
    return body


def _read(work: Work, result: Result, found: Found, fields: CustomFields) -> Step:
    """What the job did not say, reading tells: an organization that is gone is made anew."""
    if found.object and not differences(work.body, found.object, fields):
        return outcome_of(work, Result(Fate.WRITTEN, str(found.object["id"]), request_id=result.request_id))
    if "id" in work.body and not found.conflict and (not found.object or found.object["id"] != work.body["id"]):
        return _again(work, found.object["id"] if found.object else None, work.body)
    return unsaid(work, result)


def _held(request: Body, found: Found, fields: CustomFields) -> Body | None:
    """The organization, if it is what the request says."""
    if not found.object or differences(_keeping_suffix(request, found.object), found.object, fields):
        return None
    return found.object
