-- One row: an organization's verdict on a vulnerability, for all of it or for a package, a version, a build. Rows are never overwritten, only ended: by a
-- newer verdict of the same scope, by its expiry, or because somebody took it back. A verdict that outlasts a newer one is not ended by it but lies
-- under it, and counts again when the newer one lapses. Of those not ended that fit a finding the most specific counts, of these the newest.
create table curations (
    org_id           uuid not null,
    id               uuid not null,
    vulnerability_id text,                      -- what it is for now; null while no advisory speaks of it
    made_for         text not null,             -- the vulnerability's id when it was made
    names            text[] not null,           -- all of its ids then, in lower case, the best first
    package          text,                      -- null: for the whole vulnerability; in lower case
    project          text,                      -- the package's name as PyPI compares it
    version          text,
    build            text,
    specificity      int not null generated always as (
        case when build is null then 0 else 4 end + case when version is null then 0 else 2 end + case when package is null then 0 else 1 end) stored,
    status           text not null check (status in ('active', 'mitigated', 'cleared', 'disputed')),
    reason           text not null,
    created_at       timestamptz not null,
    created_by       uuid not null,
    created_by_email text,
    expires_at       timestamptz,
    ended_at         timestamptz,
    ended_as         text check (ended_as in ('superseded', 'taken_back', 'expired')),
    ended_by         uuid,                      -- null where it expired
    ended_by_email   text,
    primary key (org_id, id),
    check (package is not null or (version is null and build is null)),
    check ((ended_at is null) = (ended_as is null))
);
-- The verdicts on a finding; whether an organization has any.
create index curations_in_force on curations (org_id, vulnerability_id) where ended_at is null;
-- What expires next.
create index curations_expiry on curations (expires_at) where ended_at is null and expires_at is not null;
-- The history of a vulnerability, by any of the ids that it had.
create index curations_names on curations using gin (names);

-- One row: the counts of a package set for an organization whose curations leave out some of what was found in it. No row: the set's own counts.
create table organization_set_counts (
    org_id          uuid not null,
    set_id          bigint not null references package_sets,
    total           int not null,
    critical        int not null,
    high            int not null,
    medium          int not null,
    low             int not null,
    unknown         int not null,
    max_cvss        numeric(3,1),
    kev             int not null,
    counted_at      timestamptz not null,       -- later than all that was told of the set before
    primary key (org_id, set_id)
);
-- The organizations that a change of a set concerns.
create index organization_set_counts_set on organization_set_counts (set_id);
