"""Which rule sends what where, and what a wrong rule is told."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ml_connector.core.errors import Misconfigured
from ml_connector.core.routing import Notice, Routing, Rule
from ml_connector.core.tenants import load_tenant
from ml_connector.core.yamlx import check


def routing(*rules: dict[str, Any]) -> Routing:
    made = [check(Rule, {"name": f"rule {n}", **rule}, lambda _: "acme.yaml") for n, rule in enumerate(rules)]
    return Routing(made, digest_above=50)


def holding(rules: Routing, asked: Notice, channel: str) -> list[str]:
    return [rule.name for rule, why_not in rules.asked(asked) if why_not is None and channel in rule.to]


def notice(stream: str = "invoices", event: str = "new", total: str | None = "100", **body: Any) -> Notice:
    return Notice(stream, event.split("+"), {"event": event, **body}, [("USD", Decimal(total))] if total else [])


@pytest.mark.parametrize(
    ("rule", "yes", "no", "why"),
    [
        ({"streams": "invoices"}, notice(), notice("holds"), "it is for invoices"),
        ({"event": ["new"]}, notice(), notice(event="changed"), "the record is changed, the rule is for new"),
        ({"event": "new"}, notice(event="new+exception"), notice(event="changed+exception"), "changed and exception"),
        ({"when": "Status == 'X'"}, notice(Status="X"), notice(Status="Y"), "`Status == 'X'` does not hold"),
        ({"at_least": {"USD": 100}}, notice(), notice(total="99.99"), "its total is less than 100 USD"),
        ({"at_least": {"USD": 1}}, notice(), notice(total=None), "the rule names no limit for a record without an"),
        ({"at_least": {"USD": 1, "EUR": 1}, "event": "new"}, notice(), notice(total="0.99"), "less than 1 USD"),
    ],
)
def test_a_rule_holds_when_all_that_it_says_does(rule: dict[str, Any], yes: Notice, no: Notice, why: str) -> None:
    rules = routing({"to": "finance", **rule})

    assert holding(rules, yes, "finance") == ["rule 0"]
    assert holding(rules, no, "finance") == []
    [(_, told)] = rules.asked(no)
    assert why in str(told)


def test_a_limit_in_another_currency_is_none() -> None:
    rules = routing({"to": "finance", "at_least": {"EUR": 1}})

    assert rules.asked(notice())[0][1] == "the rule names no limit for USD"


def test_all_rules_are_asked_until_one_stops() -> None:
    rules = routing(
        {"to": ["finance", "board"], "at_least": {"USD": 1000}, "stop": True},
        {"to": "procurement"},
        {"to": "finance", "event": "new"},
    )

    assert rules.channels("invoices") == ["finance", "board", "procurement"]
    assert [holding(rules, notice(), one) for one in ("finance", "procurement")] == [["rule 2"], ["rule 1"]]
    assert [holding(rules, notice(total="1000"), one) for one in ("finance", "procurement")] == [["rule 0"], []]


def test_what_was_known_before_can_be_asked_for() -> None:
    rules = routing({"to": "operations", "when": "previous.Status == 'Pending' && Status != 'Pending'"})

    assert holding(rules, notice(Status="Open", previous={"Status": "Pending"}), "operations")
    assert not holding(rules, notice(Status="Pending", previous={"Status": "Pending"}), "operations")
    assert not holding(rules, notice(Status="Open", previous=None), "operations")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"to": "nowhere"}, "0.to: the connection slack names no channel nowhere. It has: finance"),
        ({"to": "finance", "streams": ["orders"]}, "0.streams: no stream orders. There are: invoices, holds"),
        ({"to": "finance", "when": "Amount > `1`"}, "0.when: `Amount > `1``: it compares with < or >"),
        ({"to": "finance", "event": "deleted"}, "0.event.0: Input should be 'new', 'changed' or 'exception'"),
        ({"to": "finance", "at_least": {"usd": 5}}, "0.at_least.usd.[key]: String should match pattern"),
        ({"to": "finance", "at_least": {"USD": 0}}, "0.at_least.USD: Input should be greater than 0"),
        ({"to": "finance", "unless": "x"}, "0.unless: there is no such setting"),
        ({"to": []}, "0.to: Value should have at least 1 item"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_when_the_file_is_loaded(
    rule: dict[str, Any], told: str, tmp_path: Path
) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(f"{ACME}      - {json.dumps({'name': 'first', **rule})}\n")

    with pytest.raises(Misconfigured) as refused:
        load_tenant(file)

    assert f"integrations.oracle_slack.routing.{told}" in refused.value.message


ACME = """
tenant: acme
connections:
  oracle: {system: oracle_fusion, origin: https://a.example, auth: {type: bearer}}
  slack: {system: slack, origin: https://slack.com/api, channels: {finance: C061EG9SL}, auth: {type: bearer}}
integrations:
  oracle_slack:
    source: oracle
    destination: slack
    streams: {invoices: {every: 10m}}
    routing:
"""
