-- What the spellings of an environment's prefix have in common: a digest of the folded prefix (PrefixIdentity), which Policy computes, also
-- for the rows that are here already. The platform says whether case counts at the folder; null where no event told it yet.
alter table environment_status
    add column folded uuid,
    add column platform text;

-- Activation checks: the environment at a place of a machine.
create index environment_status_folded on environment_status (org_id, machine_id, folded) where not removed;
-- What is left to fold: nothing, once it was done.
create index environment_status_without_folded on environment_status (org_id, environment_id)
    where folded is null and machine_id is not null;
