"""The journeys that the crash harness kills."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from connectors.oracle_fusion import journal_outcomes
from connectors.oracle_fusion.journals import Journals
from connectors.zendesk import jobs
from ml_connector.core import rate
from ml_connector.core.embedded import Embedded
from ml_connector.core.http import HttpClient, HttpPolicy
from tasks import events
from tests.crash import completions, costs, customers, messages, others, tickets
from tests.crash.harness import Harness
from tests.installation import installation

Other = (
    others.QadCustomers
    | others.QadTickets
    | others.WorkdayTickets
    | messages.Messages
    | costs.Costs
    | completions.Completions
)
OTHERS: dict[str, type[Other]] = {
    "qad": others.QadCustomers,
    "qad_tickets": others.QadTickets,
    "workday": others.WorkdayTickets,
    "messages": messages.Messages,
    "costs": costs.Costs,
    "completions": completions.Completions,
}


@contextmanager
def harness(
    postgres: Embedded, sandbox_url: str, folder: Path, database: str = "crash", *, story: str = "customers"
) -> Iterator[Harness]:
    """The harness around one of the stories: ``customers`` or ``tickets`` of Oracle Fusion and Zendesk, ``qad`` or
    ``qad_tickets``, ``workday`` (its tickets), ``messages`` of Slack, ``costs`` on tasks of Asana, or
    ``completions`` of these.
    """
    postgres.prepare(database)
    with ExitStack() as stack:
        _hasten(stack.enter_context(pytest.MonkeyPatch.context()))
        installed = stack.enter_context(installation(postgres, database, sandbox_url, folder, settle=0.3, lease=60))
        if story == "tickets":
            told = tickets.Tickets(installed)
            stack.callback(told.address.close)
            made = Harness(installed, postgres, database, tickets.journey(installed, told), told)
        elif story in OTHERS:
            other = OTHERS[story](installed)
            if isinstance(other, completions.Completions):
                stack.callback(other.address.close)
            made = Harness(installed, postgres, database, other.journey(), other)
        else:
            of_customers = customers.Customers(installed)
            made = Harness(installed, postgres, database, customers.journey(installed), of_customers)
        stack.callback(made.close)
        yield made


def _hasten(patch: pytest.MonkeyPatch) -> None:
    """The emulators answer within milliseconds, and take what they are sent: waiting for them is not what is tested."""
    patch.setattr(jobs, "_SOONEST", 0.004)
    patch.setattr(Journals, "settle_seconds", 0.05)
    patch.setattr(journal_outcomes, "AGAIN_AFTER", 0.05)
    patch.setattr(events, "LINGER", 0.0)
    patch.setattr(rate, "_MINUTE", 0.05)
    patch.setitem(HttpClient.__init__.__kwdefaults__ or {}, "policy", HttpPolicy(backoff=0.01))
