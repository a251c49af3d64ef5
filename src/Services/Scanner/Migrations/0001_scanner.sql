create extension if not exists pg_trgm;

-- One row for all: the state of the advisories. Whatever changes what a match would say (an import) takes the advisory lock "findings"
-- exclusively, and whatever stores results of a match takes it shared, so that every result stored is that of the current generation.
create table advisory_state (
    only_row        boolean primary key default true check (only_row),
    generation      bigint not null,
    starter_sha256  bytea,                      -- of the built-in advisories and conda names that were brought in last
    changed_at      timestamptz not null default now()
);
insert into advisory_state (generation) values (1);

-- One row: an ecosystem of which a whole feed was imported, so that a project that no advisory names was checked.
create table complete_ecosystems (
    ecosystem       text primary key,
    since           timestamptz not null default now()
);

-- One row: a source record, as its database wrote it.
create table advisories (
    id                text primary key,
    source            text not null,            -- starter: built in; osv: imported
    content_sha256    bytea not null,
    modified_at       timestamptz not null,
    withdrawn_at      timestamptz,              -- a withdrawn record is kept and never a finding
    vulnerability_id  text,                     -- the vulnerability that it speaks of; null when withdrawn
    raw               bytea not null            -- the record's JSON, byte for byte
);
-- 20 MB of JSON in a second rather than three.
alter table advisories alter column raw set compression lz4;

-- One row: what one or more advisories, aliases of each other, speak of.
create table vulnerabilities (
    id              text primary key,           -- the CVE id where there is one
    key             int generated always as identity unique,
    aliases         text[] not null,
    advisories      text[] not null,
    cvss            numeric(3,1),
    cvss_vector     text,
    severity        text not null,              -- critical, high, medium, low, none, unknown
    epss            numeric(6,5),
    kev             boolean not null default false,
    summary         text,
    description     text,
    published_at    timestamptz,
    modified_at     timestamptz not null,
    content_sha256  bytea not null              -- of all columns above but epss and kev
);

-- One row: an id under which a vulnerability is known, in lower case.
create table vulnerability_names (
    name              text not null,
    vulnerability_id  text not null references vulnerabilities on delete cascade,
    primary key (name, vulnerability_id)
);
-- Search: names that begin with what was typed.
create index vulnerability_names_prefix on vulnerability_names (name text_pattern_ops);

-- The names of a vulnerability, to be written anew when its advisories change.
create index vulnerability_names_vulnerability on vulnerability_names (vulnerability_id);

-- One row: a CVE that CISA lists as known to be exploited. cve is in lower case.
create table known_exploited (
    cve             text primary key,
    added_on        date not null
);

-- One row: the probability that a CVE is exploited in the next 30 days (EPSS, FIRST.org). cve is in lower case.
create table exploit_predictions (
    cve             text primary key,
    epss            numeric(6,5) not null
);

-- One row: a package as Ingest numbers it, how it was checked, and the project that it was taken for.
create table packages (
    package_id      int primary key,
    manager         text not null,
    channel         text not null,
    subdir          text not null,
    name            text not null,
    version         text not null,
    build           text not null,
    ecosystem       text not null,
    project         text not null,              -- normalised as the ecosystem does
    coverage        text not null,              -- checked, not_checked, not_applicable
    reason          text,                       -- why not checked
    generation      bigint not null             -- of the advisories when it was matched last
);
-- Import: the packages of the projects that changed advisories name, and of an ecosystem.
create index packages_project on packages (ecosystem, project);
-- Search and filters by name.
create index packages_name on packages using gin (name gin_trgm_ops);

-- One row: a vulnerability that affects a package.
create table package_findings (
    package_id        int not null references packages,
    vulnerability_id  text not null references vulnerabilities deferrable initially deferred,
    advisories        text[] not null,
    fixed_in          text[] not null,
    primary key (package_id, vulnerability_id)
);
-- A vulnerability's packages.
create index package_findings_vulnerability on package_findings (vulnerability_id, package_id);

-- One row: a package set as Ingest numbers it, and what was found in it: distinct vulnerabilities, not advisories.
create table package_sets (
    id              bigint primary key,
    package_ids     int[] not null,             -- ascending
    total           int not null default 0,
    critical        int not null default 0,
    high            int not null default 0,
    medium          int not null default 0,
    low             int not null default 0,
    unknown         int not null default 0,
    max_cvss        numeric(3,1),
    kev             int not null default 0,
    not_checked     int not null default 0,
    vulnerability_keys int[] not null default '{}',
    generation      bigint not null,            -- of the advisories when it was counted last
    scanned_at      timestamptz not null
) with (fillfactor = 80);
-- A package's sets.
create index package_sets_packages on package_sets using gin (package_ids) with (fastupdate = off);

-- One row: an environment, as far as its events have arrived, in whatever order. Each attribute keeps the version of the event that set it.
create table environments (
    org_id           uuid not null,
    environment_id   uuid not null,
    machine_id       uuid,
    owner            uuid,
    prefix           text,
    name             text,
    platform         text,
    set_id           bigint,
    archived         boolean not null default false,
    logged_version   bigint not null default 0,
    name_version     bigint not null default 0,
    archived_version bigint not null default 0,
    removed_version  bigint not null default 0,
    visible          boolean not null generated always as (set_id is not null and logged_version > removed_version) stored,
    primary key (org_id, environment_id)
);
-- The environments of affected sets; an organization's sets.
create index environments_set on environments (org_id, set_id) where visible;
-- All environments on a set, to tell them of new counts.
create index environments_told on environments (set_id) where visible;
-- A member's own environments.
create index environments_owner on environments (org_id, owner, set_id) where visible;
-- Search by name and prefix.
create index environments_search on environments using gin (name gin_trgm_ops, prefix gin_trgm_ops) where visible;

-- One row: an import of advisories, asked for by an operator.
create table imports (
    id              uuid primary key,
    format          text not null,
    status          text not null,              -- running, completed, failed
    phase           text not null,              -- queued, reading, matching, done
    attempts        int not null default 0,
    bytes           bigint not null,
    advisories      int not null default 0,     -- records read so far
    added           int not null default 0,
    changed         int not null default 0,
    withdrawn       int not null default 0,
    rejected        int not null default 0,
    error           text,
    requested_by    jsonb not null,             -- the caller, for the audit log
    created_at      timestamptz not null,
    finished_at     timestamptz
);
-- Work that waits.
create index imports_running on imports (id) where status = 'running';

-- One row: a piece of the file of an import that is not finished, so that any instance can take the work up again.
create table import_files (
    import_id       uuid not null references imports on delete cascade,
    part            int not null,
    data            bytea not null,
    primary key (import_id, part)
);
alter table import_files alter column data set storage external;
