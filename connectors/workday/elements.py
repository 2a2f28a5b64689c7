"""Reading what Workday writes into elements: text, amounts, days, references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from lxml import etree

from connectors.workday.envelope import WD


@cache
def qualified(path: str) -> str:
    """``Supplier_Data/Supplier_Name`` with Workday's namespace on each name."""
    return "/".join(f"{{{WD}}}{name}" for name in path.split("/"))


def attribute(element: etree._Element, name: str) -> str | None:
    return element.get(f"{{{WD}}}{name}")


def text(element: etree._Element | None, path: str) -> str | None:
    """The trimmed text of the first element at the path; None where there is none, or nothing in it."""
    found = element.find(qualified(path)) if element is not None else None
    return ((found.text or "").strip() or None) if found is not None else None


def every(element: etree._Element | None, path: str) -> Iterator[etree._Element]:
    return iter(element.findall(qualified(path))) if element is not None else iter(())


def day(element: etree._Element | None, path: str) -> str | None:
    """A date without the offset that Workday may append: ``2026-11-01-07:00`` is 2026-11-01."""
    found = text(element, path)
    return found[:10] if found else None


def flag(element: etree._Element | None, path: str) -> bool | None:
    """Booleans come as 1 and 0, or as true and false."""
    found = text(element, path)
    return None if found is None else found in ("1", "true")


def identifier(element: etree._Element | None, path: str, kind: str) -> str | None:
    """The id of this type of the first reference at the path."""
    reference = element.find(qualified(path)) if element is not None else None
    for one in every(reference, "ID"):
        if attribute(one, "type") == kind:
            return (one.text or "").strip() or None
    return None


def named(element: etree._Element | None, path: str) -> str | None:
    """What Workday shows for the first reference at the path."""
    reference = element.find(qualified(path)) if element is not None else None
    return attribute(reference, "Descriptor") if reference is not None else None


def distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
