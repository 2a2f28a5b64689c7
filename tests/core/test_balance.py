"""Every record accounted for: a balance that does not add up is a problem."""

from __future__ import annotations

from dataclasses import replace

from ml_connector.core.balance import Balance

WHOLE = Balance(
    "acme/organizations", fetched=12, known=2, read=10, created=1, updated=2, unchanged=1, digested=1, rejected=2,
    superseded=1, open=2, complete=True,
)  # fmt: skip


def test_a_row_that_is_neither_known_nor_read_is_a_problem() -> None:
    assert WHOLE.problem is None
    assert "fetched 13 = known 2 + read 10" in str(replace(WHOLE, fetched=13).problem)
    assert "known 1" in str(replace(WHOLE, known=1).problem)


def test_a_record_of_which_nothing_became_or_two_things_is_a_problem() -> None:
    columns = ("created", "updated", "unchanged", "digested", "rejected", "superseded", "open")
    for column in columns:
        for wrong in (-1, 1):
            changed = replace(WHOLE, **{column: getattr(WHOLE, column) + wrong})
            assert f"accounted {10 + wrong}" in str(changed.problem), column
