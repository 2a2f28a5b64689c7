"""The file of a journal import: ``GlInterface.csv``, without a header, all columns in each line, alone in a zip.

https://www.oracle.com/webfolder/technetwork/docs/fbdi-25c/fbdi/xlsm/JournalImportTemplate.xlsm
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from io import BytesIO, StringIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


def _numbered(name: str, first: int, last: int) -> tuple[str, ...]:
    return tuple(f"{name}{n}" for n in range(first, last + 1))


COLUMNS = (
    *("STATUS", "LEDGER_ID", "ACCOUNTING_DATE", "USER_JE_SOURCE_NAME", "USER_JE_CATEGORY_NAME", "CURRENCY_CODE"),
    *("DATE_CREATED", "ACTUAL_FLAG"),
    *_numbered("SEGMENT", 1, 30),
    *("ENTERED_DR", "ENTERED_CR", "ACCOUNTED_DR", "ACCOUNTED_CR"),
    *_numbered("REFERENCE", 1, 10),
    *_numbered("REFERENCE", 21, 30),
    *("STAT_AMOUNT", "USER_CURRENCY_CONVERSION_TYPE", "CURRENCY_CONVERSION_DATE", "CURRENCY_CONVERSION_RATE"),
    *("GROUP_ID", "ATTRIBUTE_CATEGORY"),
    *_numbered("ATTRIBUTE", 1, 20),
    *("ATTRIBUTE_CATEGORY3", "AVERAGE_JOURNAL_FLAG", "ORIGINATING_BAL_SEG_VALUE", "LEDGER_NAME"),
    *("ENCUMBRANCE_TYPE_ID", "JGZZ_RECON_REF", "PERIOD_NAME", "REFERENCE18", "REFERENCE19", "REFERENCE20"),
    *_numbered("ATTRIBUTE_DATE", 1, 10),
    *_numbered("ATTRIBUTE_NUMBER", 1, 10),
    "GLOBAL_ATTRIBUTE_CATEGORY",
    *_numbered("GLOBAL_ATTRIBUTE", 1, 20),
    *_numbered("GLOBAL_ATTRIBUTE_DATE", 1, 5),
    *_numbered("GLOBAL_ATTRIBUTE_NUMBER", 1, 5),
)
"""The 149 columns in their order. A file with fewer ended, on a pod, without a row in the interface."""
FILE_NAME = "GlInterface.csv"
LONGEST = 240
"""Characters of a reference."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_MADE = (2000, 1, 1, 0, 0, 0)


def packed(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The zip with one line for each row of column names and values; the same rows make the same bytes.

    Half a surrogate pair, as a system that cuts text by length may send it, becomes a question mark. ``KeyError`` for
    a column that there is not.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    place = {name: n for n, name in enumerate(COLUMNS)}
    for row in rows:
        line = [""] * len(COLUMNS)
        for name, value in row.items():
            line[place[name]] = _CONTROL.sub(" ", value)[:LONGEST]
        writer.writerow(line)
    packed_file = BytesIO()
    with ZipFile(packed_file, "w") as archive:
        archive.writestr(ZipInfo(FILE_NAME, _MADE), text.getvalue().encode(errors="replace"), ZIP_DEFLATED)
    return packed_file.getvalue()
