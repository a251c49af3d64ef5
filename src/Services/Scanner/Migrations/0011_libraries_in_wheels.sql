-- A finding of a conda package may be about a library that only the wheel of PyPI carries: it does not affect the package in a set that
-- holds conda's own package of that library.
alter table findings
    add column library     text,                -- what all of its advisories are about, where conda's build links to conda's own; else null
    add column provided_by text[];              -- the conda packages that provide it: one of them must be in the set
-- What the platform has judged.
create index findings_provided on findings (vulnerability_id) where provided_by is not null;

create or replace view package_findings as
select p.package_id, f.vulnerability_id, f.advisories, f.fixed_in, f.matches, f.library, f.provided_by
from packages p join findings f on f.found_id = p.found_id;

alter table set_counts
    add column libraries         text[] not null default '{}',  -- the conda packages that it holds of those that provide libraries
    add column not_affected_keys int[] not null default '{}';   -- ascending: vulnerabilities of which a finding does not affect its package

-- How many vulnerabilities are known to be exploited is not known, and null, where no catalogue was imported and no record says that one
-- is.
alter table set_counts alter column kev drop not null, alter column kev drop default;
alter table organization_set_counts alter column kev drop not null;
update set_counts set kev = null where kev = 0 and (select kev_imported_at from advisory_state) is null;
update organization_set_counts set kev = null where kev = 0 and (select kev_imported_at from advisory_state) is null;

-- Search by Unicode's rules of case; ilike on these columns folds only ASCII.
create index environments_search_folded on environments using gin (
    lower(normalize(name, NFC) collate "und-x-icu") gin_trgm_ops, lower(normalize(prefix, NFC) collate "und-x-icu") gin_trgm_ops)
    where visible;
drop index environments_search;
-- Packages by part of their name, likewise.
create index packages_name_folded on packages using gin (lower(normalize(name, NFC) collate "und-x-icu") gin_trgm_ops);
drop index packages_name;
