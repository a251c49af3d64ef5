-- One row: a feed of advisories that is fetched from where it is published. Whoever fetches holds the row's lock, so that of several instances one does.
create table feeds (
    name                    text primary key,
    url                     text not null,
    created_at              timestamptz not null,
    due_at                  timestamptz not null,
    attempted_at            timestamptz,
    succeeded_at            timestamptz,        -- when what is imported was last known to be what is published
    failures                int not null default 0, -- in a row
    error                   text,               -- of the last attempt
    etag                    text,               -- of what is imported, to ask whether there is something newer
    last_modified           timestamptz,        -- likewise
    import_id               uuid,               -- of the file that was fetched last
    fetched_etag            text,               -- of that file, which counts when its import is done
    fetched_last_modified   timestamptz
);
-- The feeds that are due.
create index feeds_due on feeds (due_at);
-- The feed that an import is of, when it ends.
create index feeds_import on feeds (import_id) where import_id is not null;
