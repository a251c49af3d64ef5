-- One row: the environments of an organization came to a package set or left one since its channels were counted. Only added to by logs, so
-- that none of them waits for a count.
create table channel_marks (
    org_id          uuid not null
);

-- The organizations whose channels are to be counted, and their marks.
create index channel_marks_org on channel_marks (org_id);

-- One row: an organization whose channels were counted.
create table channel_counts (
    org_id          uuid primary key,
    turn            bigint not null,            -- the number of counts
    not_before      timestamptz not null        -- of the next: counting takes a small share of the time, however often something changes
);

-- One row: a channel of conda packages that an organization's environments hold, or held.
create table organization_channels (
    org_id          uuid not null,
    channel         text collate "C" not null,
    first_seen_at   timestamptz not null,       -- when it was first counted
    primary key (org_id, channel)
);

-- As before, and marks the organizations whose sets changed.
create or replace function count_environments() returns trigger language plpgsql as $$
declare
    changes environment_change[];
begin
    if tg_op = 'INSERT' then
        changes := array(
            select (org_id, archived, environment_id, package_set_id, 1)::environment_change from came where removed_at is null);
    elsif tg_op = 'DELETE' then
        changes := array(
            select (org_id, archived, environment_id, package_set_id, -1)::environment_change from went where removed_at is null);
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

    insert into channel_marks (org_id)
    select distinct org_id from (
        select org_id from unnest(changes) group by org_id, package_set_id having sum(change) <> 0) moved;
    return null;
end $$;

-- What is there already is counted once.
insert into channel_marks (org_id) select distinct org_id from organization_package_sets where living;
