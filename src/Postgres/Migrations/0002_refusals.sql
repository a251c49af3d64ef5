-- One row: the refusals of a caller in the audit log of an organization, by what was refused. The first is an event at once; those that
-- follow are counted here, whichever instance refused them, and become one event. Dropped when they have ended.
create table refusals (
    org_id              uuid not null,              -- whose log has the events; zeros for the platform's
    subject_id          uuid not null,
    action_key          text not null,
    operation           text not null,
    recorded_at         timestamptz not null,       -- when the latest event was written
    pending             bigint not null,            -- refusals since then
    first_pending_at    timestamptz not null,
    last_pending_at     timestamptz not null,
    details             jsonb not null,             -- the latest of them
    primary key (org_id, subject_id, action_key, operation)
);

-- Those whose event is due, and those that have ended.
create index refusals_recorded_at on refusals (recorded_at);
