-- How far a file has been fetched: whoever fetches next goes on there, when the publisher says that the file is still the same.
alter table feeds
    add column requested_at          timestamptz,   -- when an operator last asked for a look
    add column fetch_id              uuid,          -- of the fetch that may write; one that was taken over from may not any more
    add column fetched_bytes         bigint not null default 0, -- of the file that is being fetched, in feed_parts
    add column total_bytes           bigint,        -- of that file, where the publisher says it
    add column partial_etag          text,          -- of that file
    add column partial_last_modified timestamptz,   -- likewise
    add column partial_hash          text;          -- likewise: what the publisher says of its content

-- One row: a piece of a feed's file that is not fetched whole yet.
create table feed_parts (
    feed            text not null references feeds on delete cascade,
    part            int not null,
    data            bytea not null,
    primary key (feed, part)
);
alter table feed_parts alter column data set storage external;

-- How far an import has come with the packages and package sets that it concerns.
alter table imports
    add column packages_matched      int not null default 0,
    add column packages_total        int not null default 0,
    add column sets_counted          int not null default 0,
    add column sets_total            int not null default 0;

-- One row: a record that an import left out. Of an import with very many only the first are kept.
create table import_rejections (
    import_id       uuid not null references imports on delete cascade,
    number          int not null,               -- in the order of the file
    record          text,                       -- its id, as far as it could be read
    file            text,                       -- the entry of the archive that it is in
    reason          text not null,
    primary key (import_id, number)
);
