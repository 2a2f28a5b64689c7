"""The scheduled processes that load a file of journals and import what it held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from connectors.oracle_fusion.sandbox.journal_import import JournalImport, NotLoaded, loaded
from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.scheduler import Process, Scheduler
from ml_connector.sandbox.world import World

PROGRAMS = "/oracle/apps/ess/financials/generalLedger/programs/common"
JOB = f"{PROGRAMS},JournalImportLauncher"
IMPORT = "Import Journals", f"{PROGRAMS}/JournalImportLauncher"
CHILD = "Import Journals: Child", f"{PROGRAMS}/JournalImport"
LOADER = (
    "Load Interface File for Import",
    "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader/InterfaceLoaderController",
)
"""Names and definitions of processes."""


@dataclass(slots=True, frozen=True)
class Import:
    """What is done with a file, and which faults befall it."""

    content: bytes = field(repr=False)
    arguments: Sequence[str]
    request_id: str
    seconds: float
    late: float
    warns: bool
    fails: bool


class ImportProcesses:
    """Begins them, and does their work."""

    def __init__(self, world: World, pod: Pod, system: str, scheduler: Scheduler) -> None:
        self.world = world
        self.pod = pod
        self.system = system
        self.scheduler = scheduler
        self.journals = JournalImport(pod)

    def begin(self, imported: Import) -> Process:
        """What the number in the answer is that of: the loader, behind which the import is a request by itself; or
        the import, which then has the loader for a child."""
        if self.pod.settings.import_is_apart:
            return self.scheduler.submit(*LOADER, imported.seconds / 2, partial(self._load, imported))
        work = partial(self._load_and_import, imported)
        return self.scheduler.submit(*IMPORT, imported.seconds, work, imported.arguments)

    def _load(self, imported: Import, loader: Process) -> None:
        if self._loaded(imported.content, loader):
            if imported.warns:
                loader.ended = "WARNING"
            work = partial(self._import, imported)
            submit = partial(self.scheduler.submit, *IMPORT, imported.seconds / 2, work, imported.arguments)
            self.scheduler.later(imported.late, submit)

    def _load_and_import(self, imported: Import, parent: Process) -> None:
        load = self.scheduler.child(parent, *LOADER)
        if self._loaded(imported.content, load):
            self._import(imported, parent)
        else:
            parent.ended = "ERROR"

    def _loaded(self, content: bytes, loader: Process) -> bool:
        try:
            self.journals.interface += loaded(content)
        except NotLoaded as error:
            loader.ended = "ERROR"
            loader.logs[f"{loader.number}.log"] = f"SQL*Loader: all records rejected: {error}"
            return False
        loader.ended = "SUCCEEDED"
        return True

    def _import(self, imported: Import, parent: Process) -> None:
        child = self.scheduler.child(parent, *CHILD)
        if imported.fails:
            child.ended = parent.ended = "ERROR"
            child.logs[f"{child.number}.log"] = "ORA-00060: deadlock detected while waiting for resource"
            return
        _, source, ledger, group, *_ = imported.arguments
        rows = self.journals.selected(ledger, source, group)
        parent.ended = "SUCCEEDED"  # whatever becomes of its child
        if not rows:
            child.ended = "SUCCEEDED"
            child.logs[f"{child.number}.log"] = "0 rows were selected"
        elif errors := self.journals.errors(rows):
            child.ended = "ERROR"
            told = "\n".join(f"{row['REFERENCE1']}  {row.error}" for row in rows if row.error)
            child.logs[f"{child.number}.txt"] = f"Journal Import Execution Report\n{len(errors)} errors\n{told}\n"
        else:
            child.ended = "SUCCEEDED"
            batch = self.journals.create(rows, group, parent.number, self.world.now())
            self.world.effect(
                self.system,
                "journal_batch",
                rows[0]["REFERENCE1"],
                imported.request_id,
                batch_id=batch["JeBatchId"],
                debit=str(batch["RunningTotalDr"]),
                credit=str(batch["RunningTotalCr"]),
                currency=rows[0]["CURRENCY"],
                period=batch["DefaultPeriodName"],
                group=group,
                lines=len(rows),
            )
