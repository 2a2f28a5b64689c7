"""What a tenant's file may say: its connections, and the integrations between them with their schedules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from ml_connector.core.auth import AuthSpec
from ml_connector.core.mapping_file import MappingOverlay
from ml_connector.core.routing import Rule

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(slots=True, frozen=True)
class Pair:
    """What an integration joins, and the streams it has."""

    source: str
    destination: str
    streams: tuple[str, ...]
    routed: bool = False
    """Whether the rules of the tenant's ``routing`` decide who is told of a record."""
    named: str = ""
    """The stream that gives the destination's objects the ids of its records, as their external ids."""


INTEGRATIONS = {
    "oracle_zendesk": Pair(
        source="oracle_fusion",
        destination="zendesk",
        streams=(
            *("organizations", "users", "receivables", "credit_profiles", "supplier_orders"),
            *("ticket_notes", "ticket_attachments", "ticket_fields", "contact_drift"),  # back to the source
        ),
        named="organizations",
    ),
    "oracle_slack": Pair(
        source="oracle_fusion",
        destination="slack",
        streams=("invoices", "holds", "purchase_orders", "journal_batches", "receivables_invoices"),
        routed=True,
    ),
    "oracle_asana": Pair(
        source="oracle_fusion",
        destination="asana",
        streams=(
            *("suppliers", "accounts", "purchase_orders", "invoices"),
            "journals",  # back to the source
        ),
    ),
    "qad_zendesk": Pair(
        source="qad",
        destination="zendesk",
        streams=("organizations", "users", "orders", "billing", "tickets"),
        named="organizations",
    ),
    "workday_zendesk": Pair(
        source="workday",
        destination="zendesk",
        streams=(
            *("organizations", "invoices", "purchase_orders", "payments"),
            *("kept_suppliers", "kept_invoices", "kept_orders", "kept_payments"),  # for the tickets to be found
            "tickets",
        ),
        named="organizations",
    ),
}
"""Every integration there is; ``mappings/<integration>/<stream>.yaml`` belongs to each stream."""


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"([1-9]\d{0,5})([smhd])", value) if isinstance(value, str) else None
    if found is None and value != "0s":
        raise ValueError("write a whole number and a unit, such as 90s, 10m, 2h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)


def _instant(value: Any) -> Any:
    """A day is its first moment in UTC."""
    if isinstance(value, str):
        try:
            return datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        except ValueError:
            raise ValueError("write a day as 2026-11-21") from None
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Connection(_Data):
    """One account at one system. The connector's own settings stand beside these; it checks them itself."""

    model_config = ConfigDict(extra="allow")

    system: str
    auth: AuthSpec

    @property
    def settings(self) -> dict[str, Any]:
        """What the connector's settings model is made from."""
        return dict(self.model_extra or {})

    @property
    def account(self) -> tuple[object, ...]:
        """What tells accounts apart: the system and its origin, or (where one origin serves all) the workspace."""
        origin = str(self.settings.get("origin", "")).rstrip("/").lower()
        return self.system, origin, self.settings.get("workspace")


class StreamConfig(_Data):
    """When a stream is read, and how."""

    enabled: bool = True
    every: Annotated[Duration, Field(ge=timedelta(minutes=1))] | None = None
    cron: Annotated[str, StringConstraints(pattern=r"^([\d*/,A-Za-z-]+ ){4}[\d*/,A-Za-z-]+$")] | None = None
    """Five fields, in UTC. Instead of ``every``."""
    lookback: Duration = timedelta(minutes=15)
    """Source time read again in each window, for records whose change shows up late."""
    delay: Duration = timedelta(seconds=60)
    """A window ends this long before the source's present: what is younger may still be in the making."""
    full_every: Annotated[Duration, Field(ge=timedelta(hours=1))] | None = None
    """How often everything is read again, for rows that were committed later than any window looks back."""
    start_from: Literal["now"] | Annotated[datetime, BeforeValidator(_instant)] | None = None
    """The first window begins here: at a day, or with the first run. None: everything that the source has."""
    new_only: bool = False
    """Only what is created in a window, not what is changed in it; where the source can be read that way."""
    mapping: MappingOverlay = MappingOverlay()

    @model_validator(mode="after")
    def _one_schedule(self) -> StreamConfig:
        if (self.every is None) == (self.cron is None):
            raise ValueError("give it either every (10m) or cron (0 2 * * *)")
        return self


class RejectThreshold(_Data):
    """A run fails when at least ``minimum`` records, and more than ``share`` of those read, are rejected."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.05
    minimum: Annotated[int, Field(ge=1)] = 20


class AbsenceThreshold(_Data):
    """A full read is not believed, and the run fails, when at least ``minimum`` objects, or all of them, and more than
    ``share`` of those that were there are missing from it."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.2
    minimum: Annotated[int, Field(ge=1)] = 10


class IntegrationConfig(_Data):
    """One integration of a tenant."""

    source: str
    """Name of the connection that is read."""
    destination: str
    """Name of the connection that is written."""
    enabled: bool = True
    streams: dict[str, StreamConfig] = Field(min_length=1)
    reject_threshold: RejectThreshold = RejectThreshold()
    absence_threshold: AbsenceThreshold = AbsenceThreshold()
    routing: list[Rule] = []
    """Who is told of what, where the destination has channels."""
    digest_above: Annotated[int, Field(ge=1)] = 50
    """So many messages of one stream may wait for one channel; of more, one message tells of all."""


class Alerts(_Data):
    """Who is told when something is wrong."""

    block: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    """A notification block of Prefect, as type/name: ``slack-webhook/ops``."""


class TenantConfig(_Data):
    """A tenant's file over the defaults, checked."""

    tenant: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
    connections: dict[Name, Connection]
    integrations: dict[str, IntegrationConfig]
    alerts: Alerts | None = None
    """None: nobody is told."""
