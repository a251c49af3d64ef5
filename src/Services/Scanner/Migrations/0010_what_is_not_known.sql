-- What could not be compared is said wherever a comparison is shown.
alter table packages
    add column not_evaluable text[] not null default '{}';     -- advisories that cannot be compared with its version
-- The packages that a vulnerability might affect.
create index packages_not_evaluable on packages using gin (not_evaluable) where reason = 'advisory_not_evaluable';
alter table vulnerabilities
    add column not_compared jsonb not null default '[]';        -- [{advisory, ecosystem, project, why}]: entries that cannot be compared
alter table imports
    add column not_evaluable int not null default 0;            -- entries of its records that cannot be compared with versions
alter table import_rejections
    add column kind text not null default 'rejected';           -- rejected: left out; not_evaluable: kept, and comparable with no version

-- When a catalogue of exploited vulnerabilities, and exploit predictions, were last imported; null: never, and nothing is known.
alter table advisory_state
    add column kev_imported_at  timestamptz,
    add column epss_imported_at timestamptz;
update advisory_state set
    kev_imported_at = (select max(finished_at) from imports where format = 'kev' and status = 'completed'),
    epss_imported_at = (select max(finished_at) from imports where format = 'epss' and status = 'completed');

-- One row: an id that a vulnerability's advisories name without being about it. It is found by it, and nothing is joined or counted for it.
create table vulnerability_relations (
    name              text not null,            -- in lower case
    vulnerability_id  text not null references vulnerabilities on delete cascade,
    relation          text not null check (relation in ('upstream', 'related')),
    primary key (name, vulnerability_id, relation)
);
-- Search: names that begin with what was typed.
create index vulnerability_relations_prefix on vulnerability_relations (name text_pattern_ops);
-- The relations of a vulnerability, to be written anew when its advisories change.
create index vulnerability_relations_vulnerability on vulnerability_relations (vulnerability_id);

alter table imports
    add column shrunk boolean not null default false;           -- it is right that its file holds much less than the last one
alter table complete_ecosystems
    add column basis        text,               -- stated by an operator, feed, export: recognised; null: from an older version
    add column records      int,                -- in the last whole file, withdrawn ones included
    add column confirmed_at timestamptz;        -- when a whole file was last imported
-- These were taken from the shape of a file. Their feeds are fetched anew, and say so.
delete from complete_ecosystems where ecosystem in ('PyPI', 'CRAN', 'Bioconductor');
update feeds set etag = null, last_modified = null, due_at = now() where name in ('pypi', 'cran', 'bioconductor');

-- The next start reads every advisory and matches every package again.
update advisory_state set starter_sha256 = '\x' where starter_sha256 is not null;
