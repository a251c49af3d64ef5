alter table environments add column archived_at timestamptz;      -- null where it was archived before this column: updated_at counts then

-- One row: after how many days an organization's archived environments are erased, copied from Identity.
create table archive_retentions (
    org_id          uuid primary key,
    days            int,                        -- null: never
    version         bigint not null             -- of the settings; drops messages that are older
);
