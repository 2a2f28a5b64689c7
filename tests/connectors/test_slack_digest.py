"""A digest adds up what its messages tell: all of it, and nothing twice."""

from __future__ import annotations

from connectors.slack.blocks import render
from connectors.slack.digest import digest
from connectors.slack.models import Fact, Message


def total(label: str, value: str, currency: str, *, counts: bool = True) -> Fact:
    return Fact(label=label, value=value, currency=currency, counts=counts)


def test_each_currency_is_added_up_and_a_part_of_an_amount_is_not() -> None:
    debits = [total("Debits", "1000.00", "EUR"), total("Debits", "5000000.00", "USD")]
    paid = [total("Amount", "20.50", "EUR"), total("Paid", "20.50", "EUR")]
    batches = [Message(title=f"Batch {n}", totals=debits) for n in range(3)]

    told = digest("journal_batches", [*batches, Message(title="Invoice", totals=paid)])

    assert [(str(fact.value), fact.currency) for fact in told.totals] == [("3020.50", "EUR"), ("15000000.00", "USD")]
    assert told.lines[0] == ["Batch 0", "1,000.00 EUR, 5,000,000.00 USD"]
    assert told.lines[3] == ["Invoice", "20.50 EUR"]
    assert "5,000,000.00 USD" in str(render(told).blocks)


def test_an_amount_that_is_another_records_is_told_and_not_added_up() -> None:
    invoice = [total("Invoice amount", "700", "EUR", counts=False)]
    told = digest("holds", [Message(title=f"Hold {n} on invoice 1", totals=invoice) for n in range(4)])

    assert told.totals == []
    assert told.lines[0] == ["Hold 0 on invoice 1", "700 EUR"]
