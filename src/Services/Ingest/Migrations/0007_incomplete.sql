-- What the agent could not read in full: [{"what": ..., "reason": ...}], empty where it read everything, null where its log does not say.
alter table environments add column incomplete jsonb;
alter table environment_logs add column incomplete jsonb;

-- The list, filtered to what is incomplete: few of many.
create index environments_incomplete on environments (org_id, archived, name, environment_id)
    where removed_at is null and incomplete <> '[]';
