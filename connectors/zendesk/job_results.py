"""What a job says of each object in it.

A completed job may hold failed objects. Results name an object by its ``index`` in the request (creates) or by its
``id`` (updates), in no order; an object that they do not name has to be read. Creates have been seen that name only
what they made (``{"id", "status": "Created"}``, https://github.com/facetoe/zenpy/issues/76), and failures whose ``id``
is their place in the request (https://support.zendesk.com/hc/en-us/community/posts/4408861015066).
https://developer.zendesk.com/api-reference/ticketing/ticket-management/job_statuses/#results
"""

from __future__ import annotations

from typing import Any

from connectors.zendesk.errors import problem_of
from connectors.zendesk.writing import Fate, Result, Results, Work
from ml_connector.core.records import Body


def results_of(batch: list[Work], job: Body | None, request_id: str | None) -> Results:
    """One result per piece of work. ``job`` None: it was not seen to end."""
    named = _by_place(batch, job.get("results")) if job else {}
    results = [(work, named.get(place) or _unnamed(job)) for place, work in enumerate(batch)]
    for _, result in results:
        result.request_id = request_id
    return results


def _unnamed(job: Body | None) -> Result:
    if job is None:
        return Result(Fate.UNKNOWN, reason="the job was not seen to end")
    if job.get("status") != "completed":
        return Result(Fate.UNKNOWN, reason=f"the job ended as {job.get('status')}")
    return Result(Fate.SILENT, reason="the job ended without a word on this record")


def _by_place(batch: list[Work], results: Any) -> dict[int, Result]:
    """By the place in the batch; two results for one place tell nothing."""
    entries: list[Body] = results if isinstance(results, list) else []
    if len(batch) == 1 == len(entries):
        return {0: result} if (result := _result(entries[0])) else {}
    ids = {str(work.body["id"]): place for place, work in enumerate(batch) if "id" in work.body}
    complete = len(entries) == len(batch)
    named: dict[int, Result | None] = {}
    for at, entry in enumerate(entries):
        place = ids.get(str(entry.get("id"))) if ids else entry.get("index")
        if place is None and complete and _failed(entry) and entry.get("id") == at:
            place = at  # said twice: by the id, and by where it stands in a list of all
        if isinstance(place, int) and place < len(batch):
            named[place] = _result(entry) if place not in named else None
    return {place: result for place, result in named.items() if result}


def _result(entry: Body) -> Result | None:
    if _failed(entry):
        return Result(Fate.REFUSED, problem=problem_of(entry))
    return Result(Fate.WRITTEN, id=str(entry["id"])) if entry.get("id") else None


def _failed(entry: Body) -> bool:
    return bool(
        entry.get("success") is False or entry.get("error") or entry.get("errors") or entry.get("status") == "Failed"
    )
