-- When it was made sure that the address is the user's. An administrator's word does not count, or whoever adds an address first could join
-- organizations that mean somebody else by it. Null for all but the operator, while the platform sends no mail.
alter table subjects add column email_verified_at timestamptz;
update subjects set email_verified_at = created_at where operator and type = 'user';

-- One row: an administrator asked somebody to join an organization. Expired is what is open beyond expires_at, noted soon after.
create table invitations (
    id              uuid primary key,
    org_id          uuid not null references organizations (id),
    email           text not null,              -- lower case
    display_name    text not null,              -- of the account, where none is there yet
    role            text not null check (role in ('member', 'administrator', 'auditor')),
    sha256          bytea not null unique,      -- of the token; the token itself is not stored
    invited_by      uuid not null references subjects (id),
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    ended_at        timestamptz,
    ended_as        text check (ended_as in ('accepted', 'declined', 'revoked', 'expired')),
    check ((ended_at is null) = (ended_as is null))
);

-- An address is invited once at a time.
create unique index invitations_open on invitations (org_id, email) where ended_at is null;

-- The list of an organization.
create index invitations_of_organization on invitations (org_id, id);

-- The invitations of the signed-in user.
create index invitations_of_address on invitations (email, id) where ended_at is null;

-- Those that expire.
create index invitations_expires_at on invitations (expires_at) where ended_at is null;

-- Those that ended are dropped by age.
create index invitations_ended_at on invitations (ended_at) where ended_at is not null;
