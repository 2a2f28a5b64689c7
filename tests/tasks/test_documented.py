"""Which documents a ticket names: nothing is guessed."""

from __future__ import annotations

import pytest

from ml_connector.core.documents import PARTY, Known, folded
from tasks.documented import belonging


def known(kind: str, id_: str, number: str, party: str | None, *, own: bool = True, settles: bool = False) -> Known:
    return Known(kind, id_, folded(number), own, settles, party, {"id": id_})


S1, S2 = known(PARTY, "s1", "S-1", "S-1"), known(PARTY, "s2", "S-2", "S-2")
NAME_1, NAME_2 = known(PARTY, "s1", "Acme Ltd", "S-1"), known(PARTY, "s2", "東京-Süßwaren", "S-2")
MINE, THEIRS = known("invoice", "i1", "SI-1", "S-1"), known("invoice", "i2", "SI-2", "S-2")
# two suppliers have given the same number, and one of them has used another one twice
INV_7, INV_7_OF_2 = (known("invoice", i, "INV-7", party, own=False) for i, party in (("i1", "S-1"), ("i2", "S-2")))
INV_8, INV_8_AGAIN = (known("invoice", i, "INV-8", "S-1", own=False) for i in ("i3", "i4"))
PAID, PAID_OF_2 = (
    known("payment", i, "INV-7", party, own=False, settles=True) for i, party in (("p1", "S-1"), ("p2", "S-2"))
)
EVERY = (S1, S2, NAME_1, NAME_2, MINE, THEIRS, INV_7, INV_7_OF_2, INV_8, INV_8_AGAIN, PAID, PAID_OF_2)


@pytest.mark.parametrize(
    ("customer", "mentioned", "wanted"),
    [
        ("S-1", ["S-1", "SI-1", "SI-2"], ["i1", "s1"]),  # another's number is none
        ("S-1", ["S-1", "inv 7"], ["i1", "p1", "s1"]),  # with what has paid it
        ("S-1", ["S-1", "S-2"], ["s1"]),
        ("S-1", ["INV-8"], []),  # which of the two is meant cannot be said
        (None, ["SI-1", "SI-2"], ["i1", "i2"]),  # the ERP's own numbers are nobody else's
        (None, ["INV-7"], []),
        (None, ["INV-7", "acme ltd."], ["i1", "p1", "s1"]),  # the ticket says whose it is
        (None, ["INV-7", "S-1", "S-2"], ["s1", "s2"]),
        (None, ["Acme"], []),
        (None, ["東京 SÜSSWAREN"], ["s2"]),
        ("S-3", ["S-1", "SI-1", "INV-7"], []),
    ],
)
def test_a_number_counts_only_where_it_can_mean_one_document(
    customer: str | None, mentioned: list[str], wanted: list[str]
) -> None:
    found = belonging({"customer": customer, "mentioned": mentioned, "foreign": False}, EVERY)

    assert sorted(one.id for one in found) == wanted


def test_a_name_that_two_have_names_neither() -> None:
    namesake = known(PARTY, "s2", "Acme Ltd", "S-2")

    assert belonging({"customer": None, "mentioned": ["Acme Ltd"], "foreign": False}, [NAME_1, namesake]) == []


def test_a_ticket_of_somebody_else_names_nothing() -> None:
    assert belonging({"customer": None, "mentioned": ["SI-1", "S-1"], "foreign": True}, EVERY) == []
