-- One row: an organization whose people, groups, channels and machines are copied from Identity, and how far the copy is.
create table directories (
    org_id          uuid primary key,
    since           bigint not null default 0,  -- what transactions of Identity's database before this one did is here
    horizon         bigint,                     -- what `since` will be when the round that is being read ends; null: none is
    read_to         text,                       -- the last page of that round that was stored, as Identity names it; null: none yet
    pages           bigint not null default 0,  -- one more with each page: of those who read the same one the first stores it
    wanted          bigint not null default 1,  -- one more with each change that was heard of
    covers          bigint not null default 0,  -- as `wanted` was when the round that is being read, or the last one, began
    read            bigint not null default 0,  -- as `covers` was when the last round ended; less than `wanted`: there is something to read
    known_at        timestamptz                 -- when all of it was first here; null: who is in which group is not known yet
);

-- What there is to read.
create index directories_wanted on directories (org_id) where read < wanted;
