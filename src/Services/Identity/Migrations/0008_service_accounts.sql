-- What an administrator says of a service account. Its secret is in service_account_secrets: secret_sha256 is what a previous version wrote.
alter table service_accounts
    alter column secret_sha256 drop not null,
    add column description text not null default '',
    add column scopes text[],                   -- permissions that are left of its role's; null: all
    add column expires_at timestamptz,          -- it signs in and acts no more; null: never
    add column allowed_ips text[],              -- networks in CIDR from which it may act; null: from everywhere
    add column version bigint not null default 1;

-- Names that differ in case alone were allowed: the older one keeps it.
update service_accounts a set name = left(a.name, 90) || ' ' || left(replace(a.id::text, '-', ''), 8)
where exists (
    select from service_accounts o where o.org_id = a.org_id and lower(o.name) = lower(a.name) and (o.created_at, o.id) < (a.created_at, a.id));

-- A name is taken whatever its case.
create unique index service_accounts_name on service_accounts (org_id, lower(name));

-- One row: a client secret of a service account. Two are good at a time at most, so that one can be exchanged for the next.
create table service_account_secrets (
    id              uuid primary key,
    account_id      uuid not null references service_accounts (id) on delete cascade,
    sha256          bytea not null unique,      -- of the secret; the secret itself is not stored
    created_by      uuid not null references subjects (id),
    created_at      timestamptz not null,
    expires_at      timestamptz,
    last_used_at    timestamptz                 -- to the minute
);

-- The secrets of an account: sign-in, and its page.
create index service_account_secrets_account on service_account_secrets (account_id, id);

-- One row: tokens of another issuer whose bearers may act as the service account (RFC 8693): jobs of a CI.
create table service_account_trusts (
    id              uuid primary key,
    account_id      uuid not null references service_accounts (id) on delete cascade,
    issuer          text not null,
    audience        text not null,
    subject_pattern text not null,              -- of the sub claim; * stands for any text
    created_by      uuid not null references subjects (id),
    created_at      timestamptz not null,
    last_used_at    timestamptz,                -- to the minute
    unique (account_id, issuer, audience, subject_pattern)
);

-- A previous version that still runs writes the secret of a new account where it was.
create function keep_first_secret() returns trigger language plpgsql as $$
begin
    insert into service_account_secrets (id, account_id, sha256, created_by, created_at)
    values (gen_random_uuid(), new.id, new.secret_sha256, new.created_by, new.created_at);
    return null;
end $$;

create trigger first_secret after insert on service_accounts for each row when (new.secret_sha256 is not null)
    execute function keep_first_secret();

insert into service_account_secrets (id, account_id, sha256, created_by, created_at)
select gen_random_uuid(), id, secret_sha256, created_by, created_at from service_accounts where secret_sha256 is not null;

-- The secret or the trust that an access token was made by: it ends with it.
alter table tokens add column secret_id uuid, add column trust_id uuid;
