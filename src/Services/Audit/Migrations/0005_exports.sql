-- The words of an event that a search looks for: its message, and what it was done to.
create function audit_words(message text, target_id text, target_email text, target_type text) returns tsvector
    language sql immutable parallel safe
    return to_tsvector('simple'::regconfig,
        message || ' ' || target_id || ' ' || coalesce(target_email, '') || ' ' || target_type);

-- The events with some words.
create index audit_events_words on audit_events using gin (audit_words(message, target_id, target_email, target_type));

-- One row: an export of a log that somebody asked for, of the events until a number. Its content is in parts, so that it can be written and
-- read in constant memory, and goes on where it was when the process that wrote it ended.
create table audit_exports (
    id                  uuid primary key,
    org_id              uuid not null,
    format              text not null,
    filters             text[] not null,                -- as in the query of the list
    match_all           boolean not null,
    search              text,
    from_time           timestamptz,
    until_time          timestamptz,                    -- exclusive
    until_seq           bigint not null,                -- the size of the log when it was asked for
    status              text not null default 'pending', -- pending, running, completed, failed
    total               bigint,                         -- events that pass the filters; null before they are counted
    written             bigint not null default 0,      -- of them
    bytes               bigint not null default 0,
    parts               int not null default 0,
    last_read           bigint not null default 0,      -- the number up to which the log was read
    first_seq           bigint,
    last_seq            bigint,
    sha256              bytea,                          -- of the content; when it is completed
    checkpoint          text,                           -- C2SP tlog-checkpoint of a tree that has all events; when it is completed
    error               text,
    attempts            int not null default 0,         -- to write the next part
    leased_until        timestamptz not null,           -- an instance is at work on it
    created_at          timestamptz not null,
    completed_at        timestamptz,
    expires_at          timestamptz not null,
    constraint audit_exports_status check (status in ('pending', 'running', 'completed', 'failed'))
);

-- The exports of an organization, for its limits.
create index audit_exports_of on audit_exports (org_id, status);

-- What is to be written next.
create index audit_exports_open on audit_exports (created_at) where status in ('pending', 'running');

-- One row: a part of the content of an export, about one MiB.
create table audit_export_parts (
    export_id           uuid not null references audit_exports (id) on delete cascade,
    first_byte          bigint not null,
    content             bytea not null,
    primary key (export_id, first_byte)
);
