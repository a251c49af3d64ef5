-- One row: what policies decided of an environment. None where no policy ever applied to it. What a person set wins over it and stands in
-- environment_status; the version that others hear of is the sum of both rows'.
create table environment_decisions (
    org_id          uuid not null,
    environment_id  uuid not null,
    status          text not null check (status in ('ok', 'warn', 'block')),
    message         text,                           -- of the rule that decides; null with ok
    policy_id       uuid,                           -- the policy that decides
    policy          text,                           -- its name at that time
    rule            text,
    deadline        timestamptz,                    -- from when on it blocks, where it warns for the time being
    since           timestamptz not null,           -- when the status became this one
    next_at         timestamptz,                    -- when it may be another one by itself; null: never
    package_set_id  bigint,                         -- the set that was decided on; null where nothing was known of any
    set_since       timestamptz,
    clocks          text,                           -- since when findings and packages are in it that came with earlier sets, JSON
    holds           text,                           -- since when rules about environments hold, JSON
    version         bigint not null default 0,      -- grows with each change of status or message that came into force
    decided_at      timestamptz not null,
    primary key (org_id, environment_id)
);
-- What is to be decided next because time has passed.
create index environment_decisions_next on environment_decisions (next_at) where next_at is not null;

-- One row: the decisions of an organization. Whoever decides takes the next number, so that what an earlier run still writes is refused.
create table decision_runs (
    org_id          uuid primary key,
    run             bigint not null
);

-- One row: a status that policies changed, until its events are written. A change of many would else wait for all of their events.
create table status_changes (
    id              bigint generated always as identity primary key,
    org_id          uuid not null,
    environment_id  uuid not null,
    version         bigint not null,
    status          text not null,
    message         text,
    former_status   text not null,
    former_message  text,
    policy_id       uuid,                           -- the policy that decides now, or did before
    policy          text,
    rule            text,
    deadline        timestamptz,
    caused_by       jsonb,                          -- who changed the policy, where that changed the status
    changed_at      timestamptz not null
);

-- One row: how many environments a policy has changed in a run of decisions that is not over, for the one event that tells it.
create table policy_changes (
    org_id          uuid not null,
    policy_id       uuid not null,
    policy          text not null,
    to_ok           int not null,
    to_warn         int not null,
    to_block        int not null,
    caused_by       jsonb,
    primary key (org_id, policy_id)
);

-- Whoever writes that something is to be decided wakes those who decide.
create function notify_stale_decisions() returns trigger language plpgsql as
    $$ begin perform pg_notify('stale_decisions', ''); return null; end $$;
create trigger stale_decisions_written after insert on stale_decisions
    for each statement execute function notify_stale_decisions();

-- Before there were policies, ok by hand meant that nothing was held against an environment, not that it was to be left alone by them.
update environment_status set set_by = null, set_at = null where status = 'ok' and set_by is not null;
