"""A journal as it is kept with its effect (a `request`), and the file and the job's parameters that are made of it.

The request holds all that is sent, so that what was sent can be read in the audit, and be looked for after a crash.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import sha256

from connectors.oracle_fusion.amounts import written
from connectors.oracle_fusion.general_ledger import Ledger, Period
from connectors.oracle_fusion.gl_interface import packed
from connectors.oracle_fusion.journal_amounts import Line
from connectors.oracle_fusion.journal_costs import Cost
from connectors.oracle_fusion.journal_names import BatchName, description
from connectors.oracle_fusion.journal_orders import Order
from connectors.oracle_fusion.journal_payload import Journal
from connectors.oracle_fusion.journal_settings import JournalSettings
from ml_connector.core.records import Body

_PARAMETERS = ("N", "N", "N")
"""No suspense posting (an unbalanced journal is refused instead), no summary journals, no flexfields."""


def group_id() -> str:
    """A number by which an import selects its rows: another one for each submission.

    Rows of an import that failed stay in the interface. With the same number the next import would take them along, and
    post the amount twice; so the number comes from nothing that a restored database could bring back, as the count of
    attempts would be.
    """
    return str(10**14 + secrets.randbelow(9 * 10**14))


FILES = "GlInterface_MLC"
"""What the names of all our files begin with."""


def files_of(name: BatchName) -> str:
    """What the names of the files of one completion begin with, whichever order it names."""
    return f"{FILES}{sha256(f'{name.task} {name.completed_at.isoformat()}'.encode()).hexdigest()[:16]}_"


def request(
    journal: Journal,
    order: Order,
    cost: Cost,
    lines: Sequence[Line],
    *,
    ledger: Ledger,
    accounting: tuple[date, Period],
    settings: JournalSettings,
    now: datetime,
    seen: Iterable[str],
) -> Body:
    """``now`` is Oracle's time; ``seen`` the ids of all batches of the order and of the task, as they were."""
    name = BatchName.of(journal.po_number, journal.completion, journal.completed_at)
    day, period = accounting
    group = group_id()
    shared = {
        "STATUS": "NEW",
        "LEDGER_ID": ledger.ledger_id,
        "ACCOUNTING_DATE": f"{day:%Y/%m/%d}",
        "USER_JE_SOURCE_NAME": settings.source,
        "USER_JE_CATEGORY_NAME": settings.category,
        "CURRENCY_CODE": order.currency,
        "DATE_CREATED": f"{now:%Y/%m/%d}",
        "ACTUAL_FLAG": "A",
        "REFERENCE1": str(name),
        "REFERENCE2": description(journal.po_number, cost.line, journal.completion, journal.completed_at),
        "REFERENCE4": str(name),
        "REFERENCE5": journal.task_url or "",
        "REFERENCE6": journal.po_number,
        "REFERENCE10": journal.task_name,
        "REFERENCE21": journal.completion,
        "REFERENCE22": journal.po_number,
        "REFERENCE23": f"{journal.completed_at:%Y-%m-%dT%H:%M:%SZ}",
        "REFERENCE24": journal.completed_by or "",
        "GROUP_ID": group,
        "LEDGER_NAME": ledger.name,
        "PERIOD_NAME": period.name,
    }
    if order.rate is not None and order.currency != ledger.currency:
        shared |= {
            "USER_CURRENCY_CONVERSION_TYPE": "User",
            "CURRENCY_CONVERSION_DATE": f"{order.rate.day or day:%Y/%m/%d}",
            "CURRENCY_CONVERSION_RATE": str(written(order.rate.rate)),
        }
    return {
        "batch": str(name),
        "order": name.order,
        "task": name.task,
        "group": group,
        "files": files_of(name),
        "decided_at": now.isoformat(),
        "amount": written(cost.amount),
        "currency": order.currency,
        "seen": sorted(seen),
        "columns": shared,
        "lines": [
            {"account": list(line.account), "debit": written(line.debit), "credit": written(line.credit)}
            for line in lines
        ],
    }


def file_name(stored: Body) -> str:
    """Of the file of a request; the content server has it, with an ending, once it has arrived."""
    return f"{stored['files']}{stored['group']}"


def content(stored: Body) -> bytes:
    """The file of a request."""
    return packed(
        {
            **stored["columns"],
            **{f"SEGMENT{n}": value for n, value in enumerate(line["account"], 1)},
            "ENTERED_DR": line["debit"] or "",
            "ENTERED_CR": line["credit"] or "",
        }
        for line in stored["lines"]
    )


def parameters(stored: Body, settings: JournalSettings) -> str:
    """The ParameterList of the import job. Its source and its group must be those of the rows, else it takes none."""
    columns = stored["columns"]
    source = settings.source_id or settings.source
    return ",".join((settings.data_access_set, source, columns["LEDGER_ID"], columns["GROUP_ID"], *_PARAMETERS))
