"""Files that are handed to scheduled processes of Fusion, and what becomes of those.

https://docs.oracle.com/en/cloud/saas/supply-chain-and-manufacturing/23d/faurp/erp-integrations-rest-service.html
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal
from zipfile import BadZipFile, ZipFile

from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core import jsonx
from ml_connector.core.errors import RetryLater
from ml_connector.core.records import Body

ROOT: Root = "fscmRestApi"
RESOURCE = "erpintegrations"
JOURNAL_IMPORT = "/oracle/apps/ess/financials/generalLedger/programs/common,JournalImportLauncher"
NOTHING = "#NULL"
"""What stands where a value is not given."""
LONGEST_LOG = 200_000
"""Characters of logs that are kept."""

Progress = Literal["running", "succeeded", "failed", "cancelled"]
_PROGRESS: dict[str, Progress] = {
    **dict.fromkeys(("SUCCEEDED", "FINISHED"), "succeeded"),
    **dict.fromkeys(("WARNING", "ERROR", "ERROR MANUAL RECOVERY", "EXPIRED", "VALIDATION FAILED"), "failed"),
    **dict.fromkeys(("CANCELLED", "CANCELED"), "cancelled"),
}
"""The final states. All others are passed through on the way to one (COMPLETED too), or are words that we do not know.
https://docs.oracle.com/en/cloud/saas/applications-common/25c/oacpr/statuses-of-scheduled-processes.html"""


@dataclass(slots=True, frozen=True)
class Submitted:
    """The answer to a file. ``job`` None: Fusion has refused it, or (``unclear``) does not say."""

    job: str | None
    unclear: bool
    request_id: str | None


@dataclass(slots=True, frozen=True)
class Job:
    """A scheduled process. ``name``: with its path, as far as that is told; ``status`` is Fusion's word."""

    job: str
    name: str
    status: str

    @property
    def progress(self) -> Progress:
        return progress(self.status)


def progress(status: str) -> Progress:
    """What a status word means; an unknown one: that it may still end."""
    return _PROGRESS.get(" ".join(status.upper().replace("_", " ").split()), "running")


class ErpIntegrations:
    """The resource, for one pod."""

    def __init__(self, client: OracleFusion) -> None:
        self._client = client

    async def import_bulk_data(
        self, content: bytes, *, file_name: str, document_account: str, parameters: str, record_key: str
    ) -> Submitted:
        """Hand in the file of a journal import. Never sent again where it may have arrived; errors as of ``create``."""
        created = await self._client.create(
            ROOT,
            RESOURCE,
            {
                "OperationName": "importBulkData",
                "DocumentContent": b64encode(content).decode(),
                "ContentType": "zip",
                "FileName": file_name,
                "DocumentAccount": document_account,
                "JobName": JOURNAL_IMPORT,
                "ParameterList": parameters,
                "CallbackURL": NOTHING,
                "NotificationCode": "10",
                "JobOptions": "ExtractFileType=ALL",
            },
            record_key=record_key,
        )
        said = str(created.row.get("ReqstId") or "").strip()
        # A refusal is answered with 200 (or 201) and -1; pods were seen that say 0.
        refused = said in ("-1", "0")
        known = said.isascii() and said.isdigit() and not refused
        return Submitted(said if known else None, not known and not refused, created.request_id)

    async def status(self, job: str) -> str:
        """Fusion's word; empty where it has none, as of a process that was not handed in here."""
        row = await self._one(f"ESSJobStatusRF;requestId={int(job)}", "RequestStatus")
        return str(row.get("RequestStatus") or "")

    async def family(self, job: str) -> list[Job]:
        """The process and those that it has started, as far as Fusion tells of them."""
        row = await self._one(f"ESSExecutionDetailsRF;requestId={int(job)}", "RequestStatus")
        try:
            details = jsonx.loads(str(row.get("RequestStatus") or "{}"))  # JSON within JSON
        except ValueError:
            return []
        return list(_jobs(details))

    async def log(self, job: str) -> str:
        """The logs of the process and of those that it has started, one after the other; empty if there are none."""
        row = await self._one(f"ESSJobExecutionDetailsRF;requestId={int(job)},fileType=ALL", "DocumentContent")
        content = row.get("DocumentContent")
        return _texts(b64decode(content)) if isinstance(content, str) and content else ""

    async def documents(self, prefix: str, document_account: str) -> list[str]:
        """Ids of the files in the content server whose names begin so: a process only begins when its file is there.

        Files with the comment that is named are left out. Others name none, and do not leave the variable out.
        """
        page = await self._client.collection(
            ROOT,
            RESOURCE,
            finder=f"DocumentIdsByFilePrefixRF;filePrefix={prefix},docAccount={document_account},comment={NOTHING}",
            fields="DocumentId",
            limit=25,
        )
        return [str(row["DocumentId"]) for row in page.rows if row.get("DocumentId")]

    async def _one(self, finder: str, field: str) -> Body:
        page = await self._client.collection(ROOT, RESOURCE, finder=finder, fields=field, limit=1)
        if not page.rows and page.has_more:
            raise RetryLater(
                "an empty page came that says that there are more rows: ask again later",
                vendor=SYSTEM,
                phase=self._client.operation(ROOT, RESOURCE),
                request_id=page.request_id,
            )
        return page.rows[0] if page.rows else {}


def _jobs(value: Any) -> Iterator[Job]:
    """Wherever they stand: how the children are wrapped is documented nowhere."""
    if isinstance(value, list):
        for one in value:
            yield from _jobs(one)
    elif isinstance(value, dict):
        if "STATUS" in value:
            name = f"{value.get('JOBPATH') or ''} {value.get('JOBNAME') or ''}".strip()
            yield Job(str(value.get("REQUESTID", "")), name, str(value["STATUS"]))
        for one in value.values():
            yield from _jobs(one)


def _texts(content: bytes) -> str:
    try:
        with ZipFile(BytesIO(content)) as archive:
            parts = []
            for entry in archive.infolist():
                with archive.open(entry) as file:  # never more than is kept: a zip may unpack to anything
                    parts.append(f"== {entry.filename}\n{file.read(LONGEST_LOG).decode(errors='replace')}")
            return "\n".join(parts)[:LONGEST_LOG]
    except (BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):  # damaged, or encrypted
        return ""  # it is for people to read; what became of the import is asked for elsewhere
