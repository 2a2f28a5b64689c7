"""What a mapping fills for a journal: the completion of a task, and the order that it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_SHOWN = 100
"""Characters of a task's name that a journal shows; Oracle's descriptions are short."""


def _nameable(moment: datetime) -> datetime:
    """In UTC. A batch's name has room for eight digits of milliseconds, to the base of 36."""
    if not 2000 <= moment.astimezone(UTC).year < 2059:
        raise ValueError("is not of this half of the century")
    return moment.astimezone(UTC)


def _cut(value: Any) -> Any:
    return " ".join(value.split())[:_SHOWN].rstrip() if isinstance(value, str) else value


def _number(value: Any) -> Any:
    """Fields of tasks hold numbers as whole ones, or as their digits."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("is not a number")  # a float has lost digits already
    try:
        return Decimal(value)
    except ArithmeticError:
        raise ValueError("is not a number") from None


OneLine = Annotated[str, BeforeValidator(_cut)]
Number = Annotated[Decimal, BeforeValidator(_number), Field(allow_inf_nan=False, max_digits=20)]


class Journal(BaseModel):
    """One completion, to become one balanced journal. It is known by the task and the moment of its completion: what
    else is mapped may be another at another time, and the journal is still the same."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    completion: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")]
    """The gid of the task."""
    completed_at: Annotated[AwareDatetime, AfterValidator(_nameable)]
    po_number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]
    """The number of the purchase order that bears the cost."""
    task_name: OneLine = ""
    task_url: str | None = None
    amount: Number | None = None
    """In the currency of the order, where the tenant's rule is ``field``."""
    po_line: Number | None = None
    """The number of the order's line, where the tenant's rule is ``line``."""
    completed_by: OneLine | None = None
