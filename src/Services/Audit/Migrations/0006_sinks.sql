-- One row: a receiver elsewhere to which an organization's log is sent as it grows.
create table audit_sinks (
    org_id              uuid not null,
    sink_id             uuid not null,
    name                text not null,
    kind                text not null check (kind in ('webhook', 'splunk_hec', 'syslog')),
    address             text not null,                  -- https://... of the first two, tls://host:port of syslog
    format              text not null,
    filters             text[] not null,                -- as in the query of the list
    match_all           boolean not null,
    authorities         text,                           -- PEM: who may have signed the receiver's certificate; null: who is trusted here
    secret              bytea,                          -- sealed: what signs messages, or the receiver's token; null for syslog
    old_secret          bytea,                          -- sealed: signs beside the other one
    old_secret_until    timestamptz,
    state               text not null default 'active' check (state in ('active', 'paused', 'stopped')),
    last_seq            bigint not null,                -- everything up to it was received, left out by filters, or given up
    delivered           bigint not null default 0,      -- events that were received
    last_delivered_at   timestamptz,
    attempts            int not null default 0,         -- in a row, that failed
    failing_since       timestamptz,
    last_error          text,
    last_error_at       timestamptz,
    next_at             timestamptz not null,           -- not before it
    again               boolean not null default false, -- letters that were given up are to be sent again
    lease_id            uuid,                           -- whoever sends at present
    leased_until        timestamptz not null,
    version             bigint not null default 1,
    created_at          timestamptz not null,
    created_by          uuid not null,
    updated_at          timestamptz not null,
    primary key (org_id, sink_id)
);
-- A name is of one sink.
create unique index audit_sinks_name on audit_sinks (org_id, (lower(normalize(name, NFC) collate "und-x-icu")));
-- Those that may have something to send.
create index audit_sinks_due on audit_sinks (next_at) where state = 'active';

-- One row: an event that a receiver refused again and again, and that was passed over.
create table audit_dead_letters (
    org_id              uuid not null,
    sink_id             uuid not null,
    seq                 bigint not null,
    error               text not null,
    given_up_at         timestamptz not null,
    again               boolean not null default false, -- to be sent again
    primary key (org_id, sink_id, seq),
    foreign key (org_id, sink_id) references audit_sinks on delete cascade
);
