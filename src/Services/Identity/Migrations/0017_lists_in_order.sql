create extension if not exists pg_trgm;
create extension if not exists btree_gin;

-- What lists of members sort and search by is beside the membership, so that an index of one organization has it: joined with the subjects,
-- each page sorted and compared all of them. Kept by the triggers below.
alter table memberships
    add column is_user boolean,
    add column email text,
    add column folded_name text collate "C",            -- in the order of names
    add column folded text collate "und-x-icu";         -- as search compares it

update memberships m set is_user = s.type = 'user', email = s.email, folded_name = s.folded_name, folded = s.folded
from subjects s where s.id = m.subject_id;

alter table memberships
    alter column is_user set not null,
    alter column folded_name set not null,
    alter column folded set not null,
    add constraint memberships_email check (not is_user or email is not null);

-- The subject is locked, so that a name that changes at that moment is not missed: whoever changes it finds this membership, or waits.
create function describe_membership() returns trigger language plpgsql as $$
begin
    select s.type = 'user', s.email, s.folded_name, s.folded into new.is_user, new.email, new.folded_name, new.folded
    from subjects s where s.id = new.subject_id for share;
    return new;
end $$;

create function describe_memberships_of_subject() returns trigger language plpgsql as $$
begin
    update memberships m set email = new.email, folded_name = s.folded_name, folded = s.folded
    from subjects s where m.subject_id = new.id and s.id = new.id;
    return null;
end $$;

create trigger described before insert on memberships for each row execute function describe_membership();
create trigger described after update of email, display_name on subjects
    for each row when ((old.email, old.display_name) is distinct from (new.email, new.display_name))
    execute function describe_memberships_of_subject();

-- The users of an organization by name. Each order of the list breaks ties by id.
create index memberships_by_name on memberships (org_id, folded_name, subject_id) where is_user and removed_at is null;

-- By e-mail address.
create index memberships_by_email on memberships (org_id, email, subject_id) where is_user and removed_at is null;

-- By role, and those of one.
create index memberships_by_role on memberships (org_id, role, subject_id) where is_user and removed_at is null;

-- By when they joined.
create index memberships_by_age on memberships (org_id, created_at, subject_id) where is_user and removed_at is null;

-- By when they were active.
create index memberships_by_activity on memberships (org_id, (coalesce(last_active_at, '-infinity'::timestamptz)), subject_id)
    where is_user and removed_at is null;

-- Who is suspended: few.
create index memberships_suspended on memberships (org_id, subject_id) where suspended_at is not null and removed_at is null;

-- Who was removed, by name.
create index memberships_removed on memberships (org_id, folded_name, subject_id) where is_user and removed_at is not null;

-- Search of three letters and more; two letters are compared with each.
create index memberships_search on memberships using gin (org_id, folded gin_trgm_ops);

create or replace view active_memberships as
select org_id, subject_id, role, source, last_active_at, created_at, is_user, email, folded_name, folded
from memberships where suspended_at is null and removed_at is null;

create or replace view present_memberships as
select org_id, subject_id, role, source, last_active_at, created_at, is_user, email, folded_name, folded
from memberships where removed_at is null;

-- Likewise for invitations, groups and channels: folded when they are written and not by each search. Their numbers have no index: they
-- change often, and there are some hundred rows to sort.
alter table invitations add column folded text collate "und-x-icu" not null
    generated always as (lower(normalize(display_name || E'\n' || coalesce(email, ''), NFC) collate "und-x-icu")) stored;

-- Search of three letters and more.
create index invitations_search on invitations using gin (org_id, folded gin_trgm_ops);

alter table user_groups add column folded text collate "und-x-icu" not null
    generated always as (lower(normalize(name || E'\n' || description, NFC) collate "und-x-icu")) stored;

-- The same.
create index user_groups_search on user_groups using gin (org_id, folded gin_trgm_ops);

-- array_to_string is not immutable for arrays of every type; for those of texts it is.
create function folded_channel(name text, url text, aliases text[]) returns text language sql immutable parallel safe as $$
    select lower(normalize(concat_ws(E'\n', name, url, array_to_string(aliases, E'\n')), NFC) collate "und-x-icu")
$$;

alter table channels add column folded text collate "und-x-icu" not null generated always as (folded_channel(name, url, aliases)) stored;

-- The same.
create index channels_search on channels using gin (org_id, folded gin_trgm_ops);

-- How many have a seat, or lost it.
create index seats_granted on seats (org_id, product, granted);

-- Whose groups and seats are forgotten in the end.
create index memberships_left on memberships (removed_at) where left_groups <> '{}' or left_products <> '{}';
