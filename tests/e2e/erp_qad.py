"""QAD, as `erps.Erp`."""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice

from flows import qad_zendesk
from tests.e2e.erps import Erp, Row, held, make

QAD = """
  qad:
    system: qad
    origin: {sandbox}/qad/clouderp
    requests_per_minute: 6000
    auth: {{type: oauth_password, token_url: "{sandbox}/qad/clouderp/oauth/token", client_id: ml-connector,
            username: mlc}}
    entities:
      customers:
        browse: urn:browse:mfg:cm300
        key: [customerCode]
        fields: {{customerCode: debtor.DebtorCode, businessRelationName: businessRelation.BusinessRelationName1,
                  city: address.AddressCity, EMail: address.AddressEMail, isActive: debtor.DebtorIsActive}}
        links: {{recordUrl: "https://qad.example/clouderp/#/customer?code={{customerCode}}"}}
        last_modified: debtor.LastModifiedDate
        page_size: 7
      contacts:
        browse: urn:browse:mfg:cm803
        key: [contactCode]
        fields: {{contactCode: contact.ContactID, customerCode: debtor.DebtorCode, name: contact.ContactName,
                  EMail: contact.ContactEMail, telephone: contact.ContactTelephone,
                  isActive: contact.ContactIsActive}}
        page_size: 7
      orders:
        browse: urn:browse:mfg:so803
        key: [orderNumber]
        fields: {{orderNumber: so_nbr, customerCode: so_cust, orderDate: so_ord_date, status: so_stat}}
"""


class Qad(Erp):
    integration = "qad_zendesk"
    prefix = "qad-"
    reading = "*/browses"
    connections = QAD
    streams = """
      organizations: {every: 10m, delay: 0s}
      users: {every: 10m, delay: 0s}
      orders: {every: 1h, enabled: true}
      tickets: {every: 10m, delay: 0s, start_from: now}
"""
    synced = ("organizations", "users", "orders")
    sync_flow = qad_zendesk.sync_customers
    ticket_flow = qad_zendesk.tie_tickets

    def seed(self, records: int) -> None:
        for collection in ("customers", "contacts", "orders"):
            self.sandbox.seed("qad", collection, records)

    def change(self, count: int) -> Counter[str]:
        self.sandbox.mutate("qad", "customers", count=count, set={"address.AddressCity": "Bergen"})
        self.sandbox.mutate("qad", "contacts", count=count, set={"contact.ContactTelephone": "+47 55 1"})
        return Counter({"organization.updated": count, "user.updated": count})

    def make_tickets(self, count: int) -> dict[int, Row]:
        code_of = {row["contact.ContactID"]: row["debtor.DebtorCode"] for row in self.sandbox.state("qad", "contacts")}
        made = {}
        for external_id, user in islice(cycle(held(self.sandbox, "users").items()), count):
            ticket = make(self.sandbox, "A question", requester_id=user["id"])
            made[ticket] = {"QAD customer": code_of[external_id.removeprefix(self.prefix)]}
        return made

    def organizations(self) -> dict[str, Row]:
        ordered = Counter(row["so_cust"] for row in self.sandbox.state("qad", "orders"))
        return {
            f"{self.prefix}{row['debtor.DebtorCode']}": {
                "name": row["businessRelation.BusinessRelationName1"],
                "qad_customer": row["debtor.DebtorCode"],
                "qad_active": str(row["debtor.DebtorIsActive"]).lower(),
                "qad_address": row["address.AddressCity"],
                "qad_email": row["address.AddressEMail"],
                "qad_record": f"https://qad.example/clouderp/#/customer?code={row['debtor.DebtorCode']}",
                "qad_order_count": ordered[row["debtor.DebtorCode"]] or None,
            }
            for row in self.sandbox.state("qad", "customers")
        }

    def users(self) -> dict[str, Row]:
        return {
            f"{self.prefix}{row['contact.ContactID']}": {
                "name": row["contact.ContactName"],
                "email": row["contact.ContactEMail"],
                "phone": row["contact.ContactTelephone"] or None,
                "qad_active": str(row["contact.ContactIsActive"]).lower(),
                "organization": f"{self.prefix}{row['debtor.DebtorCode']}",
            }
            for row in self.sandbox.state("qad", "contacts")
        }
