"""What hangs below a customer: notes and attachments, as the reference of hubOrganizations lists them."""

from __future__ import annotations

from connectors.oracle_fusion.sandbox.resources import Resource, attributes

NOTE = Resource(
    name="Note",
    api="crmRestApi",
    id="NoteId",
    key="NoteId",
    edited="NoteTitle",
    finders={"PrimaryKey": ("NoteId",)},
    parameters=frozenset({"dependency"}),
    attributes=attributes(
        """NoteId:integer NoteNumber NoteTitle NoteTxt NoteTypeCode VisibilityCode PartyId:integer PartyName
        SourceObjectCode SourceObjectId SourceSystem CreatorPartyId:integer ContactRelationshipId:integer
        ParentNoteId:integer EmailAddress -FormattedAddress -FormattedPhoneNumber -CurrencyCode -CorpCurrencyCode
        -CurcyConvRateType -DeleteFlag -UpdateFlag LastUpdateLogin CreationDate:datetime CreatedBy
        LastUpdateDate:datetime LastUpdatedBy"""
    ),
)
"""NoteTxt, a large attribute, also has an address of its own, ``enclosure/NoteTxt``."""

ATTACHMENT = Resource(
    name="Attachment",
    api="crmRestApi",
    id="AttachedDocumentId",
    key=None,
    edited="Title",
    finders={"PrimaryKey": ("AttachedDocumentId",)},
    parameters=frozenset({"dependency"}),
    attributes=attributes(
        """AttachedDocumentId:integer DatatypeCode FileName -Title -Description CategoryName -UploadedFileName
        -UploadedFileContentType -UploadedFileLength:integer -FileContents -UploadedText -FileUrl Url Uri UserName
        DmDocumentId DmFolderPath DmVersionNumber -ErrorStatusCode -ErrorStatusMessage ExpirationDate:datetime
        CreationDate:datetime CreatedBy CreatedByUserName LastUpdateDate:datetime LastUpdatedBy
        LastUpdatedByUserName"""
    ),
)
