"""Which rows of a table the query of a bulk call means: those of ``ids``, or those of ``external_ids``."""

from __future__ import annotations

from connectors.zendesk.sandbox.http import Call, Row, invalid_attribute
from connectors.zendesk.sandbox.table import Table, folded


def names_rows(call: Call) -> bool:
    return not {"ids", "external_ids"}.isdisjoint(call.query)


def named(call: Call, table: Table) -> list[int]:
    """The ids for ``update_many``; those that the client sends need not exist."""
    if "ids" in call.query:
        return call.listed_ids()
    return [row["id"] for key in call.listed("external_ids") for row in table.find("external_id", folded(key))]


def shown(call: Call, table: Table) -> list[Row]:
    """The rows for ``show_many``, as lists show them."""
    if not names_rows(call):
        raise invalid_attribute(call, "ids", "be present")
    if "ids" in call.query:
        return [row for row_id in call.listed_ids() if (row := table.seen(row_id))]
    keys = dict.fromkeys(folded(key) for key in call.listed("external_ids"))
    return [row for key in keys for row in table.find_seen("external_id", key)]
