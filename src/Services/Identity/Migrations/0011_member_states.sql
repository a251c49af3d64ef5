-- Who is suspended or was removed keeps its membership, which gives nothing meanwhile, so that it can be given back as it was. `source` says
-- how the membership came about, `last_active_at` is to the day.
alter table memberships
    add column suspended_at timestamptz,
    add column removed_at timestamptz,
    add column source text not null default 'operator' check (source in ('invitation', 'operator')),
    add column last_active_at timestamptz,
    add column left_groups uuid[] not null default '{}',     -- the groups that whoever was removed had, and the seats
    add column left_products text[] not null default '{}',
    add column version bigint not null default 1;

update memberships m set source = 'invitation'
where exists (
    select from subjects s join invitations i on i.email = s.email
    where s.id = m.subject_id and i.org_id = m.org_id and i.ended_as = 'accepted');

-- The memberships that count. What decides who may do what reads these, and never the table.
create view active_memberships as
select org_id, subject_id, role, source, last_active_at, created_at from memberships where suspended_at is null and removed_at is null;

-- Those that are suspended as well: they keep groups and seats.
create view present_memberships as
select org_id, subject_id, role, source, last_active_at, created_at from memberships where removed_at is null;

-- As search and the order of names see it.
alter table subjects
    add column folded_name text generated always as (lower(normalize(display_name, NFC) collate "und-x-icu")) stored;
