"""Suppliers, as mappings see them; see `models`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connectors.oracle_fusion.models import Record


class Supplier(Record):
    """Stream of suppliers. ``Active`` is ours: on the day of ``InactiveDate`` a supplier is so no longer."""

    SupplierId: str
    Active: bool = True
    Alias: str | None = None
    AlternateName: str | None = None
    BusinessClassificationNotApplicableFlag: bool | None = None
    BusinessRelationship: str | None = None
    BusinessRelationshipCode: str | None = None
    ChiefExecutiveName: str | None = None
    ChiefExecutiveTitle: str | None = None
    CorporateWebsite: str | None = None
    CreatedBy: str | None = None
    CreationDate: datetime | None = None
    CreationSource: str | None = None
    CreationSourceCode: str | None = None
    CurrentFiscalYearPotentialRevenue: Decimal | None = None
    CustomerNumber: str | None = None
    DataFoxCompanyName: str | None = None
    DataFoxCompanyPrimaryURL: str | None = None
    DataFoxCountry: str | None = None
    DataFoxId: str | None = None
    DataFoxLastSyncDate: str | None = None
    DataFoxLegalName: str | None = None
    DataFoxNAICSCode: str | None = None
    DataFoxScore: Decimal | None = None
    DataFoxScoringCriteria: str | None = None
    DUNSNumber: str | None = None
    FederalIncomeTaxType: str | None = None
    FederalIncomeTaxTypeCode: str | None = None
    FederalReportableFlag: bool | None = None
    FiscalYearEndMonth: str | None = None
    FiscalYearEndMonthCode: str | None = None
    InactiveDate: str | None = None
    IndustryCategory: str | None = None
    IndustrySubcategory: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    MissionStatement: str | None = None
    NameControl: str | None = None
    NationalInsuranceNumberExistsFlag: bool | None = None
    OBNEnabledFlag: bool | None = None
    OFACSources: str | None = None
    OneTimeSupplierFlag: bool | None = None
    OnOFACListFlag: bool | None = None
    ParentSupplier: str | None = None
    ParentSupplierId: str | None = None
    ParentSupplierNumber: str | None = None
    PreferredFunctionalCurrency: str | None = None
    PreferredFunctionalCurrencyCode: str | None = None
    PrincipalName: str | None = None
    PrincipalTitle: str | None = None
    RegistryId: str | None = None
    RelationshipDisplay: str | None = None
    RequestNumber: str | None = None
    SpendAuthReviewStatus: str | None = None
    SpendAuthReviewStatusDisplay: str | None = None
    StandardIndustryClass: str | None = None
    StateReportableFlag: bool | None = None
    Status: str | None = None
    Supplier: str | None = None
    SupplierNumber: str | None = None
    SupplierPartyId: str | None = None
    SupplierType: str | None = None
    SupplierTypeCode: str | None = None
    TaxOrganizationType: str | None = None
    TaxOrganizationTypeCode: str | None = None
    TaxpayerCountry: str | None = None
    TaxpayerCountryCode: str | None = None
    TaxpayerIdExistsFlag: bool | None = None
    TaxRegistrationCountry: str | None = None
    TaxRegistrationCountryCode: str | None = None
    TaxRegistrationNumber: str | None = None
    TaxReportingName: str | None = None
    UseWithholdingTaxFlag: bool | None = None
    VerificationDate: str | None = None
    WithholdingTaxGroup: str | None = None
    WithholdingTaxGroupId: str | None = None
    YearEstablished: int | None = None
    YearIncorporated: int | None = None
