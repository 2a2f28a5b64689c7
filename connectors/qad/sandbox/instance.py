"""What an instance holds: browses with described columns and their rows.

The browses are standard ones; what their columns are called is invented in the style of those that were seen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ml_connector.sandbox.world import World

Row = dict[str, Any]
MFG = "urn:browse:mfg:"


@dataclass(slots=True)
class Browse:
    """``columns``: name to type. ``key`` is the column by which the control interface names rows."""

    key: str
    columns: dict[str, str]
    rows: list[Row] = field(default_factory=list)


def _browses() -> dict[str, Browse]:
    text = "character"
    return {
        f"{MFG}cm300": Browse(
            "debtor.DebtorCode",
            {
                "debtor.SharedSetCode": text,
                "debtor.DebtorCode": text,
                "businessRelation.BusinessRelationName1": text,
                "address.AddressStreet1": text,
                "address.AddressCity": text,
                "address.AddressZip": text,
                "address.AddressState": text,
                "address.AddressEMail": text,
                "address.AddressTelephone": text,
                "debtor.DebtorIsActive": "logical",
                "debtor.LastModifiedDate": "date",
            },
        ),
        f"{MFG}cm803": Browse(
            "contact.ContactID",
            {
                "contact.ContactID": text,
                "debtor.DebtorCode": text,
                "contact.ContactName": text,
                "contact.ContactEMail": text,
                "contact.ContactTelephone": text,
                "contact.ContactIsActive": "logical",
            },
        ),
        f"{MFG}so803": Browse(
            "so_nbr",
            {"so_nbr": text, "so_cust": text, "so_ord_date": "date", "so_due_date": "date", "so_stat": text},
        ),
    }


COLLECTIONS = {"customers": f"{MFG}cm300", "contacts": f"{MFG}cm803", "orders": f"{MFG}so803"}
_NAMES = ("Acme Manufacturing", "Börner Guss", "Castings & Sons", "Delta Forge", "Eagle Pumps")
_CITIES = (("Springfield", "62701", "IL"), ("Essen", "45127", ""), ("Lyon", "69001", ""))


class Instance:
    """The browses by URN; ``known_as`` of a collection changes when a browse is renamed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reset()

    def reset(self) -> None:
        self.browses = _browses()
        self.known_as = dict(COLLECTIONS)
        self._turned: dict[tuple[str, str], int] = {}

    def turned(self, call_id: str, urn: str, page: int) -> bool:
        """Whether a caller may have this page: ``next`` is the one behind a page that it was given, or that one again.

        Nobody says what an instance does otherwise.
        """
        furthest = self._turned.get((call_id, urn), 0)
        if page > furthest + 1:
            return False
        self._turned[call_id, urn] = max(page, furthest)
        return True

    def collection(self, name: str) -> Browse:
        return self.browses[self.known_as[name]]

    def seed(self, name: str, count: int, seed: int) -> int:
        """Contacts and orders belong to customers: seed those first."""
        browse, customers = self.collection(name), self.collection("customers").rows
        if name != "customers" and not customers:
            raise ValueError(f"{name} belong to customers: seed customers first")
        first = len(browse.rows)
        rng = random.Random(f"{seed}/{name}/{first}")
        today = self.world.now().date()
        make = {"customers": _customer, "contacts": _contact, "orders": _order}[name]
        browse.rows += [make(rng, number, today, customers) for number in range(first, first + count)]
        return count

    def mutate(self, name: str, change: Row) -> list[str]:
        """``keys`` or ``count``, and ``set`` by column. Where the browse has a day of the last change, it is today.

        ``join``: the rows stay, and each gets another one behind it, as of a customer with a second address in a
        browse that joins the addresses.
        """
        if unknown := change.keys() - {"keys", "count", "set", "join"}:
            raise ValueError(f"a change has keys or count, set or join; not {', '.join(sorted(unknown))}")
        browse = self.collection(name)
        wanted = change.get("keys") or [row[browse.key] for row in browse.rows[: int(change["count"])]]
        rows = [row for row in browse.rows if row[browse.key] in wanted]
        if "join" in change:
            for row in rows:
                browse.rows.insert(browse.rows.index(row) + 1, {**row, **change["join"]})
            return [str(row[browse.key]) for row in rows]
        for row in rows:
            row.update(change.get("set", {}))
            if "debtor.LastModifiedDate" in row:
                row["debtor.LastModifiedDate"] = _day(self.world.now().date())
        return [str(row[browse.key]) for row in rows]

    def stir(self, browse: Browse, shown: list[Row]) -> None:
        """What people do while somebody reads: customers move."""
        if browse is self.collection("customers"):
            keys = [row[browse.key] for row in shown]
            self.mutate("customers", {"count": 0, "keys": keys, "set": {"address.AddressCity": "Oslo"}})

    def rename_column(self, urn: str, old: str, new: str) -> None:
        """As an upgrade or an administrator might."""
        browse = self.browses[urn]
        browse.columns = {new if name == old else name: kind for name, kind in browse.columns.items()}
        browse.rows = [{new if name == old else name: value for name, value in row.items()} for row in browse.rows]

    def rename_browse(self, old: str, new: str) -> None:
        self.browses[new] = self.browses.pop(old)
        self.known_as = {name: new if urn == old else urn for name, urn in self.known_as.items()}


def _customer(rng: random.Random, number: int, today: date, _: list[Row]) -> Row:
    city, postal_code, state = rng.choice(_CITIES)
    return {
        "debtor.SharedSetCode": "QMI-CUST",
        "debtor.DebtorCode": f"10C{1000 + number}",
        "businessRelation.BusinessRelationName1": f"{rng.choice(_NAMES)} {number}",
        "address.AddressStreet1": f"{number} Main St",
        "address.AddressCity": city,
        "address.AddressZip": postal_code,
        "address.AddressState": state,
        "address.AddressEMail": f"ap{number}@customer.example",
        "address.AddressTelephone": f"+1 517 555 {number % 10_000:04}",
        "debtor.DebtorIsActive": rng.random() < 0.95,
        "debtor.LastModifiedDate": _day(today - timedelta(days=10 + rng.randrange(300))),
    }


def _contact(rng: random.Random, number: int, _: date, customers: list[Row]) -> Row:
    return {
        "contact.ContactID": f"C{number:06}",
        "debtor.DebtorCode": rng.choice(customers)["debtor.DebtorCode"],
        "contact.ContactName": f"Contact {number}",
        "contact.ContactEMail": f"contact{number}@customer.example",
        "contact.ContactTelephone": "",
        "contact.ContactIsActive": True,
    }


def _order(rng: random.Random, number: int, today: date, customers: list[Row]) -> Row:
    ordered = today - timedelta(days=rng.randrange(200))
    return {
        "so_nbr": f"SO{number:06}",
        "so_cust": rng.choice(customers)["debtor.DebtorCode"],
        "so_ord_date": _day(ordered),
        "so_due_date": _day(ordered + timedelta(days=14)),
        "so_stat": rng.choice(("", "C")),
    }


def _day(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"
