"""The records of the streams, as mappings see them: the vendor's own names, and their types.

They are what a mapping is checked against when it is loaded. Records keep whatever else the pod sent; custom
attributes, whose names end in ``_c``, are not listed, nor is what `parties.PRIVATE` keeps out.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """What all of them have in common."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class ReceivablesBalance(Record):
    """Stream ``receivables``: what a customer owes over all its accounts, in the currency of the ledger.

    ``LedgerCurrencyCode`` is what the connection's ``ledger_currency`` says.
    """

    CustomerId: str
    AccountCount: int = 0
    AccountNumbers: list[str] = []
    TotalOpenReceivables: Decimal | None = None
    TotalTransactionsDue: Decimal | None = None
    LedgerCurrencyCode: str | None = None


class CreditProfile(Record):
    """Stream ``credit_profiles``: the credit terms of a customer over all its accounts."""

    CustomerId: str
    CreditLimit: Decimal | None = None
    CreditCurrencyCode: str | None = None
    CreditHold: bool = False
    PaymentTerms: str | None = None


class SupplierOrders(Record):
    """Stream ``supplier_orders``: the purchase orders to a party that is a supplier; ``Amounts`` by currency."""

    SupplierPartyId: str
    OrderCount: int = 0
    Amounts: dict[str, Decimal] = {}


class HubOrganization(Record):
    """An organization: hubOrganizations, and accounts as far as they have these attributes."""

    PartyId: str
    AccountScore: int | None = None
    AccountScoringTier: str | None = None
    Address1: str | None = None
    Address2: str | None = None
    Address3: str | None = None
    Address4: str | None = None
    AddressElementAttribute1: str | None = None
    AddressElementAttribute2: str | None = None
    AddressElementAttribute3: str | None = None
    AddressElementAttribute4: str | None = None
    AddressElementAttribute5: str | None = None
    AddressLinesPhonetic: str | None = None
    AddressNumber: str | None = None
    AddressType: str | None = None
    AnalysisFiscalYear: str | None = None
    BankCode: str | None = None
    BankOrBranchNumber: str | None = None
    BranchCode: str | None = None
    BranchFlag: bool | None = None
    Building: str | None = None
    BusinessReport: str | None = None
    BusinessScope: str | None = None
    CEOName: str | None = None
    CEOTitle: str | None = None
    CertificationLevel: str | None = None
    CertificationReasonCode: str | None = None
    City: str | None = None
    CleanlinessScore: int | None = None
    Comments: str | None = None
    CompletenessScore: int | None = None
    CongressionalDistrictCode: str | None = None
    ControlYear: Decimal | None = None
    CorpCurrencyCode: str | None = None
    CorporationClass: str | None = None
    Country: str | None = None
    County: str | None = None
    CreatedBy: str | None = None
    CreatedByModule: str | None = None
    CreationDate: datetime | None = None
    CurcyConvRateType: str | None = None
    CurrencyCode: str | None = None
    CurrentFiscalYearPotentialRevenueAmount: Decimal | None = None
    DUNSCreditRating: str | None = None
    DUNSNumber: str | None = None
    DataCloudStatus: str | None = None
    DataConfidenceScore: int | None = None
    DatafoxCompanyId: str | None = None
    Description: str | None = None
    DisadvantageIndicator: str | None = None
    DisplayedDUNSPartyId: str | None = None
    DoNotConfuseWith: str | None = None
    DomesticUltimateDUNSNumber: str | None = None
    DuplicateIndicator: str | None = None
    DuplicateScore: int | None = None
    EmailAddress: str | None = None
    EmailVerificationDate: str | None = None
    EmailVerificationStatus: str | None = None
    EmployeesAtPrimaryAddress: str | None = None
    EmployeesAtPrimaryAddressEstimation: str | None = None
    EmployeesAtPrimaryAddressMinimum: str | None = None
    EmployeesAtPrimaryAddressText: str | None = None
    EmployeesTotal: Decimal | None = None
    EnquiryDUNS: str | None = None
    EnrichmentScore: int | None = None
    ExportIndicator: str | None = None
    FiscalYearendMonth: str | None = None
    FloorNumber: str | None = None
    FormattedAddress: str | None = None
    GeneralServicesAdministrationFlag: bool | None = None
    GlobalUltimateDUNSNumber: str | None = None
    GrowthStrategyDescription: str | None = None
    HQBranchIndicator: str | None = None
    HomeCountry: str | None = None
    ImportIndicator: str | None = None
    Keywords: str | None = None
    LaborSurplusIndicator: str | None = None
    LastEnrichmentDate: str | None = None
    LastScoreUpdateDate: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    LegalStatus: str | None = None
    LineOfBusiness: str | None = None
    LocalActivityCode: str | None = None
    LocalActivityCodeType: str | None = None
    LocalBusinessIdentifier: str | None = None
    LocalBusinessIdentifierType: str | None = None
    Mailstop: str | None = None
    MinorityOwnedIndicator: str | None = None
    MinorityOwnedType: str | None = None
    MissionStatement: str | None = None
    NextFiscalYearPotentialRevenueAmount: Decimal | None = None
    OrganizationName: str | None = None
    OrganizationSize: str | None = None
    OrganizationType: str | None = None
    OutOfBusinessIndicator: str | None = None
    ParentDUNSNumber: str | None = None
    ParentOrSubsidiaryIndicator: str | None = None
    PartyNumber: str | None = None
    PartyUsageCode: str | None = None
    PhoneVerificationDate: str | None = None
    PhoneVerificationStatus: str | None = None
    PostalCode: str | None = None
    PostalPlus4Code: str | None = None
    PreferredContactMethod: str | None = None
    PreferredFunctionalCurrency: str | None = None
    PrincipalName: str | None = None
    PrincipalTitle: str | None = None
    Province: str | None = None
    PublicPrivateOwnershipFlag: bool | None = None
    RawPhoneNumber: str | None = None
    RecencyScore: int | None = None
    RegistrationType: str | None = None
    RentOrOwnIndicator: str | None = None
    SmallBusinessIndicator: str | None = None
    SourceSystem: str | None = None
    SourceSystemReferenceValue: str | None = None
    State: str | None = None
    Status: str | None = None
    StockSymbol: str | None = None
    TaxpayerIdentificationNumber: str | None = None
    ThirdPartyFlag: bool | None = None
    TotalEmployeesEstimatedIndicator: str | None = None
    TotalEmployeesIndicator: str | None = None
    TotalEmployeesMinimumIndicator: str | None = None
    TotalEmployeesText: str | None = None
    TotalPaymentAmount: Decimal | None = None
    TradingPartnerIdentifier: str | None = None
    URL: str | None = None
    UniqueNameAlias: str | None = None
    UniqueNameSuffix: str | None = None
    ValidatedFlag: bool | None = None
    ValidityScore: int | None = None
    WomanOwnedIndicator: str | None = None
    YearEstablished: int | None = None
    YearIncorporated: int | None = None


class HubPerson(Record):
    """A person: hubPersons, and contacts as far as they have these attributes."""

    PartyId: str
    AcademicTitle: str | None = None
    Address1: str | None = None
    Address2: str | None = None
    Address3: str | None = None
    Address4: str | None = None
    AddressElementAttribute1: str | None = None
    AddressElementAttribute2: str | None = None
    AddressElementAttribute3: str | None = None
    AddressElementAttribute4: str | None = None
    AddressElementAttribute5: str | None = None
    AddressLinesPhonetic: str | None = None
    AddressNumber: str | None = None
    AddressType: str | None = None
    Building: str | None = None
    CertificationLevel: str | None = None
    CertificationReasonCode: str | None = None
    City: str | None = None
    CleanlinessScore: int | None = None
    Comments: str | None = None
    CompletenessScore: int | None = None
    ContactRole: str | None = None
    CorpCurrencyCode: str | None = None
    Country: str | None = None
    County: str | None = None
    CreatedBy: str | None = None
    CreatedByModule: str | None = None
    CreationDate: datetime | None = None
    CurcyConvRateType: str | None = None
    CurrencyCode: str | None = None
    DataCloudStatus: str | None = None
    DataConfidenceScore: int | None = None
    Department: str | None = None
    DepartmentCode: str | None = None
    DoNotCallFlag: bool | None = None
    DoNotContactFlag: bool | None = None
    DoNotEmailFlag: bool | None = None
    DoNotMailFlag: bool | None = None
    DuplicateIndicator: str | None = None
    DuplicateScore: int | None = None
    EmailAddress: str | None = None
    EmailVerificationDate: str | None = None
    EmailVerificationStatus: str | None = None
    EnrichmentScore: int | None = None
    FirstName: str | None = None
    FloorNumber: str | None = None
    HomePhoneVerificationDate: str | None = None
    HomePhoneVerificationStatus: str | None = None
    Initials: str | None = None
    JobTitle: str | None = None
    JobTitleCode: str | None = None
    LastContactDate: str | None = None
    LastEnrichmentDate: str | None = None
    LastName: str | None = None
    LastNamePrefix: str | None = None
    LastScoreUpdateDate: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    Mailstop: str | None = None
    MiddleName: str | None = None
    MobilePhoneVerificationDate: str | None = None
    MobilePhoneVerificationStatus: str | None = None
    NameSuffix: str | None = None
    OrganizationPartyId: str | None = None
    OrganizationPartyName: str | None = None
    OrganizationPartyNumber: str | None = None
    OrganizationSourceSystem: str | None = None
    OrganizationSourceSystemReferenceValue: str | None = None
    PartyNumber: str | None = None
    PartyUsageCode: str | None = None
    PersonName: str | None = None
    PostalCode: str | None = None
    PostalPlus4Code: str | None = None
    PreferredContactMethod: str | None = None
    PreferredFunctionalCurrency: str | None = None
    PreviousLastName: str | None = None
    Province: str | None = None
    RawHomePhoneNumber: str | None = None
    RawMobilePhoneNumber: str | None = None
    RawWorkPhoneNumber: str | None = None
    RecencyScore: int | None = None
    RegistrationStatus: str | None = None
    SalesAffinityCode: str | None = None
    SalesBuyingRoleCode: str | None = None
    Salutation: str | None = None
    SalutoryIntroduction: str | None = None
    SecondLastName: str | None = None
    SourceSystem: str | None = None
    SourceSystemReferenceValue: str | None = None
    State: str | None = None
    Status: str | None = None
    ThirdPartyFlag: bool | None = None
    TimezoneCode: str | None = None
    Title: str | None = None
    UniqueNameSuffix: str | None = None
    ValidatedFlag: bool | None = None
    ValidityScore: int | None = None
    WorkPhoneVerificationDate: str | None = None
    WorkPhoneVerificationStatus: str | None = None
