"""Notes of customers as a destination.

https://docs.oracle.com/en/cloud/saas/sales/faaps/api-hub-organizations-notes.html
"""

from __future__ import annotations

from base64 import b64encode
from uuid import UUID

from connectors.oracle_fusion.appending import Appended
from connectors.oracle_fusion.customers import ROOT
from connectors.oracle_fusion.literals import queryable
from ml_connector.core.errors import RejectRecord, RetryLater
from ml_connector.core.records import Body, Decision

_LONGEST_TITLE = 80
"""Characters before the id; how many Oracle takes is not documented."""


class Notes(Appended):
    """Writes `payloads.CustomerNote`.

    The text goes into the new note in the encoding that the settings say, and then once more, as plain UTF-8, to
    the address of its large attribute: that one is documented, and the encoding in the note is not.
    """

    child = "Note"
    id_attribute = "NoteId"
    key_attribute = "NoteTitle"
    written = ("NoteTitle", "NoteTxt")

    def key(self, title: str, effect_id: UUID) -> str:
        return f"{queryable(title)[:_LONGEST_TITLE].rstrip()} [{effect_id}]".lstrip()

    def row(self, request: Body) -> Body:
        settings = self._client.settings
        plain = settings.note_encoding == "plain"
        return {
            "NoteTitle": request["key"],
            "NoteTxt": request["text"] if plain else b64encode(_bytes(request)).decode(),
            "NoteTypeCode": settings.note_type,
            "VisibilityCode": settings.note_visibility,
        }

    async def completed(self, item: str, decision: Decision, *, new: bool) -> str | None:
        enclosure, text = f"{item}/enclosure/NoteTxt", _bytes(decision.request)
        if not new and await self._client.text(ROOT, enclosure) == text:
            return None
        try:
            await self._client.put_text(ROOT, enclosure, text, record_key=decision.source_id)
        except RejectRecord as error:
            held = await self._client.text(ROOT, enclosure)
            if held is None and new:
                # what was made a moment ago may not be shown yet
                raise RetryLater("the note was created, and its text is not to be seen yet") from error
            if held != text:
                return "the note is gone, or holds a text that Oracle refuses to replace: correct it there"
        return None


def _bytes(request: Body) -> bytes:
    return str(request["text"]).encode(errors="replace")
