"""What a pod holds, and how it comes to be and changes: the control interface's side of the emulator."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from connectors.oracle_fusion.sandbox import seed as invented
from connectors.oracle_fusion.sandbox.catalogue import RESOURCES
from connectors.oracle_fusion.sandbox.children import CHILD_COLLECTIONS, Children
from connectors.oracle_fusion.sandbox.finance import ACTIONS, Finance
from connectors.oracle_fusion.sandbox.finance_resources import (
    INVOICE_HOLDS,
    INVOICES,
    JOURNAL_BATCHES,
    PURCHASE_ORDERS,
    RECEIVABLES_INVOICES,
)
from connectors.oracle_fusion.sandbox.ledger_setup import (
    COMBINATIONS_LOV,
    LEDGERS_LOV,
    PERIODS,
    combinations,
    ledgers,
    periods,
)
from connectors.oracle_fusion.sandbox.resources import (
    ACCOUNT_ACTIVITIES,
    HUB_ORGANIZATIONS,
    HUB_PERSONS,
    SUPPLIERS,
    Attribute,
    Resource,
    Row,
    Type,
    served,
)
from connectors.oracle_fusion.sandbox.table import Table
from connectors.oracle_fusion.sandbox.value_sets import VALUE_SETS, value_sets
from ml_connector.sandbox.world import World

COLLECTIONS = {
    "customers": HUB_ORGANIZATIONS.name,
    "contacts": HUB_PERSONS.name,
    "accounts": ACCOUNT_ACTIVITIES.name,
    "suppliers": SUPPLIERS.name,
    "invoices": INVOICES.name,
    "holds": INVOICE_HOLDS.name,
    "purchase_orders": PURCHASE_ORDERS.name,
    "journal_batches": JOURNAL_BATCHES.name,
    "receivables_invoices": RECEIVABLES_INVOICES.name,
    "ledgers": LEDGERS_LOV.name,
    "periods": PERIODS.name,
    "account_combinations": COMBINATIONS_LOV.name,
    "value_sets": VALUE_SETS.name,
}
CREDIT_PROFILES = "credit_profiles"
CHANGES = frozenset({"keys", "count", "seed", "set", "do", "touch", "delete", "create", "last_update_date"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What customers are like in this pod; ``POST /_sandbox/settings`` changes it."""

    note_encoding: Literal["base64", "plain"] = "base64"
    """How the pod takes the NoteTxt of a note in JSON. What comes otherwise is stored garbled, without an error."""
    custom_attributes: Mapping[str, str] = field(default_factory=dict)
    """Custom attributes of customers: name, which ends in ``_c``, to `Type`."""
    may_write: bool = True
    """Whether the user has the privileges to change customers."""
    expand_levels: int = 2
    """How many levels of collections come along with a row, whatever is asked for."""
    keeps_titles: bool = True
    """Whether a new note gets the NoteTitle that it is sent with."""
    job_seconds: float = 0.0
    """How long an import of journals takes."""
    import_is_apart: bool = True
    """Whether a file's number is that of its loader alone, the import being a request by itself behind it."""
    sees_requests: bool = True
    """Whether the user may see requests of the scheduler."""
    document_account: str = "fin$/generalLedger$/import$"
    """Where the content server wants the files of journals."""
    journal_sources: Sequence[str] = ("Asana", "Spreadsheet", "Payables", "Manual")
    journal_categories: Sequence[str] = ("Accrual", "Manual", "Adjustment")


class Pod:
    """The tables, and the credit profiles by account number."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reset()

    def reset(self) -> None:
        self.tables = {name: Table(resource) for name, resource in RESOURCES.items()}
        for lov, rows in (
            (LEDGERS_LOV, ledgers),
            (PERIODS, periods),
            (COMBINATIONS_LOV, combinations),
            (VALUE_SETS, value_sets),
        ):
            self.tables[lov.name].add(rows(self.world.now()))
        self.finance = Finance(self.world, self.tables)
        self.credit_profiles: dict[str, Row] = {}
        self.settings = Settings()
        self.children = Children()
        self._customers_made = 0
        self._contacts_made = 0

    def configure(self, settings: dict[str, Any]) -> None:
        """`Settings` by name; ``ValueError`` for what is none."""
        self.settings = replace(self.settings, **settings)
        declared = {name: Attribute(name, Type(kind), True) for name, kind in self.settings.custom_attributes.items()}
        if wrong := [name for name in declared if not name.endswith("_c")]:
            raise ValueError(f"names of custom attributes end in _c, not as {', '.join(wrong)}")
        self.tables[HUB_ORGANIZATIONS.name].declare(declared)

    def table(self, collection: str) -> Table:
        """By the collection's name or the vendor's resource name."""
        return self.tables[COLLECTIONS.get(collection, collection)]

    def state(self, collection: str) -> list[Row]:
        if collection == CREDIT_PROFILES:
            return list(self.credit_profiles.values())
        if collection in CHILD_COLLECTIONS:
            return self.children.state(CHILD_COLLECTIONS[collection], self.tables[HUB_ORGANIZATIONS.name])
        return [served(row) for row in self.table(collection).rows.values()]

    def seed_customers(self, count: int, seed: int) -> list[Row]:
        """Customers with their accounts, credit profiles and, for some, supplier and orders; the customers."""
        first, self._customers_made = self._customers_made, self._customers_made + count
        rng = random.Random(f"{seed}/{first}/customers")
        new: dict[str, list[Row]] = {name: [] for name in self.tables}
        for number, modified in enumerate(invented.moments(rng, count, self.world.now()), first):
            party = invented.organization(rng, number, modified)
            new[HUB_ORGANIZATIONS.name].append(party)
            for account, profile in invented.accounts(rng, party, number, modified):
                new[ACCOUNT_ACTIVITIES.name].append(account)
                self.credit_profiles[account["AccountNumber"]] = profile
            if rng.random() < 0.1:
                seller = invented.supplier(rng, party, number, modified)
                new[SUPPLIERS.name].append(seller)
                for nth in range(rng.randint(1, 4)):
                    new[PURCHASE_ORDERS.name].append(invented.purchase_order(rng, seller, 10 * number + nth, modified))
        for name, rows in new.items():
            self.tables[name].add(rows)
        return new[HUB_ORGANIZATIONS.name]

    def seed_contacts(self, count: int, seed: int) -> None:
        """Persons of the customers that there are."""
        employers = list(self.tables[HUB_ORGANIZATIONS.name].rows.values())
        if not employers:
            raise ValueError("contacts belong to customers: seed customers first")
        self._add_persons(employers, count, seed, {})

    def seed_employees(self, count: int, seed: int) -> None:
        """Persons who are nobody's contacts: Fusion's own users and the people of HCM are parties as well."""
        nobody = dict.fromkeys(("OrganizationPartyId", "OrganizationPartyNumber", "OrganizationPartyName"))
        own = {"PartyUsageCode": "EMPLOYEE", **nobody}
        employer = invented.organization(random.Random("own"), invented.OURS, self.world.now())
        self._add_persons([employer], count, seed, own)

    def seed_supplier_contacts(self, count: int, seed: int) -> None:
        """Persons of organizations that sell to us and buy nothing."""
        made = f"{seed}/{self._contacts_made}/sellers"
        sellers = [
            invented.organization(random.Random(made), invented.OURS + 1 + number, self.world.now())
            | {"PartyUsageCode": "SUPPLIER"}
            for number in range(self._contacts_made, self._contacts_made + 3)
        ]
        self.tables[HUB_ORGANIZATIONS.name].add(sellers)
        self._add_persons(sellers, count, seed, {"PartyUsageCode": "SUPPLIER_CONTACT"})

    def _add_persons(self, employers: Sequence[Row], count: int, seed: int, values: Row) -> None:
        first, self._contacts_made = self._contacts_made, self._contacts_made + count
        rng = random.Random(f"{seed}/{first}/contacts")
        dates = invented.moments(rng, count, self.world.now())
        self.tables[HUB_PERSONS.name].add(
            invented.person(rng, number, rng.choice(employers), modified) | values
            for number, modified in enumerate(dates, first)
        )

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        """Change rows; the keys of those changed, as ``keys`` takes them.

        Which: ``keys`` (URL keys, or ids where those are opaque), or ``count`` rows chosen by ``seed``, or
        ``create``: so many new customers or documents. How: ``set`` (attributes), ``do`` (what happens to documents,
        `finance.ACTIONS`), ``touch`` (LastUpdateDate alone), ``delete``, and otherwise an ordinary edit. When: now, or
        ``last_update_date`` as for rows that were committed late.
        """
        if unknown := change.keys() - CHANGES:
            raise ValueError(f"a change has {', '.join(sorted(CHANGES))}; not {', '.join(sorted(unknown))}")
        if collection == CREDIT_PROFILES:
            return self._mutate_profiles([str(key) for key in change["keys"]], change["set"])
        table = self.table(collection)
        at = datetime.fromisoformat(change["last_update_date"]) if "last_update_date" in change else self.world.now()
        rows = self._chosen(table, change)
        values = _typed(table.resource, change.get("set", {}))
        untouched = bool(change.get("touch")) or "create" in change
        for row in rows:
            if "do" in change:
                values = ACTIONS[table.resource.name][change["do"]](self.finance, row, at)
            if change.get("delete"):
                table.delete(row[table.resource.id])
            elif values or untouched:
                self._change(table, row, values, at)
            else:
                self.edit(table, [row], at)
        return [_control_key(table.resource, row) for row in rows]

    def edit(self, table: Table, rows: Sequence[Row], at: datetime) -> None:
        """What a person at the vendor's screen does: one attribute of each row gets another value."""
        name = table.resource.edited
        for row in rows:
            self._change(table, row, {name: _edited(row[name])}, at)

    def _change(self, table: Table, row: Row, values: Row, at: datetime) -> None:
        values = dict(values)
        if table.resource is HUB_PERSONS and values.keys() & {"FirstName", "LastName"}:
            names = row | values
            values.setdefault("PersonName", f"{names['FirstName']} {names['LastName']}")
        table.change(row[table.resource.id], values, at)
        if table.resource.name == HUB_ORGANIZATIONS.name and "OrganizationName" in values:
            # These columns are looked up in the organization: they change, and their rows' LastUpdateDate does not.
            for person in self.tables[HUB_PERSONS.name].find("OrganizationPartyId", row["PartyId"]):
                person["OrganizationPartyName"] = row["OrganizationName"]
            for account in self.tables[ACCOUNT_ACTIVITIES.name].find("CustomerId", row["PartyId"]):
                account["CustomerName"] = row["OrganizationName"]

    def _chosen(self, table: Table, change: dict[str, Any]) -> list[Row]:
        seed = int(change.get("seed", 1))
        if "create" in change:
            if table.resource.name != HUB_ORGANIZATIONS.name:
                return self.finance.create(table, int(change["create"]), seed)
            return self.seed_customers(int(change["create"]), seed)
        if "keys" in change:
            by_key = {_control_key(table.resource, row): row for row in table.rows.values()}
            return [by_key[str(key)] for key in change["keys"]]
        chosen = random.Random(seed).sample(sorted(table.rows), int(change["count"]))
        return [table.rows[key] for key in chosen]

    def _mutate_profiles(self, numbers: list[str], values: Row) -> list[str]:
        for number in numbers:
            profile = self.credit_profiles[number]
            if unknown := values.keys() - profile.keys():
                raise ValueError(f"a credit profile has no {', '.join(sorted(unknown))}")
            profile.update(values)
        return numbers


def _control_key(resource: Resource, row: Row) -> str:
    return str(row[resource.key or resource.id])


def _typed(resource: Resource, values: Row) -> Row:
    if unknown := values.keys() - (resource.attributes.keys() - {resource.id}):
        raise ValueError(f"{resource.name} has no {', '.join(sorted(unknown))} to set")
    return {
        name: Decimal(str(value)) if resource.attributes[name].type is Type.NUMBER and value is not None else value
        for name, value in values.items()
    }


def _edited(value: Any) -> Any:
    """Another value of the same kind: one more, or the text with a counter behind it."""
    if isinstance(value, (int, Decimal)):
        return value + 1
    counted = re.fullmatch(r"(.*?)(?: ?\((\d+)\))?", value or "", re.DOTALL)
    assert counted  # noqa: S101  # the pattern matches any text
    return f"{counted[1]} ({int(counted[2] or 0) + 1})".strip()
