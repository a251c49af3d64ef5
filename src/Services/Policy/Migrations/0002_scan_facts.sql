-- Which package set an environment holds, so that what was found in the set can be told of the environment. Null until a log has been heard
-- of.
alter table environment_status add column package_set_id bigint;

-- The environment's version that said so: logs and renames come in any order, and only logs know the set.
alter table environment_status add column package_set_version bigint not null default 0;

-- One row: what was found in a package set for an organization, as its curations have it. A copy of what Scanner says; the newest scan
-- counts.
create table scan_facts (
    org_id              uuid not null,
    package_set_id      bigint not null,
    total               int not null,               -- distinct vulnerabilities; those of severity none are in no other column
    critical            int not null,
    high                int not null,
    medium              int not null,
    low                 int not null,
    unknown             int not null,
    max_cvss            numeric(3, 1),              -- null when nothing found has a score
    kev                 int not null,               -- known to be exploited
    not_checked         int not null,               -- packages
    scanned_at          timestamptz not null,
    primary key (org_id, package_set_id)
);
