-- One row: a mail that tells somebody something and waits to be sent. It goes when the mail server took it, or never will.
create table notice_mails (
    id              uuid primary key,
    recipient       text not null,
    subject         text not null,
    lead            text not null,
    lines           text[] not null,            -- what it is about, one by one
    advice          text not null,
    path            text not null,              -- where on the platform to do something about it
    created_at      timestamptz not null,
    due_at          timestamptz not null,       -- when the next try is due
    tries           int not null default 0
);

-- The mails that are due.
create index notice_mails_due_at on notice_mails (due_at);

-- One row: it was told that a credential ends, so many days before. One whose end is moved is told of anew.
create table expiry_notices (
    kind            text not null check (kind in ('token', 'secret', 'service_account')),
    credential_id   uuid not null,
    expires_at      timestamptz not null,
    days            int not null,
    told_at         timestamptz not null,
    primary key (kind, credential_id, expires_at, days)
);

-- They are dropped by age.
create index expiry_notices_expires_at on expiry_notices (expires_at);

-- One row: a device that somebody signed in with before: a browser by its cookie, a program by what it says and its network.
create table known_devices (
    subject_id      uuid not null references subjects (id),
    sha256          bytea not null,             -- of what it is known by, and of whom: the same device is another for another person
    first_used_at   timestamptz not null,
    last_used_at    timestamptz not null,
    primary key (subject_id, sha256)
);

-- They are dropped when they were not used for long.
create index known_devices_last_used_at on known_devices (last_used_at);

-- Whether a program was let in from a device that the person had let none in from.
alter table oauth_grants add column new_device boolean not null default false;

-- The ends that come near.
create index service_account_secrets_expires_at on service_account_secrets (expires_at) where expires_at is not null;
