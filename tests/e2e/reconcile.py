"""Source and destination compared completely, by both emulators' own state and never by our ledger.

What each record should have become is spelled out here once more, without the mapping engine: a fault of the engine
must not excuse itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.installation import Sandbox

Row = dict[str, Any]

STATUS = {"A": "active", "I": "inactive", "M": "merged", "D": "deleted"}
NO_ORDER = ("INCOMPLETE", "PENDING APPROVAL", "REJECTED", "WITHDRAWN", "CANCELED")
ADMIN = 1
"""The account's own user, with one address and no organization."""


def reconcile(sandbox: Sandbox) -> list[str]:
    """What is lost, wrong or too much in Zendesk: every hubOrganization is exactly one organization, every hubPerson
    one user with its address and its organization, and there is nothing else. Empty: all is right.
    """
    return [*_organizations(sandbox), *_users(sandbox)]


def doubled(sandbox: Sandbox, since: int = 0) -> list[str]:
    """Effects that the emulated Zendesk has seen more than once for the same object since effect ``since``."""
    seen = Counter((effect["kind"], effect["key"]) for effect in sandbox.effects(since=since))
    return [f"{kind} {key} x{times}" for (kind, key), times in seen.items() if times > 1]


def reconcile_fields(sandbox: Sandbox) -> list[str]:
    """What is wrong in the custom fields that the balances, credit profiles and supplier orders fill."""
    organizations = {str(o["external_id"]): o["organization_fields"] for o in sandbox.state("zendesk", "organizations")}
    balances, profiles, orders = _balances(sandbox), _profiles(sandbox), _orders(sandbox)
    wrong = []
    for party in sandbox.state("oracle_fusion", "hubOrganizations"):
        held, key = organizations[str(party["PartyNumber"])], party["PartyId"]
        for name, value in {**balances[key], **profiles[key], **orders[key]}.items():
            theirs = held.get(name, False if value is False else None)
            if isinstance(value, Decimal):
                theirs = None if theirs is None else Decimal(str(theirs))
            if theirs != value:
                wrong.append(f"organization {party['PartyNumber']}: {name}")
    return wrong


def accounts_by_party(sandbox: Sandbox) -> dict[int, list[Row]]:
    """The receivables accounts of each party, by account id."""
    found: dict[int, list[Row]] = defaultdict(list)
    for account in sorted(sandbox.state("oracle_fusion", "accounts"), key=lambda row: int(row["AccountId"])):
        found[account["CustomerId"]].append(account)
    return found


def _organizations(sandbox: Sandbox) -> Iterator[str]:
    held = sandbox.state("zendesk", "organizations")
    parties = sandbox.state("oracle_fusion", "hubOrganizations")
    by_key = _by_external_id(held)
    for party in parties:
        key = str(party["PartyNumber"])
        match by_key.pop(key, []):
            case [one]:
                yield from (f"organization {key}: {name}" for name in _differing(_organization(party), _flat(one)))
            case found:
                yield f"organization {key}: there are {len(found)}"
    yield from (f"organization {key}: nobody in the ERP" for key in by_key)


def _users(sandbox: Sandbox) -> Iterator[str]:
    held = sandbox.state("zendesk", "users")
    organization_of = {str(o["id"]): o["external_id"] for o in sandbox.state("zendesk", "organizations")}
    addresses, memberships = defaultdict(list), defaultdict(list)
    for identity in sandbox.state("zendesk", "identities"):
        addresses[identity["user_id"]].append((identity["type"], identity["value"]))
    for membership in sandbox.state("zendesk", "memberships"):
        memberships[membership["user_id"]].append(organization_of.get(str(membership["organization_id"])))
    by_key = _by_external_id(user for user in held if user["role"] == "end-user")
    if len(held) - sum(map(len, by_key.values())) != ADMIN:
        yield "users: some are no end users"
    for person in sandbox.state("oracle_fusion", "hubPersons"):
        key = str(person["PartyNumber"])
        match by_key.pop(key, []):
            case [one]:
                address = (person["EmailAddress"] or "").lower()
                if addresses[one["id"]] != ([("email", address)] if address else []):
                    yield f"user {key}: its addresses"
                if memberships[one["id"]] != [person["OrganizationPartyNumber"]]:
                    yield f"user {key}: its organization"
                yield from (f"user {key}: {name}" for name in _differing(_user(person), one))
            case found:
                yield f"user {key}: there are {len(found)}"
    yield from (f"user {key}: nobody in the ERP" for key in by_key)


def _organization(party: Row) -> Row:
    lines = (party["Address1"], party["Address2"], party["PostalCode"], party["City"])
    return {
        "name": party["OrganizationName"].strip(),
        "erp_number": party["PartyNumber"],
        "erp_status": STATUS.get(party["Status"], "unknown"),
        "billing_country": party["Country"],
        "billing_address": ", ".join(line for line in lines if line),
    }


def _user(person: Row) -> Row:
    return {"name": person["PersonName"], "phone": person["RawWorkPhoneNumber"] or person["RawMobilePhoneNumber"]}


def _balances(sandbox: Sandbox) -> dict[int, Row]:
    found: dict[int, Row] = defaultdict(
        lambda: dict.fromkeys(("account_number", "open_receivables", "due_receivables"))
    )
    for party, accounts in accounts_by_party(sandbox).items():
        found[party] = {
            "account_number": ", ".join(account["AccountNumber"] for account in accounts),
            "open_receivables": _sum(account["TotalOpenReceivablesForAccount"] for account in accounts),
            "due_receivables": _sum(account["TotalTransactionsDueForAccount"] for account in accounts),
        }
    return found


def _profiles(sandbox: Sandbox) -> dict[int, Row]:
    known = {profile["AccountNumber"]: profile for profile in sandbox.state("oracle_fusion", "credit_profiles")}
    found: dict[int, Row] = defaultdict(lambda: {"credit_limit": None, "credit_hold": False, "payment_terms": None})
    for party, accounts in accounts_by_party(sandbox).items():
        own = [known[account["AccountNumber"]] for account in accounts]
        terms = dict.fromkeys(profile["PaymentTerms"] for profile in own if profile["PaymentTerms"])
        limits = [profile["CreditLimit"] for profile in own if profile["CreditLimit"] is not None]
        found[party] = {
            "credit_limit": _sum(limits) if len(limits) == len(own) else None,
            "credit_currency": "EUR" if len(limits) == len(own) else None,
            "credit_hold": any(profile["CreditHold"] == "Y" for profile in own),
            "payment_terms": ", ".join(terms) or None,
        }
    return found


def _orders(sandbox: Sandbox) -> dict[int, Row]:
    found: dict[int, Row] = defaultdict(lambda: {"purchase_order_count": None, "purchase_order_amount": None})
    amounts: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for order in sandbox.state("oracle_fusion", "purchase_orders"):
        party = order["SupplierPartyId"]
        placed = order["StatusCode"] not in NO_ORDER
        found[party]["purchase_order_count"] = (found[party]["purchase_order_count"] or 0) + placed
        if placed:
            amounts[party][order["CurrencyCode"]] += Decimal(str(order["Ordered"]))
    for party, by_currency in amounts.items():
        told = ", ".join(f"{amount:f} {currency}" for currency, amount in sorted(by_currency.items()))
        found[party]["purchase_order_amount"] = told
    return found


def _sum(values: Any) -> Decimal:
    return sum((Decimal(str(value)) for value in values), Decimal(0))


def _differing(expected: Row, held: Row) -> list[str]:
    return [name for name, value in expected.items() if held[name] != value]


def _flat(organization: Row) -> Row:
    return {**organization, **organization["organization_fields"]}


def _by_external_id(rows: Any) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[str(row["external_id"])].append(row)
    return found
