"""What the mappings fill and read. Custom fields go by their names, which are unique in a workspace.

https://developers.asana.com/reference/tasks
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from connectors.asana.settings import Gid

FieldValue = str | int | bool | Decimal | None
"""A custom field's value; the connector writes it as the type of the field asks for."""


def _day(value: Any) -> Any:
    """A date; of a timestamp its day."""
    try:
        return date.fromisoformat(value[:10]).isoformat() if isinstance(value, str) else value
    except ValueError:
        raise ValueError("is not a date") from None  # its own text would quote the value


class Task(BaseModel):
    """A task that shows an object of the ERP. A field that is not named keeps what it has; null clears it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    external_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=900)]
    """The ERP's id of the object, with a prefix for its kind where several kinds have tasks: ``po:300000987654321``."""
    project: str
    """Where it is created and looked for: a name of the connection's ``projects``, or a project's id."""
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1024)]
    notes: Annotated[str, Field(max_length=60_000)] | None = None
    due_on: Annotated[str, BeforeValidator(_day)] | None = None
    custom_fields: dict[str, FieldValue] = {}


class FieldOption(BaseModel):
    """What people may choose in an enum field. Records with the same name share an option."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    field: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    """The field's title in Asana."""
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    enabled: bool = True
    """False: nobody can choose it any more; tasks that have it keep it."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Person(_Record):
    gid: str
    name: str | None


class Membership(_Record):
    """A project that a task is in, and its section there."""

    project: str
    project_name: str | None
    section: str | None


class CompletedTask(_Record):
    """A task that somebody has completed, or (then ``completed`` is false) opened again since."""

    gid: Gid
    name: str
    completed: bool
    completed_at: datetime | None
    completed_by: Person | None
    resource_subtype: str
    """``approval`` for a task that asks for one."""
    approval_status: str | None
    """A rejected approval is a completed task, too: look here before money moves."""
    oracle_id: str | None
    po_number: str | None
    custom_fields: dict[str, Any]
    """Name -> text, number (an integer, or the digits as text), option, list of options, or day; null where empty."""
    memberships: list[Membership]
    permalink_url: str | None
