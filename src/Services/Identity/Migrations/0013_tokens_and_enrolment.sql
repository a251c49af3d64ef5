-- From where a token may be used (networks in CIDR; null: everywhere), from where it was used last, how it begins (so that one that was
-- found can be told from others; null for those made before), and the machine that it is bound to.
alter table tokens
    add column allowed_ips text[],
    add column last_address text,
    add column prefix text,
    add column machine_id uuid,
    drop constraint tokens_kind_check,
    add constraint tokens_kind_check check (kind in ('bootstrap', 'initial', 'personal', 'session', 'access', 'machine'));

-- The tokens that are bound to a machine: they end when it is another's.
create index tokens_machine on tokens (org_id, machine_id) where machine_id is not null;

-- Secrets and trusts that end: what was made by them.
create index tokens_secret on tokens (secret_id) where secret_id is not null;

-- The same for trusts.
create index tokens_trust on tokens (trust_id) where trust_id is not null;

-- One row: a key by which unattended machines register themselves as a service account's and get a token each that is bound to the machine.
create table enrolment_keys (
    id              uuid primary key,
    org_id          uuid not null references organizations (id),
    owner_id        uuid not null references service_accounts (id) on delete cascade,
    name            text not null,
    sha256          bytea not null unique,      -- of the key; the key itself is not stored
    platform        text,                       -- conda's name; null: any
    max_uses        int not null check (max_uses > 0),
    uses            int not null default 0 check (uses between 0 and max_uses),
    created_by      uuid not null references subjects (id),
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    revoked_at      timestamptz,
    last_used_at    timestamptz
);

-- The list of an organization.
create index enrolment_keys_of_organization on enrolment_keys (org_id, id);

-- What ends with its service account.
create index enrolment_keys_owner on enrolment_keys (owner_id);
