-- One row: the audit log of an organization. Whoever appends locks it, so that numbers follow the order of commits without a gap.
-- The organization of zeros is the platform itself.
create table audit_heads (
    org_id              uuid primary key,
    size                bigint not null default 0,      -- events in the log; also the seq of the last one
    last_recorded_at    timestamptz not null            -- of the last event
);

-- One row: an event that is in the log. Not partitioned, so that an event that comes again is recognised however old it is.
create table audit_event_ids (
    org_id              uuid not null,
    event_id            uuid not null,
    seq                 bigint not null,
    recorded_at         timestamptz not null,           -- tells the partition of the event
    primary key (org_id, event_id)
);

-- One row: an event of the audit log. The entry is the record; the other columns repeat members of it for filters; keys and ids
-- compare by their bytes, whatever language the database is in. Rows are only ever inserted.
create table audit_events (
    org_id              uuid not null,
    seq                 bigint not null,                -- 1, 2, 3... in each organization
    recorded_at         timestamptz not null,           -- set by the appender, never less than that of the event before
    event_id            uuid not null,
    entry_format        smallint not null,              -- 1: the entry is the item of the API, in canonical JSON (RFC 8785)
    entry               bytea not null,
    leaf_hash           bytea not null,                 -- SHA-256(0x00 || entry), the leaf of a Merkle tree (RFC 9162)
    occurred_at         timestamptz not null,
    category            text collate "C" not null,
    action_key          text collate "C" not null,
    action_verb         text collate "C" not null,
    actor_id            text collate "C" not null,
    actor_email         text collate "C",
    actor_type          text collate "C" not null,
    target_id           text collate "C" not null,
    target_email        text collate "C",
    target_type         text collate "C" not null,
    service_name        text collate "C" not null,
    message             text not null,
    source_address      text collate "C",
    trace_id            text collate "C",
    request_id          text collate "C",
    primary key (org_id, seq, recorded_at),
    constraint audit_events_entry_size check (octet_length(entry) <= 65535),
    constraint audit_events_leaf_size check (octet_length(leaf_hash) = 32)
) partition by range (recorded_at);

-- The newest events, and those of a time.
create index audit_events_occurred_at on audit_events (org_id, occurred_at, seq);

-- The events of an action.
create index audit_events_action on audit_events (org_id, action_key, occurred_at, seq);

-- What somebody did.
create index audit_events_actor on audit_events (org_id, actor_id, occurred_at, seq);

-- The same by e-mail address.
create index audit_events_actor_email on audit_events (org_id, actor_email, occurred_at, seq) where actor_email is not null;

-- What was done to something.
create index audit_events_target on audit_events (org_id, target_id, occurred_at, seq);

-- Creates the partition that holds a time, if it is not there. Months are those of UTC.
create function ensure_audit_partition(at timestamptz) returns void language plpgsql as $$
declare
    month timestamp := date_trunc('month', at at time zone 'UTC');
    name text := 'audit_events_' || to_char(month, 'YYYY_MM');
begin
    if to_regclass(name) is null then
        perform pg_advisory_xact_lock(hashtext('ensure_audit_partition'));
        execute format(
            'create table if not exists %I partition of audit_events for values from (%L) to (%L)',
            name, to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
    end if;
end
$$;
