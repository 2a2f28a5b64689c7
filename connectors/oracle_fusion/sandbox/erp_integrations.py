"""The resource erpintegrations: files for the content server, and the processes that import them.

https://docs.oracle.com/en/cloud/saas/supply-chain-and-manufacturing/23d/faurp/erp-integrations-rest-service.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from starlette.requests import Request

from connectors.oracle_fusion.sandbox import rest
from connectors.oracle_fusion.sandbox.import_processes import JOB, Import, ImportProcesses
from connectors.oracle_fusion.sandbox.ledger_setup import DATA_ACCESS_SET
from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.scheduler import Process, Scheduler
from ml_connector.core import jsonx
from ml_connector.sandbox.world import FaultRule, World

NAME = "erpintegrations"
ATTRIBUTES = (
    *("CallbackURL", "Comments", "ContentType", "DocumentAccount", "DocumentContent", "DocumentId", "ESSParameters"),
    *("FileName", "FileType", "JobDefName", "JobName", "JobOptions", "JobPackageName", "LoadRequestId"),
    *("NotificationCode", "OperationName", "ParameterList", "ProcessName", "ReqstId", "RequestStatus", "StatusCode"),
)
_REQUIRED = ("DocumentContent", "ContentType", "FileName", "DocumentAccount", "JobName", "ParameterList")
Armed = Callable[[str, Request], FaultRule | None]


@dataclass(slots=True, frozen=True)
class Document:
    """A file in the content server."""

    number: int
    name: str
    account: str
    content: bytes = field(repr=False)


class ErpIntegrations:
    """Takes files for journals, and tells of processes."""

    collections = frozenset({"ess_processes", "ucm_documents", "gl_interface"})

    def __init__(self, world: World, pod: Pod, system: str, armed: Armed) -> None:
        self.world = world
        self.pod = pod
        self.system = system
        self.scheduler = Scheduler(world)
        self.imports = ImportProcesses(world, pod, system, self.scheduler)
        self.documents: list[Document] = []
        self._armed = armed

    def reset(self) -> None:
        self.scheduler.reset()
        self.imports.journals.reset()
        self.documents.clear()

    def state(self, collection: str) -> list[dict[str, Any]]:
        """``ess_processes``, ``ucm_documents``, or the rows of failed imports that are still in the interface."""
        if collection == "gl_interface":
            return [
                {"GROUP_ID": row["GROUP_ID"], "REFERENCE1": row["REFERENCE1"], "error": row.error}
                for row in self.imports.journals.interface
            ]
        if collection == "ucm_documents":
            return [
                {"DocumentId": one.number, "FileName": one.name, "DocumentAccount": one.account}
                for one in self.documents
            ]
        now = self.world.now()
        return [
            {"ReqstId": one.number, "JOBNAME": one.name, "STATUS": one.status(now), "logs": one.logs}
            for one in self.scheduler.processes.values()
        ]

    # ---- POST

    def submit(self, request: Request, _: int) -> rest.Answer:
        """importBulkData. What the process could not begin with is answered with success, and -1 for its number."""
        rest.check_version(request)
        if not self.pod.settings.may_write:
            raise rest.Refused(403, "Unauthorized Access: Either you do not have the privilege, or have not signed in.")
        body = rest.json_object(request)
        for name in body:
            if name not in ATTRIBUTES:
                raise rest.Refused(400, f"Definition {name} of type Attribute is not found in {NAME}.", "25058")
        if body.get("OperationName") != "importBulkData":
            raise rest.Refused(400, "The attribute OperationName is required, or the operation is not played.", "27014")
        if self._armed("minus_one", request) or not (content := self._accepted(body)):
            return rest.Answer(jsonx.dumps({"OperationName": "importBulkData", "ReqstId": "-1"}))
        self.documents.append(
            Document(5_000_001 + len(self.documents), body["FileName"], body["DocumentAccount"], content)
        )
        slow, late = self._armed("slow_job", request), self._armed("late_import", request)
        imported = Import(
            content,
            body["ParameterList"].split(","),
            request.state.request_id,
            seconds=float(slow.params["seconds"]) if slow else self.pod.settings.job_seconds,
            late=float(late.params["seconds"]) if late else 0.0,
            warns=bool(self._armed("loader_warning", request)),
            fails=bool(self._armed("child_failure", request)),
        )
        process = self.imports.begin(imported)
        answer = dict.fromkeys(ATTRIBUTES) | body | {"ReqstId": str(process.number), "links": []}
        return rest.Answer(jsonx.dumps(answer), 201)

    def _accepted(self, body: Mapping[str, Any]) -> bytes | None:
        """The file, if a process can begin with it."""
        if not all(isinstance(body.get(name), str) and body[name] for name in _REQUIRED):
            return None
        given = body["ParameterList"].split(",")
        usable = (
            body["ContentType"] == "zip"
            and body["FileName"].endswith(".zip")
            and body["DocumentAccount"] == self.pod.settings.document_account
            and body["JobName"] == JOB
            and len(given) == 7
            and given[0] == str(DATA_ACCESS_SET)
        )
        try:
            return base64.b64decode(body["DocumentContent"], validate=True) if usable else None
        except (binascii.Error, ValueError):
            return None

    # ---- GET

    def find(self, request: Request, version: int) -> dict[str, Any]:
        """By one of the finders; without one the resource has nothing to list."""
        rest.check_version(request)
        rest.check_parameters(request, rest.COLLECTION_PARAMETERS)
        name, _, given = request.query_params.get("finder", "").partition(";")
        variables = dict(part.partition("=")[::2] for part in given.split(",") if part)
        finders = {
            "ESSJobStatusRF": self._status,
            "ESSExecutionDetailsRF": self._details,
            "ESSJobExecutionDetailsRF": self._output,
            "DocumentIdsByFilePrefixRF": self._by_prefix,
        }
        if name not in finders:
            raise rest.Refused(400, f"The finder {name} is not found.", "29140")
        found = [dict.fromkeys(ATTRIBUTES) | row for row in finders[name](variables)]
        if fields := request.query_params.get("fields"):
            found = [{one: row[one] for one in fields.split(",")} for row in found]
        limit = int(request.query_params.get("limit", rest.DEFAULT_LIMIT))
        del version
        return rest.collection(found[:limit], len(found) > limit, limit, 0, [])

    def _process(self, variables: Mapping[str, str]) -> Process | None:
        number = variables.get("requestId", "")
        if not number.isdecimal():
            raise rest.Refused(400, "The finder variable requestId is not valid.", "29140")
        return self.scheduler.processes.get(int(number))

    def _status(self, variables: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        process = self._process(variables)
        word = process.status(self.world.now()) if process else None
        yield {"ReqstId": variables["requestId"], "RequestStatus": word}

    def _details(self, variables: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        process = self._process(variables)
        details = {"JOBS": self._described(process)} if process else {}
        yield {"RequestStatus": json.dumps(details)}

    def _described(self, process: Process) -> dict[str, Any]:
        now = self.world.now()
        told: dict[str, Any] = {
            "JOBNAME": process.name,
            "JOBPATH": process.definition.rpartition("/")[0],
            "REQUESTID": str(process.number),
            "STATUS": process.status(now),
        }
        return told | ({"CHILD": [self._described(one) for one in process.children]} if process.children else {})

    def _output(self, variables: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        process = self._process(variables)
        if process is None or process.ended is None:
            return
        packed = BytesIO()
        with ZipFile(packed, "w") as archive:
            archive.writestr(f"{process.number}.out", f"{process.name}: {process.ended}\n")
            for one in (process, *process.children):
                for name, text in one.logs.items():
                    archive.writestr(name, text)
        yield {"ReqstId": variables["requestId"], "DocumentContent": base64.b64encode(packed.getvalue()).decode()}

    def _by_prefix(self, variables: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        if unknown := variables.keys() - {"filePrefix", "docAccount", "comment"}:
            raise rest.Refused(400, f"The finder variable {' '.join(sorted(unknown))} is not found.", "29140")
        prefix, account = variables.get("filePrefix", ""), variables.get("docAccount", "")
        if not re.fullmatch(r"\w+", prefix):
            raise rest.Refused(400, "The finder variable filePrefix is not valid.", "29140")
        for one in self.documents:
            if one.name.startswith(prefix) and one.account == account:
                yield {"DocumentId": str(one.number)}
