"""Accounts that are being connected, and master keys that may be retired.

A data key refers to its master key, so Postgres itself keeps a key that anything still needs from being retired, and
keeps a process with an old configuration from wrapping anything by a key that was retired meanwhile.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Outside of row-level security: the state, of which it holds a hash only, tells which tenant a callback belongs to.
OAUTH_STATE = """
create table oauth_state (
    state_hash bytea primary key check (length(state_hash) = 32),
    tenant text not null,
    connection text not null,
    envelope bytea,
    connected boolean,
    reason text,
    expires_at timestamptz not null
);
"""

# What is there is checked with the rights of the owner, whom row-level security would ask for a tenant.
MASTER_KEYS = """
alter table data_key no force row level security;
alter table data_key add constraint wrapped_by foreign key (kek_id) references vault_canary (kek_id);
alter table data_key force row level security;
"""

GRANTS = """
grant select, insert, update, delete on oauth_state to mlc_app;
grant delete on vault_canary to mlc_app;
"""


def upgrade() -> None:
    op.execute(OAUTH_STATE)
    op.execute(MASTER_KEYS)
    op.execute(GRANTS)
