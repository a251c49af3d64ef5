-- One row: a policy of an organization. A deleted one keeps its row and its versions.
create table policies (
    org_id          uuid not null,
    policy_id       uuid not null,
    name            text collate "C" not null,      -- as in the document
    document        text not null,                  -- the canonical form, JSON
    enabled         boolean not null,               -- as in the document
    observed        boolean not null,               -- as in the document: decides, and changes no status
    version         int not null,                   -- 1, and one more with each change of the document
    managed_by      text,                           -- config: it comes from files, and people do not change it; null: from people
    source          text,                           -- where the files are, for people; null where nobody said
    created_at      timestamptz not null,
    created_by      uuid,                           -- null: the platform, as a starting point
    updated_at      timestamptz not null,
    updated_by      uuid,
    deleted_at      timestamptz,
    primary key (org_id, policy_id)
);
-- A name is of one policy.
create unique index policies_name on policies (org_id, name) where deleted_at is null;

-- One row: a document that a policy has or had.
create table policy_versions (
    org_id          uuid not null,
    policy_id       uuid not null,
    version         int not null,
    document        text not null,
    restored_from   int,                            -- the version that was restored; null where it was written
    changed_at      timestamptz not null,
    changed_by      uuid,
    changed_by_email text,
    primary key (org_id, policy_id, version)
);

-- One row: to whose environments a policy applies.
create table policy_assignments (
    org_id          uuid not null,
    policy_id       uuid not null,
    target_type     text not null check (target_type in ('organization', 'group', 'user')),
    target_id       uuid not null,                  -- that of the organization itself where it is the organization
    assigned_at     timestamptz not null,
    assigned_by     uuid,
    managed_by      text,
    primary key (org_id, policy_id, target_type, target_id)
);
-- What applies to a group or a user.
create index policy_assignments_target on policy_assignments (org_id, target_type, target_id);

-- One row: somebody asked that policies leave something out for a time, and what became of it.
create table exceptions (
    org_id          uuid not null,
    exception_id    uuid not null,
    scope_type      text not null check (scope_type in ('organization', 'group', 'environment')),
    scope_id        uuid not null,                  -- that of the organization itself where it is the organization
    vulnerability_id text,                          -- any of its ids; null: any vulnerability, or none
    package         text,                           -- a match specification of conda; null: any package, or none
    policy_id       uuid,                           -- null: every policy
    state           text not null check (state in ('requested', 'granted', 'refused', 'withdrawn', 'revoked', 'expired')),
    reason          text not null,
    requested_by    uuid not null,
    requested_by_email text,
    requested_at    timestamptz not null,
    requested_until timestamptz not null,
    decided_by      uuid,
    decided_by_email text,
    decided_reason  text,
    decided_at      timestamptz,
    expires_at      timestamptz,                    -- of a granted one
    ended_at        timestamptz,
    version         int not null default 1,
    primary key (org_id, exception_id),
    check (vulnerability_id is not null or package is not null or policy_id is not null)
);
-- Those that hold.
create index exceptions_granted on exceptions (org_id) where state = 'granted';
-- What ends next.
create index exceptions_expiry on exceptions (expires_at) where state = 'granted';
-- What waits for an answer.
create index exceptions_requested on exceptions (org_id, requested_at) where state = 'requested';

-- What Scanner and Ingest know of packages, kept once for all environments that hold them.

-- One row: a package as Ingest numbers it.
create table packages (
    package_id      int primary key,
    manager         text collate "C" not null,      -- conda, pypi
    channel         text collate "C" not null,      -- canonical; empty: from none
    subdir          text collate "C" not null,
    name            text collate "C" not null,
    version         text collate "C" not null,
    build           text collate "C" not null,
    coverage        text                            -- checked, not_checked, not_applicable; null: not told yet
);

-- One row: a vulnerability that was found in a package.
create table vulnerabilities (
    vulnerability_id text collate "C" primary key,
    aliases         text[] not null,
    cvss            numeric(3, 1),                  -- null: no score
    severity        text,                           -- none, low, medium, high, critical; null: not known
    epss            numeric(6, 5),                  -- null: not known
    kev             boolean,                        -- null: no catalogue of exploited vulnerabilities was imported
    published_at    timestamptz,
    changed_at      timestamptz not null            -- when Policy last heard something new of it
);

-- One row: a vulnerability that a package has, or had.
create table package_findings (
    package_id      int not null,
    vulnerability_id text collate "C" not null,
    fixed_in        text[],                         -- versions; empty: there is no fix; null: not known
    fixed_at        timestamptz,                    -- when the first fix came out; null: not known
    found_at        timestamptz not null,           -- when it was first found, by Scanner's clock; a gap of less than 24 hours is none
    gone_at         timestamptz,                    -- since when it is found no more; null: it is found
    primary key (package_id, vulnerability_id)
);
-- The packages of a vulnerability that changed.
create index package_findings_vulnerability on package_findings (vulnerability_id);

-- One row: a package set as Ingest numbers it.
create table package_sets (
    package_set_id  bigint primary key,
    package_ids     int[] not null                  -- ascending
);
-- The sets of a package that changed.
create index package_sets_packages on package_sets using gin (package_ids) with (fastupdate = off);

-- One row: what an organization's logs say of a package beyond its identity.
create table organization_packages (
    org_id          uuid not null,
    package_id      int not null,
    declared        text not null,                  -- the licence as the package declares it
    license         text,                           -- the same as an SPDX expression; null: it is none that is known
    primary key (org_id, package_id)
);

-- One row: what an organization holds of a finding in a set, where that is not what the advisories say (reported).
create table finding_statuses (
    org_id          uuid not null,
    package_set_id  bigint not null,
    package_id      int not null,
    vulnerability_id text collate "C" not null,
    status          text not null,                  -- active, mitigated, cleared, disputed, not_affected
    primary key (org_id, package_set_id, package_id, vulnerability_id)
);

-- When the facts of a set were last complete here; null: they are still to be fetched, and the set is not known.
alter table scan_facts add column facts_at timestamptz;

-- What Identity knows of people, groups and channels follows. Versions drop stale events; a deleted item keeps its row.

-- One row: a user or service account of an organization.
create table subjects (
    org_id          uuid not null,
    subject_id      uuid not null,
    email           text,                           -- null for a service account
    display_name    text not null,
    version         bigint not null,
    deleted         boolean not null default false,
    primary key (org_id, subject_id)
);

-- One row: a group of an organization.
create table groups (
    org_id          uuid not null,
    group_id        uuid not null,
    name            text not null,
    version         bigint not null,
    deleted         boolean not null default false,
    primary key (org_id, group_id)
);

-- One row: somebody in a group.
create table group_members (
    org_id          uuid not null,
    group_id        uuid not null,
    subject_id      uuid not null,
    primary key (org_id, group_id, subject_id)
);
-- The groups of an owner.
create index group_members_subject on group_members (org_id, subject_id);

-- One row: a channel that an organization knows.
create table channels (
    org_id          uuid not null,
    channel_id      uuid not null,
    name            text not null,
    everybody       boolean not null,               -- whether all members may use it, granted or not
    allowed         boolean,                        -- what an administrator decided; null: nobody has decided
    version         bigint not null,
    deleted         boolean not null default false,
    primary key (org_id, channel_id)
);

-- One row: a name or alias of a channel that is not deleted, as packages name it, folded: lower case by Unicode, composed.
create table channel_names (
    org_id          uuid not null,
    folded          text collate "C" not null,
    channel_id      uuid not null,
    primary key (org_id, folded)
);

-- One row: a group that was granted a channel, with any level.
create table channel_grants (
    org_id          uuid not null,
    channel_id      uuid not null,
    group_id        uuid not null,
    primary key (org_id, channel_id, group_id)
);
-- The channels of a group.
create index channel_grants_group on channel_grants (org_id, group_id);

-- One row: a machine, copied from Identity.
create table machines (
    org_id          uuid not null,
    machine_id      uuid not null,
    hostname        text not null,
    registered_at   timestamptz not null,           -- drops messages that are older
    primary key (org_id, machine_id)
);

alter table environment_status
    add column logged_at    timestamptz,            -- of the last log that was heard of, by Ingest's clock
    add column set_since    timestamptz;            -- when it got its package set, by Ingest's clock
update environment_status set set_since = placed_at, logged_at = placed_at where package_set_id is not null;
-- The environments of a set.
create index environment_status_set on environment_status (org_id, package_set_id) where not removed;
-- The environments of an owner.
create index environment_status_owner on environment_status (org_id, owner) where not removed;

-- One row: something that decisions depend on has changed, in the transaction that wrote the row; what concerns it is to be decided anew.
-- Whoever has decided it deletes the row, in the transaction that writes the decisions.
create table stale_decisions (
    id              bigint generated always as identity primary key,
    org_id          uuid not null,
    package_set_id  bigint,                         -- the environments of this set; of the next three at most one is not null
    environment_id  uuid,                           -- this environment
    subject_id      uuid,                           -- the environments of this owner; all null: all of the organization
    policy_id       uuid,                           -- the change of a policy, for the audit log; null: something else changed
    caused_by       jsonb,                          -- who changed the policy and by which request, for the audit log
    since           timestamptz not null default now()
);
-- What waits for an organization, the oldest first.
create index stale_decisions_org on stale_decisions (org_id, id);
