"""``GET /events``: what has happened in a project since a sync token. https://developers.asana.com/reference/events"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from connectors.asana.sandbox.http import Answer, Call, Endpoint, Refused
from connectors.asana.sandbox.workspace import Workspace

_PER_CALL = 100


@dataclass(slots=True, frozen=True)
class _Token:
    project: str
    position: int
    issued_at: float


class Events:
    """Sync tokens, each good for a while."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._tokens: dict[str, _Token] = {}

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint("GET", "/events", self.get)]

    def get(self, call: Call) -> Answer:
        project = self.workspace.project(call.query.get("resource"))
        token = self._tokens.get(call.query.get("sync", ""))
        oldest = time.monotonic() - self.workspace.settings.sync_seconds
        if token is None or token.project != project.gid or token.issued_at < oldest:
            message = "Sync token invalid or too old. If you are attempting to keep resources in sync, you must fetch "
            raise Refused(
                412,
                f"{message}the full dataset for this query now.",
                sync=self._issue(project.gid, len(project.events)),
            )
        events = project.events[token.position : token.position + _PER_CALL]
        position = token.position + len(events)
        sync = self._issue(project.gid, position)
        return Answer(200, {"data": events, "sync": sync, "has_more": position < len(project.events)})

    def _issue(self, project: str, position: int) -> str:
        sync = secrets.token_hex(16)
        self._tokens[sync] = _Token(project, position, time.monotonic())
        return sync
