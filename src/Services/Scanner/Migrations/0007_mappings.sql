-- One row: what a published source says of the packages of one name in a channel. An import takes the place of all that its source said of the channel.
create table published_mappings (
    source          text not null,              -- parselmouth, grayskull
    channel         text not null,              -- canonical: conda-forge, or a URL
    conda_name      text not null,
    pypi_names      text[] not null,            -- none: no project of PyPI
    primary key (source, channel, conda_name)
);

alter table imports add column channel text;    -- of a mapping: the channel that it is of
alter table imports add column complete boolean not null default false; -- its file holds all that there is, of NVD: of the years that it has records of
