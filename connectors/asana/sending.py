"""The way of tasks into Asana: many at a time, those of one ERP object one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from connectors.asana.client import Asana
from connectors.asana.comparing import encode
from connectors.asana.errors import Refused
from connectors.asana.fields import Field, NotYet, Unwritable
from connectors.asana.lookup import external_gid
from connectors.asana.projects import Projects
from ml_connector.core.concurrently import as_they_end
from ml_connector.core.errors import AbortRun, RetryLater
from ml_connector.core.outcomes import later, outcome
from ml_connector.core.records import Body, Decision, Outcome, State


class Sending:
    """One send."""

    def __init__(self, client: Asana, projects: Projects) -> None:
        self._client = client
        self._projects = projects
        self._halt: AbortRun | None = None

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """One outcome per decision; what ends the run is raised after the last of them."""
        groups: dict[tuple[str, str], list[Decision]] = {}
        for decision in decisions:
            groups.setdefault((decision.request["project"], decision.request["external_id"]), []).append(decision)
        async for outcomes in as_they_end(self._group(group) for group in groups.values()):
            yield outcomes
        if self._halt is not None:
            raise self._halt

    async def _group(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Write the changes of one task. What is unclear, or waits, holds back what comes behind it."""
        outcomes: list[Outcome] = []
        gid: str | None = None
        for decision in decisions:
            last = outcomes[-1].state if outcomes else None
            if self._halt is not None:
                outcomes.append(outcome(decision, State.RETRY_WAIT, f"not sent: {self._halt.message}"))
            elif last in (State.AMBIGUOUS, State.RETRY_WAIT):
                outcomes.append(outcome(decision, State.RETRY_WAIT, "an earlier write of this task goes first"))
            else:
                outcomes.append(await self._settled(decision, decision.dest_id or gid))
                gid = outcomes[-1].dest_id or gid
        return outcomes

    async def _settled(self, decision: Decision, gid: str | None) -> Outcome:
        try:
            return await self._written(decision, gid, again=True)
        except NotYet as problem:
            return outcome(decision, State.PARKED, str(problem))
        except Unwritable as problem:
            return outcome(decision, State.REJECTED, str(problem))
        except Refused as error:
            if error.missing and gid is not None:
                self._projects.forget(decision.request["project"])  # it may be the project that is gone
                return outcome(decision, State.RETRY_WAIT, "the task was deleted meanwhile", error.request_id)
            return outcome(decision, State.REJECTED, error.message, error.request_id)
        except RetryLater as error:
            return later(decision, error)
        except AbortRun as error:
            self._halt = self._halt or error
            return outcome(decision, State.RETRY_WAIT, f"not sent: {error.message}", error.request_id)

    async def _written(self, decision: Decision, gid: str | None, *, again: bool) -> Outcome:
        project = decision.request["project"]
        fields = await self._projects.fields(project)
        try:
            return await self._write(decision, gid, fields)
        except Refused as error:
            if error.status != 400 or not again:
                raise
            # fields and their options may have changed since they were read
            self._projects.forget(project)
            if await self._projects.fields(project) == fields:
                raise
            return await self._written(decision, gid, again=False)

    async def _write(self, decision: Decision, gid: str | None, fields: Mapping[str, Field]) -> Outcome:
        request = decision.request
        data = encode(request, fields)
        if gid is None:
            gid, request_id = await self._create(request, data, decision.source_id)
            return Outcome(decision.effect_id, State.APPLIED, "create", gid, request_id=request_id)
        if request.get("add"):
            await self._client.create(f"/tasks/{gid}/addProject", {"project": request["project"]})
        request_id = await self._client.update(f"/tasks/{gid}", data, record_key=decision.source_id)
        return Outcome(decision.effect_id, State.APPLIED, "update", gid, request_id=request_id)

    async def _create(self, request: Body, data: Body, record_key: str) -> tuple[str, str | None]:
        external = {"external": {"gid": external_gid(self._client, request["external_id"])}}
        body = {
            **data,
            # Asana takes null for a date that is not there, but no custom field that is cleared before it exists
            "custom_fields": {gid: value for gid, value in data["custom_fields"].items() if value is not None},
            "projects": [request["project"]],
            **(external if self._client.settings.found_by == "external" else {}),
        }
        answer, request_id = await self._client.create("/tasks", body, record_key=record_key, opt_fields="gid")
        return str(answer["data"]["gid"]), request_id
