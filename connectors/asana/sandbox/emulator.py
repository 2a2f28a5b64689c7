"""The Asana emulator: one strict, stateful workspace under ``/asana``; its API is at ``/asana/api/1.0``.

It refuses what Asana refuses, with Asana's status and body; what no document confirms is named in this connector's
README. Everything is kept in memory.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.asana.sandbox import hand
from connectors.asana.sandbox.custom_fields import CustomFields
from connectors.asana.sandbox.deliveries import Deliveries
from connectors.asana.sandbox.events import Events
from connectors.asana.sandbox.http import Answer, Call, Endpoint, Refused, Row, call_of, compact, unknown
from connectors.asana.sandbox.oauth import OAuth
from connectors.asana.sandbox.task_records import TaskRecords
from connectors.asana.sandbox.tasks import Tasks
from connectors.asana.sandbox.webhooks import Webhooks
from connectors.asana.sandbox.workspace import SYSTEM, USER, WORKSPACE, Workspace
from ml_connector.sandbox.world import World, configure

_TOO_MANY = "You've made too many requests and hit a rate limit. Please retry after the given amount of time."


class AsanaEmulator:
    """See ``ml_connector.sandbox.world.Emulator``. Collections: ``state`` lists them."""

    system = SYSTEM
    faults: frozenset[str] = frozenset()

    def __init__(self, world: World) -> None:
        self.world = world
        self._request_numbers = count(1)
        self._window_start = 0.0
        self._window_count = 0
        self._busy: Counter[tuple[str, bool]] = Counter()
        """Requests under way of each token: reads, and all others."""
        self._open()

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/{path:path}", self.serve, methods=["GET", "POST", "PUT", "DELETE"])]

    def reset(self) -> None:
        self.deliveries.close()
        self._window_start = 0.0
        self._open()

    def configure(self, settings: dict[str, Any]) -> None:
        configure(self.workspace.settings, settings)

    def expire_tokens(self) -> None:
        self.oauth.expire_all()

    def seed(self, collection: str, count: int, seed: int) -> int:
        match collection:
            case "projects":
                return hand.seed_projects(self.workspace, count)
            case "tasks":
                return hand.seed_tasks(self.tasks, count, seed)
        raise KeyError(collection)

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        try:
            match collection:
                case "tasks":
                    return hand.mutate_tasks(self.tasks, change)
                case "webhooks":
                    return hand.mutate_webhooks(self.deliveries, change)
                case "projects":
                    return hand.mutate_projects(self.workspace, change)
                case "custom_fields":
                    return hand.mutate_fields(self.custom_fields, change)
        except Refused as refused:
            raise ValueError(str(refused)) from None
        raise KeyError(collection)

    def state(self, collection: str) -> list[Row]:
        collections: dict[str, Callable[[], list[Row]]] = {
            "tasks": lambda: [self.tasks.show(row) for row in self.workspace.tasks.values()],
            "projects": lambda: [self.workspace.show_project(one) for one in self.workspace.projects.values()],
            "custom_fields": lambda: list(self.workspace.custom_fields.values()),
            "webhooks": lambda: list(self.workspace.webhooks.values()),
            "deliveries": lambda: self.deliveries.sent,
            "rate_violations": lambda: self.violations,
        }
        return collections[collection]()

    async def serve(self, request: Request) -> Response:
        """Every request; answers carry the id under which effects name their request."""
        self.deliveries.serve()
        call = call_of(request, await request.body(), f"{next(self._request_numbers):012x}")
        try:
            answer = await self._carried_out(call, str(request.path_params["path"]))
        except Refused as refused:
            answer = refused.answer
        request.scope["path_params"] = call.params  # so that requests are counted by route
        return answer.response({"X-Asana-Request-Id": call.write.request_id})

    async def _carried_out(self, call: Call, path: str) -> Answer:
        match call.method, path:
            case "POST", "-/oauth_token":
                return self.oauth.exchange(call)
            case "GET", "-/oauth_authorize":
                return self.oauth.authorize(call)
        self.oauth.authenticate(call)
        self._limit(call)
        with self._under_way(call):
            if latency := self.workspace.settings.latency:
                await asyncio.sleep(latency)
            for endpoint in self.endpoints:
                found = endpoint.match(call)
                if found is not None:
                    call.params = found
                    answer = endpoint.handler(call)
                    return answer if isinstance(answer, Answer) else await answer
        raise Refused(404, "No matching route for request")

    @contextmanager
    def _under_way(self, call: Call) -> Iterator[None]:
        """Count it while it is; refused if it is one too many."""
        settings, kind = self.workspace.settings, (call.token, call.method == "GET")
        if self._busy[kind] >= (settings.reads_at_once if kind[1] else settings.writes_at_once):
            self.violations.append({"method": call.method, "path": call.path})
            raise Refused(429, _TOO_MANY, {"Retry-After": "1"})
        self._busy[kind] += 1
        try:
            yield
        finally:
            self._busy[kind] -= 1

    def _limit(self, call: Call) -> None:
        """So many requests in each minute; refused ones count, too."""
        settings, now = self.workspace.settings, time.monotonic()
        if settings.rate_scale is None:
            return
        if now - self._window_start >= 60:
            self._window_start, self._window_count = now, 0
        self._window_count += 1
        if self._window_count > settings.requests_per_minute * settings.rate_scale:
            self.violations.append({"method": call.method, "path": call.path})
            wait = math.ceil(self._window_start + 60 - now)
            raise Refused(429, _TOO_MANY, {"Retry-After": str(wait)})

    def _user(self, call: Call) -> Answer:
        if call.params["user_gid"] not in ("me", USER):
            raise unknown("user", call.params["user_gid"])
        return Answer(200, {"data": call.show(self.workspace.show_user(USER))})

    def _workspace(self, call: Call) -> Answer:
        if call.params["workspace_gid"] != WORKSPACE:
            raise unknown("workspace", call.params["workspace_gid"])
        return Answer(200, {"data": call.show(compact(WORKSPACE, "workspace", "Sandbox"))})

    def _project(self, call: Call) -> Answer:
        project = self.workspace.project(call.params["project_gid"])
        return Answer(200, {"data": call.show(self.workspace.show_project(project))})

    def _sections(self, call: Call) -> Answer:
        project = self.workspace.project(call.params["project_gid"])
        return call.page([compact(gid, "section", name) for gid, name in project.sections.items()])

    def _open(self) -> None:
        self.workspace = Workspace(self.world)
        self.oauth = OAuth(self.workspace)
        self.deliveries = Deliveries(self.workspace)
        self.custom_fields = CustomFields(self.workspace)
        self.tasks = TaskRecords(self.workspace, self.custom_fields)
        self.violations: list[Row] = []
        self.endpoints: list[Endpoint] = [
            Endpoint("GET", "/users/{user_gid}", self._user),
            Endpoint("GET", "/workspaces/{workspace_gid}", self._workspace),
            Endpoint("GET", "/projects/{project_gid}", self._project),
            Endpoint("GET", "/projects/{project_gid}/sections", self._sections),
            *Tasks(self.tasks).endpoints(),
            *self.custom_fields.endpoints(),
            *Webhooks(self.workspace, self.deliveries).endpoints(),
            *Events(self.workspace).endpoints(),
        ]
