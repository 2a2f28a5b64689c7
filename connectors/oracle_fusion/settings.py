"""What a tenant says about its Oracle Fusion connection. No secrets; the credential stands beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from connectors.oracle_fusion.journal_settings import JournalSettings, Segment

SYSTEM = "oracle_fusion"

HOSTS = (
    "*.fa.*.oraclecloud.com",  # {pod}.fa.{data centre} and fa-....fa.ocs
    "*.identity.oraclecloud.com",  # the identity domain, which issues the tokens
    "*.*.identity.oraclecloud.com",
)
"""Hosts that Oracle gives to Fusion pods and their identity domains; an operator may allow others by name."""

REQUEST_ID_HEADERS = ("x-oracle-dms-ecid", "x-request-id")
"""Where Fusion's web tier puts its own id of a request; support asks for the ECID."""


def _not_version_1(version: int) -> int:
    if version == 1:
        raise ValueError(
            "framework version 1 reads q as query by example, where a condition with `and` matches no row and "
            "answers 200: nothing would ever be read. Use 4"
        )
    return version


def _known_place(template: str) -> str:
    if template and not template.startswith(("/", "https://")):
        raise ValueError("it begins with / (below the origin) or https://, or is empty: no link is shown then")
    return template


def _without_slash(origin: str) -> str:
    return origin.rstrip("/")


Page = Annotated[str, AfterValidator(_known_place)]
"""The address of a page in Fusion, with attributes of the record in braces: ``...objKey=InvoiceId={InvoiceId}``."""


class OracleSettings(BaseModel):
    """The non-secret settings of a connection to one Fusion pod."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    origin: Annotated[str, AfterValidator(_without_slash)]
    """Scheme and host of the pod, ``https://acme.fa.us2.oraclecloud.com``, as its users see it."""
    rest_version: Annotated[str, StringConstraints(pattern=r"^(latest|\d+(\.\d+){3})$")] = "11.13.18.05"
    """The version token of the REST addresses; ``latest`` follows the pod's newest."""
    framework_version: Annotated[int, Field(ge=1, le=9), AfterValidator(_not_version_1)] = 4
    """Sent as ``REST-Framework-Version`` on every call; the default of a pod is 1 or its own."""
    customer_source: Literal["hub", "crm"] = "hub"
    """``hub``: hubOrganizations and hubPersons, in every Fusion. ``crm``: accounts and contacts of Oracle Sales."""
    organization_usage: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = "CUSTOMER"
    """Only hubOrganizations with this party usage. None: all, suppliers, banks and prospects included."""
    person_usage: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """Only hubPersons with this party usage. None: all that Fusion shows, contacts of suppliers included."""
    ledger_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    """The currency of the ledgers whose receivables are seen, ISO 4217: Oracle sends these amounts without one. Of
    ledgers in several currencies they must not be added up: see the README, Receivables."""
    page_size: Annotated[int, Field(ge=1, le=500)] = 500
    """Rows asked for in one call; Oracle serves 500 at most."""
    expand_levels: Annotated[int, Field(ge=1, le=3)] = 2
    """How many levels of rows a document is asked for together with. Oracle's books say two; where a pod does more, 3
    saves a call for each purchase order."""
    note_encoding: Literal["base64", "plain"] = "base64"
    """How a new note's NoteTxt is sent; no sample shows it. The text is then put once more as plain bytes, which is
    documented, so a wrong choice can be seen only if the run ends between the two."""
    note_type: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] = "GENERAL"
    """NoteTypeCode of new notes."""
    note_visibility: Literal["INTERNAL", "EXTERNAL", "PRIVATE"] = "INTERNAL"
    """VisibilityCode of new notes. PRIVATE ones are seen by the user of the connection alone."""
    attachment_category: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] = "MISC"
    """CategoryName of new attachments."""
    account_combinations: Annotated[str, StringConstraints(max_length=1000)] = ""
    """Which account combinations their stream reads, in Oracle's language of queries and without `or`:
    ``_CHART_OF_ACCOUNTS_ID = 41``. Empty: all that the pod has."""
    value_sets: dict[Segment, Annotated[str, StringConstraints(pattern=r"^[\w .&/-]{1,60}$")]] = {}
    """The codes of the value sets of segments of accounts, such as ``{account: Operations Account}``: descriptions come
    from there, and what is not in use any more is no account to choose or to book on."""
    settle_seconds: Annotated[float, Field(ge=0)] = 30.0
    """How long a write whose answer was lost may still be under way."""
    invoice_page: Page = "/fscmUI/faces/deeplink?objType=AP_VIEWINVOICE&action=VIEW&objKey=InvoiceId={InvoiceId}"
    """The ``url`` of supplier invoices and their holds. All pages: in Fusion, Navigator > Tools > Deep Links."""
    order_page: Page = "/fndSetup/faces/deeplink?objType=PURCHASE_ORDER&action=VIEW&objKey=poHeaderId={POHeaderId}"
    """The ``url`` of purchase orders."""
    journal_page: Page = ""
    """The ``url`` of journal batches; no public document tells one."""
    customer_invoice_page: Page = ""
    """The ``url`` of invoices to customers; no public document tells one."""
    journals: JournalSettings | None = None
    """None: no journals can be written."""
