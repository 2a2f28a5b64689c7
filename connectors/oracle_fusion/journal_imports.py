"""The processes that import a group, as far as Fusion shows them.

The number that a file is answered with is that of its loader on some pods: the import is then a request of its own,
which is submitted when the loader has ended, and is no child of it. Others show the import under the number, with the
loader for a child. An import tells its group by the fourth of its parameters; the list of requests has no parameters.

https://docs.oracle.com/en/cloud/saas/applications-common/25a/farca/op-ess-rest-scheduler-v1-requests-get.html
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.erp_integrations import ErpIntegrations, Job
from ml_connector.core.errors import AbortRun
from ml_connector.core.records import Body

_FIELDS = "requestId,parentRequestId,absParentRequestId,jobDefinitionId,state"
_GROUP = "submit.argument4"
_WORDS = ("JournalImport", "Import Journals")
"""In the definition of an import and of its children, or in their names."""
CANDIDATES = 20
"""Imports behind a loader that are asked for their group."""


class JournalImports:
    """Finds them. Nothing found proves nothing: what was submitted later may not be shown, or not to this user."""

    def __init__(self, client: OracleFusion) -> None:
        self._client = client
        self._erp = ErpIntegrations(client)

    async def of(self, job: Job, group: str) -> list[Job] | None:
        """The import of a group whose file was answered with this number, and what that has started; empty if it is
        not seen (yet). None: nor would it be, as the scheduler does not tell this user of requests."""
        family = await self._erp.family(job.job)
        if any(_imports(one.name) for one in family):
            return [job, *(one for one in family if one.job != job.job)]
        rows = await self._requests(f"requestId gt {int(job.job)}")
        if rows is None:
            return None
        known = {job.job, *(one.job for one in family)}
        candidates = [row for row in rows if _imports(str(row.get("jobDefinitionId")))]
        roots = [row for row in candidates[:CANDIDATES] if await self._is_of(row, group, known)]
        found = {_id(row): row for row in roots}
        for root in roots:
            below = await self._requests(f"absParentRequestId eq {int(_id(root))}") or []
            found |= {_id(row): row for row in below}
        return [
            Job(number, str(row.get("jobDefinitionId") or ""), str(row.get("state") or ""))
            for number, row in found.items()
        ]

    async def are_told(self) -> bool:
        """Whether the scheduler answers such questions at all."""
        return await self._requests(f"requestId gt {10**17}") is not None

    async def _is_of(self, row: Body, group: str, known: Iterable[str]) -> bool:
        if str(row.get("absParentRequestId")) in known or str(row.get("parentRequestId")) in known:
            return True
        shown = await self._asked(f"requests/{int(_id(row))}", {"fields": "requestParameters"})
        given = (shown or {}).get("requestParameters") or []
        return any(str(one.get("name")) == _GROUP and str(one.get("value")) == group for one in given)

    async def _requests(self, q: str) -> list[Body] | None:
        """Of one page: those that were submitted next are what is looked for."""
        answer = await self._asked("requests", {"q": q, "orderBy": "requestId:asc", "fields": _FIELDS})
        if answer is None:
            return None
        return [row for row in answer.get("items") or [] if isinstance(row, dict) and _id(row).isdigit()]

    async def _asked(self, path: str, parameters: dict[str, str]) -> Body | None:
        """None where the scheduler does not admit this user: that says nothing of what else the user may do."""
        try:
            return await self._client.scheduler(path, parameters)
        except AbortRun:
            return None


def _id(row: Body) -> str:
    return str(row.get("requestId"))


def _imports(name: str) -> bool:
    return any(word in name for word in _WORDS)
