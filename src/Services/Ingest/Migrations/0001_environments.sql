-- Search by part of a name or path: trigrams, and the organization beside them in one inverted index.
create extension if not exists pg_trgm;
create extension if not exists btree_gin;

-- One row: a package as its identity says, stored once for all organizations. Fields that do not apply are empty. Never changed, never deleted.
create table packages (
    package_id      int generated always as identity primary key,
    manager         text collate "C" not null check (manager in ('conda', 'pypi')),
    channel         text collate "C" not null,          -- canonical channel name
    subdir          text collate "C" not null,
    name            text collate "C" not null,
    version         text collate "C" not null,
    build           text collate "C" not null,
    -- From the identity to the id, for each package of a log that this process has not seen lately.
    unique (name, version, build, channel, subdir, manager)
);

-- One row: a package set, named by the digest of its packages, stored once for all organizations. Never changed, never deleted.
create table package_sets (
    package_set_id  bigint generated always as identity primary key,
    digest          text collate "C" not null unique,   -- sha256:...
    package_ids     int[] not null,                     -- ascending, no repeats
    package_count   int not null,
    created_at      timestamptz not null
);

-- Which sets hold a package: the environments filter by package.
create index package_sets_package_ids on package_sets using gin (package_ids);

-- One row: this organization has logged this set itself, so it may reach it; and what the last scan for this organization found in it.
create table organization_package_sets (
    org_id          uuid not null,
    package_set_id  bigint not null references package_sets,
    first_logged_at timestamptz not null,
    scanned_at      timestamptz,                        -- null: not scanned yet; then the counts say nothing
    total           int not null default 0,
    critical        int not null default 0,
    high            int not null default 0,
    medium          int not null default 0,
    low             int not null default 0,
    unknown         int not null default 0,
    max_cvss        numeric(3, 1),
    kev             int not null default 0,
    not_checked     int not null default 0,
    primary key (org_id, package_set_id)
);

-- One row: what this organization's agents say of a package beyond its identity. Kept apart by organization: a client's word is not for others.
create table organization_packages (
    org_id          uuid not null,
    package_id      int not null references packages,
    sha256          text collate "C",                   -- of the archive, lower-case hexadecimal
    license         text,
    primary key (org_id, package_id)
);

-- One row: a machine, copied from Identity.
create table machines (
    org_id          uuid not null,
    machine_id      uuid not null,
    owner_id        uuid not null,
    hostname        text not null,
    platform        text not null,
    registered_at   timestamptz not null,               -- drops messages that are older
    primary key (org_id, machine_id)
);

-- One row: somebody who has logged an environment, as the last log that changed something knew them.
create table owners (
    org_id          uuid not null,
    subject_id      uuid not null,
    email           text,                               -- null for a service account
    display_name    text not null,
    primary key (org_id, subject_id)
);

-- The environments filter by the user's e-mail address.
create index owners_email on owners (org_id, lower(email));

-- One row: an environment, a prefix on a machine. Removed ones stay for their history and are seen by nobody.
create table environments (
    org_id          uuid not null,
    environment_id  uuid not null,
    machine_id      uuid not null,
    owner_id        uuid not null,                      -- who logged it first
    prefix          text collate "C" not null,
    name            text collate "C" not null,
    platform        text collate "C" not null,
    package_set_id  bigint not null references package_sets,
    package_count   int not null,
    requested_ids   int[],                              -- packages that the user asked for; null when the log did not say
    archived        boolean not null default false,
    removed_at      timestamptz,
    -- copied from Policy
    status          text collate "C" not null default 'ok' check (status in ('ok', 'warn', 'block')),
    status_message  text,
    status_version  bigint not null default 0,          -- drops messages that are older
    -- copied from organization_package_sets, so that the list sorts and filters from an index
    scanned_at      timestamptz,
    total           int not null default 0,
    critical        int not null default 0,
    high            int not null default 0,
    medium          int not null default 0,
    low             int not null default 0,
    unknown         int not null default 0,
    max_cvss        numeric(3, 1),
    kev             int not null default 0,
    not_checked     int not null default 0,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    seen_at         timestamptz not null,               -- last log, also when it said nothing new; to the hour
    version         bigint not null,                    -- one more with each change that Ingest makes
    primary key (org_id, environment_id)
) with (fillfactor = 90);

-- A log finds its environment by machine and prefix; no two living ones share them.
create unique index environments_place on environments (org_id, machine_id, prefix) where removed_at is null;
-- A scan result reaches the environments on its set.
create index environments_package_set on environments (org_id, package_set_id) where removed_at is null;
-- A member's own environments.
create index environments_owner on environments (org_id, owner_id) where removed_at is null;
-- The list by name.
create index environments_by_name on environments (org_id, archived, name, environment_id) where removed_at is null;
-- The list by platform.
create index environments_by_platform on environments (org_id, archived, platform, environment_id) where removed_at is null;
-- The list by number of packages.
create index environments_by_packages on environments (org_id, archived, package_count, environment_id) where removed_at is null;
-- The list by number of vulnerabilities.
create index environments_by_total on environments (org_id, archived, total, environment_id) where removed_at is null;
-- The list by highest CVSS score; nothing is less than every value.
create index environments_by_max_cvss on environments (org_id, archived, coalesce(max_cvss, -1), environment_id) where removed_at is null;
-- The list by time of the first log.
create index environments_by_created_at on environments (org_id, archived, created_at, environment_id) where removed_at is null;
-- The list by time of the last change.
create index environments_by_updated_at on environments (org_id, archived, updated_at, environment_id) where removed_at is null;
-- The list by time of the last scan; nothing is less than every value.
create index environments_by_scanned_at on environments
    (org_id, archived, coalesce(scanned_at, '-infinity'::timestamptz), environment_id) where removed_at is null;
-- The list, searched by part of the name or path.
create index environments_search on environments using gin (org_id, name gin_trgm_ops, prefix gin_trgm_ops) where removed_at is null;

-- One row: a log that changed something of an environment. Kept by month of logged_at.
create table environment_logs (
    org_id                  uuid not null,
    environment_id          uuid not null,
    version                 bigint not null,            -- the environment's version that this log made
    logged_at               timestamptz not null,
    package_set_id          bigint not null,
    previous_package_set_id bigint,                     -- null for the first log
    command                 text,                       -- without secrets
    renamed_from            text collate "C",           -- the prefix before, when it changed
    actor_id                uuid not null,
    actor_email             text,
    actor_name              text not null,
    -- The history of an environment, newest first.
    primary key (org_id, environment_id, version, logged_at)
) partition by range (logged_at);

-- Takes what no month's partition takes: only when the months ahead were not made in time.
create table environment_logs_rest partition of environment_logs default;

-- Makes the partitions of the month of a time and of some months after it, where they are missing. A month that already has rows in the
-- partition for the rest is left there.
create function make_environment_log_partitions(from_time timestamptz, months_ahead int) returns void language plpgsql as $$
declare
    first_day timestamptz;
begin
    perform pg_advisory_xact_lock(hashtext('environment_logs partitions'));
    for i in 0..months_ahead loop
        first_day := (date_trunc('month', from_time at time zone 'UTC') + make_interval(months => i)) at time zone 'UTC';
        continue when to_regclass('environment_logs_' || to_char(first_day at time zone 'UTC', 'YYYY_MM')) is not null
            or exists (select from environment_logs_rest where logged_at >= first_day
                and logged_at < (first_day at time zone 'UTC' + interval '1 month') at time zone 'UTC');
        execute format(
            'create table %I partition of environment_logs for values from (%L) to (%L)',
            'environment_logs_' || to_char(first_day at time zone 'UTC', 'YYYY_MM'), first_day,
            (first_day at time zone 'UTC' + interval '1 month') at time zone 'UTC');
    end loop;
end $$;

select make_environment_log_partitions(now(), 2);
