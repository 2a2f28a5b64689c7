"""What a tenant says about the journals that are written into its General Ledger."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=240, pattern=r"^[^,;#]*$")]
"""A name as Fusion shows it. In the parameters of a job a comma would begin the next one."""
Id = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
Segment = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=25)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("it is no time zone: write it as America/New_York or Europe/Berlin") from None
    return name


class JournalSettings(BaseModel):
    """The ledger that journals go to, the accounts they name, and what is done where there is a choice.

    Nothing here has a default that decides about money.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ledger: Words
    """Its name in Fusion."""
    business_units: tuple[Words, ...] = ()
    """Names of the business units whose primary ledger this is: of other orders (BillToBU, RequisitioningBU) no cost is
    booked. Empty: whichever, but only in the currency of the ledger, as the rate of an order leads to the currency of
    its own business unit."""
    data_access_set: Id
    """Id of a data access set of the user that may write to the ledger."""
    source: Words
    """The journal source, by the name that Fusion shows: best one that nothing else uses (README, Journals)."""
    source_id: Words | None = None
    """What the import job is told as the source, where the pod wants the source's id or key. None: its name."""
    category: Words
    """The journal category."""
    segments: Annotated[tuple[Segment, ...], Field(min_length=1, max_length=30)]
    """The names that accountCombinationsLOV gives to the segments of the chart, in the order of the chart."""
    amount: Literal["field", "line", "remaining"]
    """What a completion costs: the amount in a field of the task; the line of the order that a field names; or what
    the order has left. Never more than the order has left."""
    clearing_account: Annotated[dict[Segment, Value], Field(min_length=1)]
    """Segments that are put in place of those of the charge account: with them it is the account to be credited."""
    cost_centre_segment: Segment
    cost_centre: Value | None = None
    """The cost centre that is debited. None: that of the order."""
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    """Of the ledger: it decides to which day, and so to which period, a completion belongs."""
    closed_period: Literal["reject", "next_open"]
    """Where the period of the completion is not open: refuse the journal, or date it to the first day of the next one
    that is."""
    completed_again: Literal["ignore", "post"] = "ignore"
    """A task that has a journal is opened and completed once more: nothing, or another journal."""
    document_account: Annotated[str, StringConstraints(pattern=r"^[\w$/]+$")] = "fin$/generalLedger$/import$"
    """Where Fusion's content server keeps the files for General Ledger."""
    settle_seconds: Annotated[float, Field(ge=0)] = 900.0
    """How long after an unclear submission, or after the end of its job, a batch may still appear."""
    job_patience: Annotated[float, Field(ge=0)] = 7200.0
    """Seconds after which a job that has not ended is for a person."""
    look_for_files: bool = True
    """Whether the content server is asked which files it has from us. False where a pod refuses that: then a person is
    asked after each lost answer, and a submission that our database has lost is not known of until its batch is there.
    """

    @model_validator(mode="after")
    def _of_one_chart(self) -> JournalSettings:
        if len(set(self.segments)) != len(self.segments):
            raise ValueError("segments names one twice")
        if unknown := sorted({self.cost_centre_segment, *self.clearing_account} - set(self.segments)):
            raise ValueError(f"{', '.join(unknown)} is none of the segments")
        return self
