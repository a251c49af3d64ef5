-- Findings are stored once for all packages of which the same was found: their number grows with the advisories, not with the builds and versions
-- that somebody logs. `package_findings` is a view from here on, and can be read and written as the table could, so that the version before still runs.

-- One row: what was found in a package, shared by every package of which exactly that was found. Scanner never changes it: a package of which
-- something else is found points at another row. Rows at which no package points are removed by the next change of the advisories.
create table found (
    id              int generated always as identity primary key,
    content_sha256  bytea unique                -- of its findings as Scanner writes them; null where this script or an older version wrote it
);

-- One row: a vulnerability of what was found, and why it affects the package.
create table findings (
    found_id          int not null references found on delete cascade,
    vulnerability_id  text not null references vulnerabilities deferrable initially deferred,
    advisories        text[] not null,
    fixed_in          text[] not null,
    matches           jsonb not null default '[]',      -- [{advisory, entry, range, listed, fixed_in}]
    primary key (found_id, vulnerability_id)
);
-- From a vulnerability to what was found, and so to its packages.
create index findings_vulnerability on findings (vulnerability_id, found_id);

alter table packages add column found_id int references found deferrable initially deferred;     -- null: nothing was found
-- The packages of which this was found.
create index packages_found on packages (found_id) where found_id is not null;

create temporary table contents on commit drop as
select package_id, sha256(convert_to(string_agg(
    concat_ws(' ', vulnerability_id, advisories::text, fixed_in::text, matches::text), e'\n' order by vulnerability_id collate "C"), 'UTF8')) as sha256
from package_findings group by package_id;
insert into found (content_sha256) select distinct sha256 from contents;
update packages p set found_id = f.id from contents c join found f on f.content_sha256 = c.sha256 where p.package_id = c.package_id;
insert into findings (found_id, vulnerability_id, advisories, fixed_in, matches)
select one.found_id, f.vulnerability_id, f.advisories, f.fixed_in, f.matches
from (select found_id, min(package_id) as package_id from packages where found_id is not null group by found_id) one
join package_findings f on f.package_id = one.package_id;
-- Scanner hashes another text.
update found set content_sha256 = null;

drop table package_findings;
create view package_findings as
select p.package_id, f.vulnerability_id, f.advisories, f.fixed_in, f.matches from packages p join findings f on f.found_id = p.found_id;

-- What was found in a package, as a row of its own that no other package shares: what is about to be changed for this package alone.
create function own_found(package int) returns int language plpgsql as $$
declare
    held int := (select found_id from packages where package_id = package);
    own  int;
begin
    if held is not null and (select content_sha256 is null from found where id = held)
            and not exists (select from packages where found_id = held and package_id <> package) then
        return held;
    end if;

    insert into found (content_sha256) values (null) returning id into own;
    insert into findings (found_id, vulnerability_id, advisories, fixed_in, matches)
    select own, vulnerability_id, advisories, fixed_in, matches from findings where found_id = held;
    update packages set found_id = own where package_id = package;
    return own;
end $$;

-- The version before writes findings package by package.
create function write_package_finding() returns trigger language plpgsql as $$
declare
    own int := own_found(coalesce(new.package_id, old.package_id));
begin
    if tg_op <> 'INSERT' then
        delete from findings where found_id = own and vulnerability_id = old.vulnerability_id;
    end if;

    if tg_op <> 'DELETE' then
        insert into findings (found_id, vulnerability_id, advisories, fixed_in, matches)
        values (own, new.vulnerability_id, new.advisories, new.fixed_in, coalesce(new.matches, '[]'));
        return new;
    end if;

    return old;
end $$;

create trigger write_one instead of insert or update or delete on package_findings for each row execute function write_package_finding();

-- What was found once and is found in no package now does not keep a vulnerability of which no advisory speaks any more.
create function forget_found() returns trigger language plpgsql as $$
begin
    delete from found f using findings one
    where one.vulnerability_id = old.id and f.id = one.found_id and not exists (select from packages p where p.found_id = f.id);
    return old;
end $$;

create trigger forget_found before delete on vulnerabilities for each row execute function forget_found();
