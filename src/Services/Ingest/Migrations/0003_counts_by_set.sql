-- What a scan found belongs to a set: a change of the advisories writes the sets that it concerns, however many environments are on them.
-- The list of environments sorts by way of the sets.
drop index environments_by_total;
drop index environments_by_max_cvss;
drop index environments_by_scanned_at;
alter table environments
    drop column scanned_at, drop column total, drop column critical, drop column high, drop column medium, drop column low, drop column unknown,
    drop column max_cvss, drop column kev, drop column not_checked;

alter table organization_package_sets
    add column environments int not null default 0,     -- that are on it now, archived ones too
    -- Apart from their number, so that the index entries stay while it changes.
    add column living boolean not null generated always as (environments > 0) stored;

-- One row: a share of the number of an organization's environments. Divided by the environment's id, so that logs at the same time seldom wait
-- for each other; the number is the sum of the rows.
create table environment_counts (
    org_id          uuid not null,
    archived        boolean not null,
    share           int not null,
    environments    bigint not null,
    primary key (org_id, archived, share)
) with (fillfactor = 50);

-- An environment that came to a place in the numbers above (1) or left it (-1).
create type environment_change as (org_id uuid, archived boolean, environment_id uuid, package_set_id bigint, change int);

-- Keeps the numbers exact, whichever statement changes the environments. Rows are locked in one order, so that nobody waits in a circle.
create function count_environments() returns trigger language plpgsql as $$
declare
    changes environment_change[];
begin
    if tg_op = 'INSERT' then
        changes := array(select (org_id, archived, environment_id, package_set_id, 1)::environment_change from came where removed_at is null);
    elsif tg_op = 'DELETE' then
        changes := array(select (org_id, archived, environment_id, package_set_id, -1)::environment_change from went where removed_at is null);
    else
        changes := array(
            select (org_id, archived, environment_id, package_set_id, -1)::environment_change from went where removed_at is null
            union all
            select (org_id, archived, environment_id, package_set_id, 1)::environment_change from came where removed_at is null);
    end if;

    perform from organization_package_sets
    where (org_id, package_set_id) in (select org_id, package_set_id from unnest(changes) group by 1, 2 having sum(change) <> 0)
    order by org_id, package_set_id for update;

    update organization_package_sets s set environments = s.environments + moved.change
    from (select org_id, package_set_id, sum(change) as change from unnest(changes) group by 1, 2 having sum(change) <> 0) moved
    where s.org_id = moved.org_id and s.package_set_id = moved.package_set_id;

    insert into environment_counts (org_id, archived, share, environments)
    select org_id, archived, abs(hashtext(environment_id::text) % 32) as share, sum(change)
    from unnest(changes) group by 1, 2, 3 having sum(change) <> 0 order by 1, 2, 3
    on conflict (org_id, archived, share) do update set environments = environment_counts.environments + excluded.environments;
    return null;
end $$;

create trigger count_came after insert on environments referencing new table as came for each statement execute function count_environments();
create trigger count_moved after update on environments referencing old table as went new table as came
    for each statement execute function count_environments();
create trigger count_went after delete on environments referencing old table as went for each statement execute function count_environments();

update organization_package_sets s set environments = held.environments
from (select org_id, package_set_id, count(*) as environments from environments where removed_at is null group by 1, 2) held
where s.org_id = held.org_id and s.package_set_id = held.package_set_id;

insert into environment_counts (org_id, archived, share, environments)
select org_id, archived, abs(hashtext(environment_id::text) % 32), count(*) from environments where removed_at is null group by 1, 2, 3;

drop index environments_package_set;
-- From a set to its environments: the list by what a scan found.
create index environments_package_set on environments (org_id, package_set_id, environment_id) where removed_at is null;
-- The list by number of vulnerabilities.
create index organization_package_sets_by_total on organization_package_sets (org_id, total, package_set_id) where living;
-- The list by highest CVSS score; nothing is less than every value.
create index organization_package_sets_by_max_cvss on organization_package_sets (org_id, coalesce(max_cvss, -1), package_set_id) where living;
-- The list by time of the last scan; nothing is less than every value.
create index organization_package_sets_by_scanned_at on organization_package_sets
    (org_id, coalesce(scanned_at, '-infinity'::timestamptz), package_set_id) where living;
