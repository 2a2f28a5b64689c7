"""The SOAP service that tells the credit profile of an account."""

from __future__ import annotations

import httpx
from lxml import etree

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.fusion import seed

SERVICE = "http://xmlns.oracle.com/apps/financials/receivables/customers/customerProfileService/"


def ask_profile(client: httpx.Client, account_number: str, before: str = "") -> tuple[int, etree._Element]:
    envelope = (
        f'{before}<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="{SERVICE}types/" '
        f'xmlns:c="{SERVICE}"><e:Body><t:getActiveCustomerProfile><t:customerProfile>'
        f"<c:AccountNumber>{account_number}</c:AccountNumber>"
        "</t:customerProfile></t:getActiveCustomerProfile></e:Body></e:Envelope>"
    )
    answer = client.post(
        "/fscmService/ReceivablesCustomerProfileService",
        content=envelope.encode(),
        headers={"content-type": "text/xml; charset=utf-8"},
    )
    return answer.status_code, etree.fromstring(answer.content)


def test_the_credit_profile_of_an_account(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 20)
    pod = vendors.emulators["oracle_fusion"]
    number = pod.state("accounts")[0]["AccountNumber"]
    pod.mutate("credit_profiles", {"keys": [number], "set": {"CreditLimit": "1000.50", "PaymentTerms": None}})
    status, answer = ask_profile(fusion, number)
    values = {etree.QName(element).localname: element.text for element in answer.iter(f"{{{SERVICE}}}*")}
    assert status == 200
    assert (values["AccountNumber"], values["CreditLimit"], values["PaymentTerms"]) == (number, "1000.50", None)
    assert (
        fusion.post("/fscmService/ReceivablesCustomerProfileService", headers={"authorization": ""}).status_code == 401
    )


def test_soap_refusals_are_faults(fusion: httpx.Client) -> None:
    status, answer = ask_profile(fusion, "nobody")
    assert status == 500
    assert answer.findtext(".//{*}code") == "FND:::FND_CMN_RCRD_MSNG"
    entity = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
    status, answer = ask_profile(fusion, "&secret;", entity)
    assert status == 500
    assert "Number  doesn't" in (answer.findtext(".//faultstring") or "")
