"""What the parts of the Zendesk emulator share: the account's settings, its rows and its clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.zendesk.sandbox.http import Row, Write
from connectors.zendesk.sandbox.table import Table, folded
from ml_connector.sandbox.world import FaultRule, World

SYSTEM = "zendesk"
ACCOUNT_ID = 18_525_119
BRAND_ID = 360_002_087_154
FIRST_ID = 4_018_000_000_001
"""As long as Zendesk's own ids: too large for 32 bits."""


@dataclass(slots=True)
class Settings:
    """What a test may change with ``POST /_sandbox/settings``. Times are in seconds."""

    requests_per_minute: int = 2500
    rate_scale: float | None = 1.0
    """Multiplies every rate limit; None switches them off."""
    bulk_user_import: bool = True
    """Off, as in an account whose owner has not asked Zendesk for it: users in bulk are refused with 403."""
    job_delay: float = 0.05
    jobs_kept: int = 100
    job_ttl: float = 3600.0
    result_index: bool = True
    """Whether the results of a ``create_many`` job name the ``index`` of their item."""
    failure_names: str = "index"
    """What a failed item of a ``create_many`` job is known by: its ``index``, its ``place`` under the name of ``id``,
    or ``nothing``."""
    validates_phones: bool = False
    """``Validate user phone numbers``: what is not as E.164 has it is refused."""
    side_loads_identities: bool = True
    """Whether ``users/show_many?include=identities`` brings them: staff says so, the reference does not."""
    token_expires_in: int | None = 1800
    """Lifetime of an access token whose client asked for none; None gives tokens that do not expire."""
    role: str = "admin"
    """Role of the user that tokens act for: ``admin`` or ``agent``."""
    consent: bool = True
    """Whether the user agrees on the authorization page."""
    export_excludes_seconds: float = 60.0
    """What is younger does not yet show in an incremental export, as at Zendesk."""
    trigger_category_required: bool = True
    """Whether a trigger has to name its category: some accounts want it."""
    webhook_duplicates: int = 1
    """How often each event is delivered, all at the same time."""
    webhook_shuffle: float = 0.0
    """Up to how long each delivery is held back, so that they come out of order."""
    webhook_drop: float = 0.0
    """The share of events that are never delivered."""
    webhook_retry_seconds: float = 1.0


class Account:
    """One Zendesk account."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.organizations = Table(
            name=lambda row: folded(row["name"]), external_id=lambda row: folded(row["external_id"])
        )
        self.users = Table(external_id=lambda row: folded(row["external_id"]))
        self.identities = Table(
            email=lambda row: folded(row["value"]) if row["type"] == "email" else None,
            user_id=lambda row: row["user_id"],
        )
        self.memberships = Table(
            user_id=lambda row: row["user_id"],
            organization_id=lambda row: row["organization_id"],
            pair=lambda row: (row["user_id"], row["organization_id"]),
        )
        self.tickets = Table()
        self.webhooks: dict[str, Row] = {}
        self.signing_secrets: dict[str, str] = {}
        self.triggers = Table()
        self.ticket_changed: Callable[[Row, str, int | None], None] = lambda *_: None
        """Told of each ticket, what has happened to it (``Create`` or ``Change``), and which user did it."""
        self.user_changed: Callable[[str, int, Row], None] = lambda *_: None
        """Told of each event of a user: its type (``user.identity_created``), the user's id, and what has changed."""
        self._next_id = FIRST_ID
        self._random = random.Random(1)

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def new_ids(self, count: int) -> list[int]:
        """Ids for the items of one job, in no order: Zendesk's jobs do not number what they create in sequence."""
        ids = [self.new_id() for _ in range(count)]
        self._random.shuffle(ids)
        return ids

    def now(self) -> str:
        return f"{self.world.now():%Y-%m-%dT%H:%M:%SZ}"

    def armed(self, fault: str, method: str, path: str) -> FaultRule | None:
        return self.world.faults.armed(SYSTEM, fault, method, f"/{path}")

    def effect(self, write: Write, kind: str, key: str, **detail: Any) -> None:
        """Tell the world of a state change."""
        if write.recorded:
            self.world.effect(SYSTEM, kind, key, write.request_id, **detail)


def key_of(row: Row) -> str:
    """How effects name an organization or a user."""
    return str(row["external_id"] or row["id"])


def changed_names(before: Row, after: Row, custom: str) -> list[str]:
    """Names of the attributes that differ; custom fields (under ``custom``) by their own keys."""
    names = [name for name in after if name not in (custom, "updated_at") and before.get(name) != after[name]]
    old, new = before.get(custom) or {}, after[custom]
    return names + [f"{custom}.{key}" for key in new if old.get(key) != new[key]]


def tag_list(value: Any) -> list[str]:
    """Tags as Zendesk keeps them: lower case, each once, sorted."""
    found = value.split() if isinstance(value, str) else value or []
    return sorted({str(tag).strip().lower().replace(" ", "_") for tag in found})


def text_or_none(value: Any) -> str | None:
    """An external id: a number becomes text, an empty one none."""
    return None if value in (None, "") else str(value)
