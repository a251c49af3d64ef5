-- One row: what a channel held for a platform (a subdir, noarch among them) when its repodata was last imported. An import takes the place
-- of all that was known of the two.
create table channel_subdirs (
    channel         text not null,              -- canonical: conda-forge, conda-forge/label/NAME, or a URL
    subdir          text not null,              -- linux-64, noarch, ...
    names           int not null,               -- packages of different names
    builds          int not null,               -- packages of different name, version or build
    imported_at     timestamptz not null,
    primary key (channel, subdir)
);

-- One row: all builds of the packages of one name in a channel, for one platform.
create table channel_packages (
    channel         text not null,
    subdir          text not null,
    name            text not null,
    count           int not null,
    builds          text not null,              -- a line each, sorted: [version, build, number, [depends], [constrains], 1 if avoided]
    primary key (channel, subdir, name)
);
-- The lines of one name repeat each other, and are megabytes for some names.
alter table channel_packages alter column builds set compression lz4;

alter table imports add column subdir text;     -- of repodata: the platform that it must be of; null: the one that it names itself
