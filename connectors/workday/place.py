"""Where a read by SOAP stands among the pages of Workday, whose numbers of pages and of records need not be right."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from connectors.workday.answers import Answer


@dataclass(slots=True, frozen=True)
class Place:
    """In the ``nth`` pass, before page ``page``; 0: the pass has been read.

    ``size`` is the greatest number of records that a page had, ``total`` what the last one said of all.
    """

    nth: int = 0
    page: int = 1
    size: int = 0
    total: int = 0

    def behind(self, answer: Answer) -> Place:
        """The next page to ask for, after this answer.

        The last one is where both numbers say so, or where nothing came. If there are fewer records than before, those
        behind have moved up, at most onto as many pages as the missing ones would fill: these are read once more.
        """
        size = max(self.size, answer.count)
        gone = self.total - answer.total
        if gone > 0:
            return Place(self.nth, max(1, self.page - ceil(gone / size)), size, answer.total)
        is_last = self.page >= answer.pages and self.page * size >= answer.total
        return Place(self.nth, 0 if is_last or not answer.count else self.page + 1, size, answer.total)
