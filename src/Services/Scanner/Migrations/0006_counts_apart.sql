-- One row: what was found in a package set: distinct vulnerabilities, not advisories. Apart from the set's packages, which never change and have an
-- index of hundreds of entries for each set.
create table set_counts (
    set_id          bigint primary key references package_sets,
    total           int not null default 0,
    critical        int not null default 0,
    high            int not null default 0,
    medium          int not null default 0,
    low             int not null default 0,
    unknown         int not null default 0,
    max_cvss        numeric(3,1),
    kev             int not null default 0,
    not_checked     int not null default 0,
    vulnerability_keys int[] not null default '{}',     -- ascending
    generation      bigint not null,            -- of the advisories when it was counted last
    scanned_at      timestamptz not null
) with (fillfactor = 50);
insert into set_counts
select id, total, critical, high, medium, low, unknown, max_cvss, kev, not_checked, vulnerability_keys, generation, scanned_at from package_sets;

alter table package_sets
    drop column total, drop column critical, drop column high, drop column medium, drop column low, drop column unknown, drop column max_cvss,
    drop column kev, drop column not_checked, drop column vulnerability_keys, drop column generation, drop column scanned_at;

-- One row: how many environments of an organization are on a set, archived or not; no row where none is. So the environments of a vulnerability are
-- numbers to be added up.
create table set_environments (
    org_id          uuid not null,
    set_id          bigint not null,
    archived        boolean not null,
    environments    int not null,
    primary key (org_id, archived, set_id)
) with (fillfactor = 50);
-- The organizations on a set.
create index set_environments_set on set_environments (set_id, org_id);

-- An environment that came to a set (1) or left it (-1).
create type environment_change as (org_id uuid, set_id bigint, archived boolean, change int);

-- Keeps the numbers exact, whichever statement changes the environments. Rows are locked in one order, so that nobody waits in a circle.
create function count_environments() returns trigger language plpgsql as $$
declare
    changes environment_change[];
begin
    if tg_op = 'INSERT' then
        changes := array(select (org_id, set_id, archived, 1)::environment_change from came where visible);
    elsif tg_op = 'DELETE' then
        changes := array(select (org_id, set_id, archived, -1)::environment_change from went where visible);
    else
        changes := array(
            select (org_id, set_id, archived, -1)::environment_change from went where visible
            union all
            select (org_id, set_id, archived, 1)::environment_change from came where visible);
    end if;

    insert into set_environments (org_id, set_id, archived, environments)
    select org_id, set_id, archived, sum(change) from unnest(changes) group by 1, 2, 3 having sum(change) <> 0 order by 1, 2, 3
    on conflict (org_id, archived, set_id) do update set environments = set_environments.environments + excluded.environments;

    delete from set_environments n using unnest(changes) as c
    where c.change < 0 and n.org_id = c.org_id and n.set_id = c.set_id and n.archived = c.archived and n.environments = 0;
    return null;
end $$;

create trigger count_came after insert on environments referencing new table as came for each statement execute function count_environments();
create trigger count_moved after update on environments referencing old table as went new table as came
    for each statement execute function count_environments();
create trigger count_went after delete on environments referencing old table as went for each statement execute function count_environments();

insert into set_environments (org_id, set_id, archived, environments)
select org_id, set_id, archived, count(*) from environments where visible group by 1, 2, 3;

drop index environments_set;
-- From a set to its environments, in the order of the list of those that a vulnerability affects.
create index environments_set on environments (org_id, set_id, environment_id) where visible;
-- The list of the environments that a vulnerability affects, by name.
create index environments_by_name on environments (org_id, archived, name, environment_id) include (set_id) where visible;
