-- One row: an organization.
create table organizations (
    id              uuid primary key,
    slug            text not null unique,       -- in every path; never changes
    name            text not null,
    created_at      timestamptz not null
);

-- One row: somebody who can act, a user or a service account. Stays when a service account is deleted: tokens and audit events name it.
create table subjects (
    id              uuid primary key,
    type            text not null check (type in ('user', 'service_account')),
    email           text,                       -- lower case; users only
    display_name    text not null,
    operator        boolean not null default false,
    password_hash   text,                       -- null: no sign-in by password
    created_at      timestamptz not null,
    check ((type = 'user') = (email is not null))
);

-- Sign-in by password, and adding a member who is already there.
create unique index subjects_email on subjects (email) where email is not null;

-- One row: a subject's role in an organization.
create table memberships (
    org_id          uuid not null references organizations (id),
    subject_id      uuid not null references subjects (id),
    role            text not null check (role in ('member', 'administrator', 'auditor')),
    created_at      timestamptz not null,
    primary key (org_id, subject_id)
);

-- Introspection: the organizations of a subject.
create index memberships_subject on memberships (subject_id);

-- One row: a service account that may sign in; its subject_id is its client_id, and its role is in memberships.
create table service_accounts (
    org_id          uuid not null references organizations (id),
    id              uuid not null unique references subjects (id),
    name            text not null,
    secret_sha256   bytea not null,
    created_by      uuid not null references subjects (id),
    created_at      timestamptz not null,
    primary key (org_id, id),
    unique (org_id, name)
);

-- One row: a bearer token. Void ones are kept for a while, so that their use can be laid at somebody's door.
create table tokens (
    id              uuid primary key,
    sha256          bytea not null unique,      -- of the token; the token itself is not stored
    subject_id      uuid not null references subjects (id),
    org_id          uuid references organizations (id),     -- good for this organization only; null: for all of the subject's
    kind            text not null check (kind in ('bootstrap', 'initial', 'personal', 'session', 'access')),
    operator        boolean not null,           -- carries the subject's power as an operator
    name            text not null,
    created_at      timestamptz not null,
    expires_at      timestamptz,
    revoked_at      timestamptz,
    last_used_at    timestamptz,                -- to the minute
    audited_at      timestamptz                 -- when its use was last written to the audit log
);

-- A subject's tokens: its list, and what to drop when its memberships change.
create index tokens_subject on tokens (subject_id, id);

-- Void tokens are dropped by age.
create index tokens_expires_at on tokens (expires_at) where expires_at is not null;

-- The same for revoked ones.
create index tokens_revoked_at on tokens (revoked_at) where revoked_at is not null;

-- One row: a machine that a member registered. The id is the agent's choice: two organizations may know one machine, independently.
create table machines (
    org_id          uuid not null references organizations (id),
    id              uuid not null,
    owner_id        uuid not null references subjects (id),
    hostname        text not null,
    platform        text not null,
    agent_version   text not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    primary key (org_id, id)
);

-- A member's own machines.
create index machines_owner on machines (org_id, owner_id, id);

-- One row: sign-ins by password that failed lately, for an account or from an address.
create table failed_sign_ins (
    key             text primary key,
    failures        int not null,
    window_ends_at  timestamptz not null
);

-- Old rows are dropped by age.
create index failed_sign_ins_window on failed_sign_ins (window_ends_at);
