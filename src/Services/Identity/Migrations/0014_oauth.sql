-- One row: a program that people let act for them (RFC 6749 section 2). Service accounts are clients too, and are in a table of their own.
create table oauth_clients (
    id              text primary key check (id ~ '^[a-z][a-z0-9._-]{1,99}$'),   -- its client_id; never that of a service account, an UUID
    name            text not null,
    secret_sha256   bytea,                      -- null: a public client, which can keep no secret
    native          boolean not null default false,     -- runs on people's machines: the port of a loopback redirect is free (RFC 8252)
    redirect_uris   text[] not null,            -- exact
    grant_types     text[] not null,
    scopes          text[],                     -- that it may ask for; null: any
    created_at      timestamptz not null
);

insert into oauth_clients (id, name, native, redirect_uris, grant_types, created_at)
values ('envplatform-cli', 'EnvPlatform command line', true, '{http://127.0.0.1/,http://[::1]/}',
    '{authorization_code,urn:ietf:params:oauth:grant-type:device_code,refresh_token}', now());

-- One row: somebody lets a client act for it, or is asked to by a device that waits. What was issued under it ends with it.
create table oauth_grants (
    id                  uuid primary key,
    client_id           text not null references oauth_clients (id) on delete cascade,
    subject_id          uuid references subjects (id),          -- null: a device waits for somebody
    org_id              uuid references organizations (id),     -- good for this organization only; null: for all of the subject's
    method              text not null check (method in ('code', 'device')),
    type                text not null,          -- of OpenIddict: ad-hoc
    status              text not null check (status in ('valid', 'revoked')),
    scopes              text[] not null,
    created_at          timestamptz not null,
    hostname            text,                   -- as the device says
    source_address      text,                   -- the device's, as the gateway saw it
    asked_org           text,                   -- the organization that the device asked for, by slug
    poll_seconds        int not null default 5, -- a device that asks more often is told to slow down
    polled_at           timestamptz
);

-- What a subject has granted: to end it with the membership, the password, the account.
create index oauth_grants_subject on oauth_grants (subject_id, id) where status = 'valid';

-- Grants are dropped by age.
create index oauth_grants_created_at on oauth_grants (created_at);

-- One row: a code, or a refresh token. Used ones are kept until they would have expired, so that a second use ends the grant.
create table oauth_tokens (
    id                  uuid primary key,
    grant_id            uuid not null references oauth_grants (id) on delete cascade,
    client_id           text not null,
    subject_id          uuid,
    type                text not null,
    status              text not null,
    reference_sha256    text unique,            -- of what the client holds; that itself is not stored
    payload             text,                   -- encrypted under a key that is not in the database
    created_at          timestamptz not null,
    expires_at          timestamptz,
    redeemed_at         timestamptz,
    version             bigint not null default 1
);

-- What was issued under a grant.
create index oauth_tokens_grant on oauth_tokens (grant_id);

-- Tokens are dropped by age.
create index oauth_tokens_expires_at on oauth_tokens (expires_at);

-- Access tokens end with the grant under which they were issued.
alter table tokens add column grant_id uuid references oauth_grants (id) on delete set null;

-- What was issued under a grant, to be revoked with it.
create index tokens_grant on tokens (grant_id) where grant_id is not null;
