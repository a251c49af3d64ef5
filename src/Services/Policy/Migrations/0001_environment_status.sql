-- One row: an environment, where it is, and what an administrator says of it. A removed environment keeps its row, so that a late event does
-- not bring it back. What policies say of an environment is not kept here: a manual status always wins over it.
create table environment_status (
    org_id              uuid not null,
    environment_id      uuid not null,
    machine_id          uuid,                       -- null when only the removal has been heard of
    prefix              text,
    name                text,
    owner               uuid,                       -- who logged it first; null until the log has been heard of
    status              text not null default 'ok' check (status in ('ok', 'warn', 'block')),
    message             text,
    set_by              uuid,                       -- null when nobody ever set the status
    set_at              timestamptz,
    version             bigint not null default 0,  -- grows with each change of status or message
    environment_version bigint not null,            -- the environment's version that placed it here; drops stale events
    placed_at           timestamptz,                -- when the environment was logged or moved there, by Ingest's clock
    removed             boolean not null default false,
    primary key (org_id, environment_id)
);

-- Activation checks: the environment at a prefix of a machine. A prefix may be longer than an index entry, so its digest stands for it.
create index environment_status_place on environment_status (org_id, machine_id, (md5(prefix)::uuid)) where not removed;

-- One row: a subject that was warned or stopped at an environment lately, and what of it has not become an audit event yet.
create table activation_denials (
    org_id              uuid not null,
    environment_id      uuid not null,
    action_key          text not null,              -- activation_warned, activation_blocked
    subject_id          uuid not null,
    recorded_at         timestamptz not null,       -- of the last audit event
    pending             int not null default 0,     -- denials since then that wait for one event together
    first_pending_at    timestamptz,
    last_pending_at     timestamptz,
    details             jsonb not null,             -- the caller, the place and the answer of the last denial
    primary key (org_id, environment_id, action_key, subject_id)
);

-- The flush takes what waits, oldest first.
create index activation_denials_pending on activation_denials (recorded_at) where pending > 0;

-- Idle rows are dropped by age.
create index activation_denials_idle on activation_denials (recorded_at) where pending = 0;
