"""One order of the rows below a document. ``expand`` takes no orderBy, and a database promises no order of its own: the
same document would pass for a changed one, and "the first line" would be another line each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.oracle_fusion.descendants import Child
from connectors.oracle_fusion.ranks import whole_number
from ml_connector.core import jsonx
from ml_connector.core.records import Body


def in_order(row: Body, below: Iterable[Child]) -> Body:
    """The row with each collection below it, on every level, in the order of its `Child.order`; equals by content."""
    sorted_below = {
        child.name: sorted((in_order(one, child.below) for one in row[child.name]), key=lambda one: _rank(one, child))
        for child in below
        if child.name in row
    }
    return row | sorted_below


def _rank(row: Body, child: Child) -> tuple[Any, ...]:
    value = row.get(child.order)
    number = whole_number(value)
    return (number is None, number or 0, str(value), jsonx.digest(row).hex())
