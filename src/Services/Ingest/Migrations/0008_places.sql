-- What the spellings of an environment's prefix have in common: a digest of the prefix in the form of the platform's file systems. Ingest
-- computes it (PrefixIdentity), also for the rows that are here already, and makes one environment of those that turn out to be one.
alter table environments add column place uuid;

-- From the place of a log to the environment, beside the index by the prefix as it is written.
create unique index environments_by_place on environments (org_id, machine_id, place) where removed_at is null and place is not null;

-- What is left to compute: nothing, once it was done.
create index environments_without_place on environments (org_id, environment_id) where removed_at is null and place is null;
