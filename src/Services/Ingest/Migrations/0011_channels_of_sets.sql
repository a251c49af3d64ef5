-- One row: the channels of the conda packages of a set. Computed once for each set that an organization's channels are counted by, since a
-- set never changes.
create table package_set_channels (
    package_set_id  bigint primary key references package_sets,
    channels        text[] not null
);
