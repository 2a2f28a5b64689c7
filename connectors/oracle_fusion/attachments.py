"""Text files attached to customers as a destination.

https://docs.oracle.com/en/cloud/saas/sales/faaps/api-hub-organizations-attachments.html
"""

from __future__ import annotations

import re
from base64 import b64encode
from uuid import UUID

from connectors.oracle_fusion.appending import Appended
from ml_connector.core.records import Body, Decision

_LONGEST_NAME = 80


class Attachments(Appended):
    """Writes `payloads.CustomerAttachment`; name and contents arrive in one call."""

    child = "Attachment"
    id_attribute = "AttachedDocumentId"
    key_attribute = "FileName"
    written = ("Title", "FileName", "FileContents")

    def key(self, title: str, effect_id: UUID) -> str:
        slug = re.sub(r"[^A-Za-z0-9]+", "-", title)[:_LONGEST_NAME].strip("-")
        return f"{slug or 'text'}-{effect_id}.txt"

    def row(self, request: Body) -> Body:
        return {
            "DatatypeCode": "FILE",
            "Title": request["title"],
            "FileName": request["key"],
            "UploadedFileName": request["key"],
            "UploadedFileContentType": "text/plain",
            "CategoryName": self._client.settings.attachment_category,
            "FileContents": b64encode(str(request["text"]).encode(errors="replace")).decode(),
        }

    async def completed(self, item: str, decision: Decision, *, new: bool) -> str | None:  # noqa: ARG002
        return None
