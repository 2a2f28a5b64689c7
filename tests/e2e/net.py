"""A net for values that must not be seen: what was planted, and all the places where it could come to light."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql


class Net:
    """Holds texts by the place where a person could read them, and finds planted values in them."""

    def __init__(self, planted: Iterable[str]) -> None:
        self.planted = set(planted)
        self._texts: list[tuple[str, str]] = []

    def catch(self, place: str, *shown: object) -> None:
        """Remember what is shown at ``place``."""
        self._texts += [(place, f"{thing}\n{thing!r}".casefold()) for thing in shown]

    def catch_error(self, place: str, error: BaseException) -> None:
        """All that Prefect, a log or a pickle would tell of an exception."""
        self.catch(place, "".join(traceback.format_exception(error)), error.args, vars(error))

    def catch_database(self, connection: psycopg.Connection[Any]) -> None:
        """Every row of every table, as text."""
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = connection.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(table))).fetchall()
            self.catch(f"table {table}", *[row[0] for row in rows])

    def catch_file(self, file: Path) -> None:
        self.catch(file.name, file.read_text(errors="replace"))

    def leaks(self) -> list[str]:
        """What was planted and where it is seen, whatever its spelling: plain, hexadecimal, base64."""
        spellings = {spelled: value for value in self.planted for spelled in _spellings(value)}
        return sorted(
            {
                f"{value} in {place}: ...{text[max(0, text.index(spelled) - 60) :][:160]}"
                for place, text in self._texts
                for spelled, value in spellings.items()
                if spelled in text
            }
        )


def _spellings(value: str) -> Iterable[str]:
    raw = value.encode()
    yield value.casefold()
    yield raw.hex()
    for shift in range(3):  # base64 spells the same bytes in three ways, by where they begin
        encoded = base64.b64encode(b"x" * shift + raw).decode()
        yield encoded[4 if shift else 0 : -4].casefold()
