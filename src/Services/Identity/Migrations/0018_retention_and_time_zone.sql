alter table organization_settings
    add column retention_days_archived int check (retention_days_archived between 1 and 3650),     -- null: kept for good
    add column time_zone text not null default 'UTC';       -- a name of the IANA database: what days mean in mails
