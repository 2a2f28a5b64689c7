"""Requests of the scheduler, as its own REST interface shows them, outside of the other resources.

https://docs.oracle.com/en/cloud/saas/applications-common/25a/farca/op-ess-rest-scheduler-v1-requests-get.html
"""

from __future__ import annotations

import operator
import re
from typing import Any

from starlette.requests import Request

from connectors.oracle_fusion.sandbox import rest
from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.scheduler import Process, Scheduler
from ml_connector.sandbox.world import World

PATH = "/ess/rest/scheduler/v1/requests"
PAGE = 100
QUERYABLE = frozenset({"requestId", "absParentRequestId", "parentRequestId", "jobDefinitionId", "state"})
"""Of some fifty those that are played."""
_HOW = {"eq": operator.eq, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
_CLAUSE = re.compile(r'(\w+) (eq|gt|ge|lt|le) (?:"([^"]*)"|(\d+))')


class ScheduledRequests:
    """Searches for requests, and shows one with its parameters."""

    def __init__(self, *, world: World, pod: Pod, scheduler: Scheduler) -> None:
        self.world = world
        self.pod = pod
        self.scheduler = scheduler

    def search(self, request: Request, _: int) -> dict[str, Any]:
        """Those that ``q`` (a filter as of SCIM) matches. As seen on pods, they come without their parameters."""
        self._check(request, {"q", "fields", "excludeFields", "id", "orderBy"})
        clauses = [_clause(part) for part in filter(None, request.query_params.get("q", "").split(" and "))]
        rows = [self._row(process) for process in self.scheduler.processes.values()]
        found = [row for row in rows if all(_matches(row[name], how, wanted) for name, how, wanted in clauses)]
        order, direction = request.query_params.get("orderBy", "requestId:desc").split(":")
        found.sort(key=lambda row: row[order], reverse=direction == "desc")
        page = [_shown(row | {"requestParameters": None}, request) for row in found[:PAGE]]
        return {"items": page, "count": len(page), "pageIndex": 0, "hasMore": len(found) > PAGE, "links": []}

    def one(self, request: Request, _: int) -> dict[str, Any]:
        """A request by its id."""
        self._check(request, {"fields", "excludeFields"})
        key = request.path_params["key"]
        process = self.scheduler.processes.get(int(key)) if key.isdecimal() else None
        if process is None:
            raise rest.Refused(404, "ESS-00020: the request is not found.")
        given = [
            {"name": f"submit.argument{n}", "paramType": "STRING", "value": value}
            for n, value in enumerate(process.arguments, 1)
        ]
        return _shown(self._row(process) | {"requestParameters": given}, request)

    def _check(self, request: Request, parameters: set[str]) -> None:
        rest.check_parameters(request, parameters)
        if not self.pod.settings.sees_requests:
            raise rest.Refused(403, "Access denied.")

    def _row(self, process: Process) -> dict[str, Any]:
        return {
            "requestId": process.number,
            "parentRequestId": process.parent or 0,
            "absParentRequestId": process.parent or process.number,
            "description": process.name,
            "jobDefinitionId": f"JobDefinition:/{process.definition}",
            "state": process.status(self.world.now()),
            "submissionTime": process.submitted_at.isoformat(),
        }


def _clause(text: str) -> tuple[str, str, Any]:
    known = _CLAUSE.fullmatch(text)
    if known is None or known[1] not in QUERYABLE:
        raise rest.Refused(400, f"ESS-12019: the filter {text} is not valid.")
    return known[1], known[2], known[3] if known[4] is None else int(known[4])


def _matches(held: Any, how: str, value: Any) -> bool:
    return type(held) is type(value) and bool(_HOW[how](held, value))


def _shown(row: dict[str, Any], request: Request) -> dict[str, Any]:
    fields = request.query_params.get("fields")
    return {name: row[name] for name in fields.split(",")} if fields else row
