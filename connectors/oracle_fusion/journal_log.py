"""Why Oracle refuses the rows of a journal import: the codes that its execution report and its log name."""

from __future__ import annotations

import re
from collections import Counter

_CODE = re.compile(r"\bE[A-Z]\d{2}\b")
_MEANINGS = {
    "EA": "the balance type",
    "EC": "the currency or its conversion",
    "ED": "the accounting date",
    "EE": "the encumbrance type",
    "EF": "an account combination that may not be posted to",
    "EG": "the group",
    "EL": "the ledger",
    "EP": "the accounting period, which is not open",
    "ER": "the journal category",
    "ES": "the journal source",
    "EU": "debits and credits that are not equal",
}
"""By the first two letters. https://docs.oracle.com/pls/topic/lookup?ctx=fa24c&id=GL_INTERFACE"""


_KEY = 10
"""So many different codes are no errors but the list of all codes that a report may end with."""


def refusal(log: str) -> str | None:
    """A sentence with the codes for errors in the rows, ``EF04 (an account ...)``; None if the log names none.

    Nothing else of a log is repeated: it quotes what was sent.
    """
    found = Counter(_CODE.findall(log))
    codes = sorted(code for code, times in found.items() if times > 1 or len(found) < _KEY)
    told = [f"{code} ({_MEANINGS[code[:2]]})" if code[:2] in _MEANINGS else code for code in codes[:5]]
    return ", ".join(told) or None
