"""What the parts of the Asana emulator share: one workspace, its settings, and what has happened in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.asana.sandbox.http import Refused, Row, Write, compact, forbidden, unknown
from ml_connector.sandbox.world import World

SYSTEM = "asana"
WORKSPACE = "1200000000000001"
USER = "1200000000000002"
"""For whom all tokens act."""
PERSON = "1200000000000003"
"""Who does what is done by hand."""
PROJECTS = {"1200000000000101": "Purchase orders", "1200000000000102": "Payables"}
"""There from the beginning."""
NAMES = {USER: "ERP Integration", PERSON: "Greg Sanchez"}


@dataclass(slots=True)
class Settings:
    """What a test may change with ``POST /_sandbox/settings``. Times are in seconds."""

    requests_per_minute: int = 1500
    rate_scale: float | None = 1.0
    """Multiplies the rate limit; None switches it off."""
    reads_at_once: int = 50
    """So many GETs of a token may be under way, and further ones are refused.
    https://developers.asana.com/docs/rate-limits#concurrent-request-limits"""
    writes_at_once: int = 15
    latency: float = 0.0
    """How long each request is under way."""
    premium: bool = True
    """Without, custom fields are refused with 402."""
    token_expires_in: int = 3600
    consent: bool = True
    """Whether the user agrees on the authorization page."""
    webhook_delay: float = 0.02
    """How long events are gathered into one delivery."""
    webhook_timeout: float = 10.0
    webhook_retry_seconds: float = 1.0
    """Before the first retry; it doubles with each."""
    webhook_give_up_seconds: float = 86_400.0
    """So long a webhook may fail before Asana deletes it."""
    webhook_shuffle: float = 0.0
    """Deliveries take up to this long, each for itself: they overtake each other."""
    webhook_duplicates: int = 1
    """So often is each delivered, where they are shuffled."""
    heartbeat_seconds: float = 28_800.0
    sync_seconds: float = 86_400.0
    """How long a sync token is good for."""


@dataclass(slots=True)
class Project:
    gid: str
    name: str
    sections: dict[str, str]
    """gid -> name; a task without another choice goes into the first."""
    fields: list[str] = field(default_factory=list)
    """The custom fields added to it."""
    archived: bool = False
    events: list[Row] = field(default_factory=list)


class Workspace:
    """One workspace. ``happened`` is told of each event of a project."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.projects: dict[str, Project] = {}
        self.custom_fields: dict[str, Row] = {}
        self.tasks: dict[str, Row] = {}
        self.webhooks: dict[str, Row] = {}
        self.hidden: set[str] = set()
        """Tasks and projects that the tokens' user may not see."""
        self.happened: Callable[[Project, Row], None] = lambda *_: None
        self._last_gid = 1_200_000_000_001_000
        for gid, name in PROJECTS.items():
            self.add_project(name, gid)

    def new_gid(self) -> str:
        self._last_gid += 1
        return str(self._last_gid)

    def now(self) -> str:
        return self.world.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def add_project(self, name: str, gid: str | None = None) -> Project:
        project = Project(gid or self.new_gid(), name, {self.new_gid(): "Untitled section"})
        self.projects[project.gid] = project
        return project

    def project(self, gid: Any) -> Project:
        if gid not in self.projects:
            raise unknown("project", str(gid))
        if gid in self.hidden:
            raise forbidden()
        return self.projects[gid]

    def remove_project(self, gid: str) -> None:
        """Its tasks stay, without it."""
        del self.projects[gid]
        for task in self.tasks.values():
            task["projects"].pop(gid, None)

    def show_project(self, project: Project) -> Row:
        return {
            **compact(project.gid, "project", project.name),
            "archived": project.archived,
            "workspace": compact(WORKSPACE, "workspace", "Sandbox"),
        }

    def show_user(self, gid: str) -> Row:
        return {
            **compact(gid, "user", NAMES[gid]),
            "email": f"user{gid}@sandbox.example",
            "workspaces": [compact(WORKSPACE, "workspace", "Sandbox")],
        }

    def event(self, project_gid: str, write: Write, action: str, task: Row, **more: Any) -> None:
        """Something has happened to a task of a project."""
        project = self.projects[project_gid]
        row: Row = {
            "user": {"gid": write.user, "resource_type": "user"},
            "created_at": self.now(),
            "action": action,
            "resource": {
                "gid": task["gid"],
                "resource_type": "task",
                "resource_subtype": task["resource_subtype"],
            },
            "parent": None,
            **more,
        }
        project.events.append(row)
        self.happened(project, row)

    def effect(self, write: Write, kind: str, key: str, **detail: Any) -> None:
        if write.recorded:
            self.world.effect(SYSTEM, kind, key, write.request_id, **detail)

    def require_premium(self) -> None:
        if not self.settings.premium:
            raise Refused(402, "Custom Fields are not available for free users or guests.")
