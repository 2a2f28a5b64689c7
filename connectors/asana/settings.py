"""What a tenant's file says about an Asana connection. No secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Gid = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,30}$")]


class AsanaSettings(BaseModel):
    """Settings of one Asana workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: str
    """``https://app.asana.com/api/1.0``."""
    workspace: Gid
    projects: dict[str, Gid] = {}
    """The projects that are written and watched: the names that the mappings use -> their ids.

    Asana has no webhook for all tasks of a workspace, so each project has its own.
    """
    found_by: Literal["field", "external"] = "field"
    """How the task of an ERP object is found again: by the text field ``id_field``, which people see (and copy along
    with a task), or by Asana's hidden ``external`` id, which needs a connection by OAuth and belongs to its app."""
    id_field: str = "Oracle ID"
    po_field: str = "PO number"
    """The custom field that says which purchase order a task is about."""
    create_missing: bool = True
    """Whether a task is created for an ERP object that has none; without, such an object is rejected."""
    requests_per_minute: int = Field(default=1500, gt=0)
    """What Asana allows a token on a paid plan, over all programs that use it; on a free one it is 150."""
    settle_seconds: float = Field(default=10.0, ge=0)
    """How long a write may stay invisible to a read."""
