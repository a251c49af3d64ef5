-- One row: an organization that was given the policies that it begins with.
create table policy_defaults (
    org_id          uuid primary key,
    made_at         timestamptz not null
);
