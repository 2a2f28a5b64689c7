"""Tasks as a destination: found, compared, created or changed. https://developers.asana.com/reference/tasks"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from connectors.asana.client import VENDOR, Asana
from connectors.asana.comparing import PLAIN, differences, projects_of, without_filled, without_retired
from connectors.asana.errors import Refused
from connectors.asana.fields import Field, NotYet, Unwritable
from connectors.asana.lookup import Found, Key, find
from connectors.asana.projects import Projects
from connectors.asana.sending import Sending
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State

_NO_TASK = "there is no task for it in the project, and the connection does not create any"
_HIDDEN_TASK = (
    "its task is hidden from us: add the token's user to it or to its project, then replay it. No second one is made"
)
_HIDDEN_PROJECT = (
    "is gone, or hidden from us: add the token's user to it as an editor, or correct the connection's `projects`; then "
    "replay what was rejected"
)


class Tasks:
    """Writes `models.Task` payloads: an upsert, which says the whole state of the fields that it names.

    ``declared``: the custom fields of the mapping; in Asana they go by their titles. ``if_empty``: names of fields that
    are written only while they are empty in Asana.
    """

    system = VENDOR
    operation = "REST 1.0 tasks"
    resend = Resend.FREELY

    def __init__(
        self, client: Asana, declared: Mapping[str, CustomField] = {}, if_empty: frozenset[str] = frozenset()
    ) -> None:
        self.settle_seconds = client.settings.settle_seconds
        self._client = client
        self._projects = Projects(client)
        self._titles = {key: field.title for key, field in declared.items()}
        titles = {f"custom_fields.{key}": f"custom_fields.{title}" for key, title in self._titles.items()}
        self._if_empty = frozenset(titles.get(name, name) for name in if_empty)

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        del preview  # each task is looked at in any case
        requests = [self._request(intent.payload) for intent in intents]
        known = await self._fields(requests)
        pairs = [(i, r) for i, r in zip(intents, requests, strict=True) if r["project"] in known]
        tasks = await find(self._client, [Key(r["project"], r["external_id"], i.dest_id) for i, r in pairs])
        current = {intent.effect_id: task for (intent, _), task in zip(pairs, tasks, strict=True)}
        return [
            self._decision(intent, request, current.get(intent.effect_id), known.get(request["project"]))
            for intent, request in zip(intents, requests, strict=True)
        ]

    def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Outcomes as each task is written; tasks are written at the same time, changes of one in their order."""
        return Sending(self._client, self._projects).send(decisions)

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether each task holds what was sent. What it does not hold may be sent again: the task is found then."""
        known = await self._fields([decision.request for decision in decisions])
        asked = [d for d in decisions if d.request["project"] in known]
        keys = [Key(d.request["project"], d.request["external_id"], d.dest_id) for d in asked]
        tasks = await find(self._client, keys)
        found = {decision.effect_id: task for decision, task in zip(asked, tasks, strict=True)}
        return [_verdict(d, found.get(d.effect_id), known.get(d.request["project"])) for d in decisions]

    async def _fields(self, requests: Sequence[Body]) -> dict[str, Mapping[str, Field]]:
        """The custom fields of each project that can be read: one that cannot stops the records of no other."""
        known = {}
        for project in {request["project"] for request in requests if request["project"]}:
            try:
                known[project] = await self._projects.fields(project)
            except Refused as error:
                if not error.out_of_reach:
                    raise
        return known

    def _request(self, payload: Body) -> Body:
        values = {self._titles.get(key, key): value for key, value in (payload.get("custom_fields") or {}).items()}
        settings = self._client.settings
        if settings.found_by == "field":
            values[settings.id_field] = payload["external_id"]
        return {
            "project": self._projects.gid(payload["project"]),
            "external_id": payload["external_id"],
            **{name: payload[name] for name in PLAIN if name in payload},
            "custom_fields": values,
        }

    def _decision(self, intent: Intent, request: Body, task: Found, fields: Mapping[str, Field] | None) -> Decision:
        decision = Decision(intent.effect_id, intent.source_id, "update" if task else "create", request)
        if request["project"] is None:
            return _not_sent(decision, State.REJECTED, "the connection has no project of the name that `project` gives")
        if fields is None:
            return _not_sent(decision, State.REJECTED, f"project {request['project']} {_HIDDEN_PROJECT}")
        if isinstance(task, Refused):
            return _not_sent(decision, State.REJECTED, _hidden(task))
        try:
            if task is None:
                decision.changed = differences(request, _blank(fields), fields)
                if not self._client.settings.create_missing:
                    return _not_sent(decision, State.REJECTED, _NO_TASK)
                return decision
            decision.dest_id = str(task["gid"])
            request = without_filled(request, task, fields, self._if_empty)
            decision.request = request = without_retired(request, task, fields)
            decision.changed = differences(request, task, fields)
        except NotYet as problem:
            return _not_sent(decision, State.PARKED, str(problem))
        except Unwritable as problem:
            return _not_sent(decision, State.REJECTED, str(problem))
        if request["project"] not in projects_of(task):
            # people moved it, or the rule names another project: it stays where it is, and is added there
            decision.request["add"] = True
        elif not decision.changed and not intent.force:
            return _not_sent(decision, State.UNCHANGED, None)
        return decision


def _blank(fields: Mapping[str, Field]) -> Body:
    """A new task of the project."""
    return {"custom_fields": [{"gid": field.gid} for field in fields.values()]}


def _not_sent(decision: Decision, state: State, reason: str | None) -> Decision:
    decision.state, decision.reason = state, reason
    return decision


def _hidden(refusal: Refused) -> str:
    return _HIDDEN_TASK if refusal.status == 403 else refusal.message


def _verdict(decision: Decision, task: Found, fields: Mapping[str, Field] | None) -> Outcome:
    outcome = Outcome(decision.effect_id, State.RETRY_WAIT, decision.action, decision.dest_id, "it was not written")
    if fields is None or isinstance(task, Refused):
        outcome.reason = "it cannot be looked at"  # it is decided anew, and rejected; no second task comes of it
        return outcome
    try:
        if task is not None and _is_there(decision.request, task) and not differences(decision.request, task, fields):
            return Outcome(decision.effect_id, State.APPLIED, decision.action, str(task["gid"]))
    except NotYet as problem:
        outcome.reason = str(problem)
    except Unwritable as problem:
        outcome.state, outcome.reason = State.REJECTED, str(problem)
    return outcome


def _is_there(request: Body, task: Body) -> bool:
    """Whether a task that was to be added to its project is in it: two projects may have the same fields."""
    return not request.get("add") or request["project"] in projects_of(task)
