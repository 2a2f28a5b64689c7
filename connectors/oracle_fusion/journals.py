"""Journals of the General Ledger as a destination: one completion of a task, one batch with one journal.

There is no idempotency key, and a journal that is posted twice is money that is booked twice. What guards against it:

* The name of a batch comes from the completion alone (`journal_names`). Oracle is asked for it before anything is
  decided, and once more right before each submission; our own ledger is not what decides (it may be a restored one).
* Of one purchase order one journal at a time is on its way (``serial``), so that what is left of it is known.
* What has been submitted is never submitted again before it is certain that it was not, and will not be, imported
  (`journal_probe`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.erp_integrations import ROOT, ErpIntegrations
from connectors.oracle_fusion.journal_amounts import lines
from connectors.oracle_fusion.journal_batches import PostedJournal, of_order, of_task, posted
from connectors.oracle_fusion.journal_costs import accounting_date, cost
from connectors.oracle_fusion.journal_entry import content, file_name, parameters, request
from connectors.oracle_fusion.journal_look import Look, look_at, seen
from connectors.oracle_fusion.journal_names import BatchName
from connectors.oracle_fusion.journal_orders import must_belong_to
from connectors.oracle_fusion.journal_outcomes import found_outcome
from connectors.oracle_fusion.journal_payload import Journal
from connectors.oracle_fusion.journal_probe import UNKNOWN_FILE, JournalProbe
from connectors.oracle_fusion.journal_traces import Trace
from connectors.oracle_fusion.sending import Halt, in_order, outcome, outcome_of_failure
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.errors import ConnectorError, Misconfigured, RejectRecord
from ml_connector.core.records import Decision, Intent, Outcome, Resend, State

LOOK_AGAIN = 1.0
"""Seconds until a submission is looked at for the first time. When a look that finds nothing proves something is for
the probe to say: see `JournalSettings.settle_seconds`."""


class Journals:
    """Writes `journal_payload.Journal`. `Misconfigured` where the connection has no settings for journals.

    The destination id of an effect is the name of its batch, once that is there; before, what is known of its
    submission (`journal_traces`).
    """

    system = SYSTEM
    resend = Resend.NEVER
    settle_seconds = LOOK_AGAIN

    def __init__(self, client: OracleFusion) -> None:
        self.operation = client.operation(ROOT, "erpintegrations")
        if client.settings.journals is None:
            raise Misconfigured(
                "no journals can be written: the connection says nothing of ledger, accounts and periods. Give it "
                "`journals` (README of oracle_fusion, Journals)",
                vendor=SYSTEM,
            )
        self._client = client
        self._settings = client.settings.journals
        self._erp = ErpIntegrations(client)
        self._probe = JournalProbe(client, self._settings)

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:  # noqa: ARG002
        """What will be booked, from what Oracle says now: the order, its accounts, the period, the batches there are.

        UNCHANGED where the completion has its batch already, or the task has one and is not to have another. REJECTED
        with the reason where nothing can be booked.
        """
        if not intents:
            return []
        journals = [Journal.model_validate(intent.payload) for intent in intents]
        look = await look_at(self._client, self._settings, journals)
        return [await self._decided(*pair, look) for pair in zip(intents, journals, strict=True)]

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Hands in a file for each and waits for none: what is handed in is AMBIGUOUS until a probe sees its batch."""
        async for outcomes in in_order(decisions, lambda decision: str(decision.request["order"]), self._submit):
            yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """APPLIED only where the batch is there, with the amount that was sent; see `journal_probe`."""
        return await self._probe.outcomes(decisions)

    async def _decided(self, intent: Intent, journal: Journal, look: Look) -> Decision:
        name = BatchName.of(journal.po_number, journal.completion, journal.completed_at)
        decision = Decision(intent.effect_id, intent.source_id, "post", dest_id=str(name))
        mine = [batch for batch in look.batches if batch.task == name.task]
        again = [batch for batch in mine if batch.completed_at == name.completed_at]
        if again:
            return _there(decision, again)
        if mine and self._settings.completed_again == "ignore":
            decision.state, decision.dest_id = State.UNCHANGED, str(mine[-1].completion)
            decision.reason = (
                f"the task has a journal of an earlier completion: batch {mine[-1].batch_id} ({mine[-1].name})"
            )
            return decision
        try:
            decision.request = await self._request(journal, name, look)
        except RejectRecord as error:
            decision.state, decision.reason, decision.dest_id = State.REJECTED, error.message, None
        else:
            decision.serial, decision.dest_id = name.order, None
            decision.changed = ("lines", "amount", "ACCOUNTING_DATE")
        return decision

    async def _request(self, journal: Journal, name: BatchName, look: Look) -> dict[str, object]:
        found = look.orders[journal.po_number]
        if isinstance(found, RejectRecord):
            raise RejectRecord(found.message, vendor=SYSTEM)
        must_belong_to(found, look.ledger.currency, self._settings.business_units)
        of_it = [batch for batch in look.batches if batch.order == name.order]
        costs = cost(journal, found, of_it, self._settings.amount)
        accounting = accounting_date(journal.completed_at, look.periods, self._settings)
        shares = await look.accounts.shares(costs.bearers, accounting[0])
        return request(
            journal,
            found,
            costs,
            lines(costs.amount, shares, found.currency),
            ledger=look.ledger,
            accounting=accounting,
            settings=self._settings,
            now=look.now,
            seen=seen(look.batches, name.order, name.task),
        )

    async def _submit(self, decision: Decision, halt: Halt) -> Outcome:
        stored = decision.request
        try:
            there = await posted(self._client, [of_order(stored["order"]), of_task(stored["task"])])
            unknown = await self._has_unknown_file(decision)
        except ConnectorError as error:
            halt.note(error)
            return outcome(decision, State.RETRY_WAIT, None, f"not sent: {error.message}", error.request_id)
        if same := [batch for batch in there if str(batch.completion) == stored["batch"]]:
            return found_outcome(decision, same)
        if seen(there, stored["order"], stored["task"]) != stored["seen"]:
            return outcome(
                decision, State.RETRY_WAIT, None, "not sent: another journal of the order has come meanwhile"
            )
        if unknown:
            trace = Trace(stored["group"], unsent=True)
            return outcome(decision, State.AMBIGUOUS, str(trace), f"not sent: {UNKNOWN_FILE}")
        try:
            answer = await self._erp.import_bulk_data(
                content(stored),
                file_name=f"{file_name(stored)}.zip",
                document_account=self._settings.document_account,
                parameters=parameters(stored, self._settings),
                record_key=decision.source_id,
            )
        except ConnectorError as error:
            halt.note(error)
            return outcome_of_failure(decision, error)
        crashpoint("oracle.journal.submitted")
        return _submitted(decision, answer.job, unclear=answer.unclear, request_id=answer.request_id)

    async def _has_unknown_file(self, decision: Decision) -> bool:
        """Whether more of its files have arrived than our ledger knows of. A database that lost its last moments, in a
        fail-over perhaps, may have lost a submission whose job is still on its way."""
        if not self._settings.look_for_files:
            return False
        files = await self._erp.documents(decision.request["files"], self._settings.document_account)
        return len(files) > decision.attempts


def _there(decision: Decision, batches: Sequence[PostedJournal]) -> Decision:
    """The completion has its batch, whatever our ledger knew of it, and whichever order it named then."""
    decision.dest_id = str(batches[0].completion)
    named = " and ".join(f"{batch.batch_id} ({batch.name})" for batch in batches)
    if len(batches) == 1:
        decision.state, decision.reason = State.UNCHANGED, f"batch {named} is there already"
    else:
        decision.state = State.NEEDS_HUMAN
        decision.reason = f"batches {named} stand for the same completion: reverse all but one in Oracle"
    return decision


def _submitted(decision: Decision, job: str | None, *, unclear: bool, request_id: str | None) -> Outcome:
    if job is None and not unclear:
        reason = (
            "Oracle refused the file (ReqstId -1): compare document_account, data_access_set and source with the pod, "
            "and the roles of the user (README of oracle_fusion, Journals)"
        )
        return outcome(decision, State.REJECTED, None, reason, request_id)
    trace = Trace(decision.request["group"], job)
    reason = f"handed in as {trace}" if job else "the answer names no job"
    return outcome(decision, State.AMBIGUOUS, str(trace), reason, request_id)
