-- One row: an item of an organization's directory, which Policy keeps a copy of, and the transaction that changed it last. What the item is
-- now is read from its own table; one that is not there any more was deleted, and its row stays. Written by triggers, so that no statement
-- can miss it, whatever changes the item: a cascade, an older instance, a script.
create table directory_changes (
    org_id          uuid not null,
    kind            text collate "C" not null check (kind in ('subject', 'group', 'member', 'channel', 'grant', 'machine')),
    id              uuid not null,              -- of the subject, group, channel or machine
    other_id        uuid not null,              -- of the member of a group, and of the group that was granted a channel; otherwise as id
    xid             bigint not null,            -- pg_current_xact_id() of the transaction; 0: it was there before this table
    primary key (org_id, kind, id, other_id)
);

-- What changed in an organization since a transaction.
create index directory_changes_xid on directory_changes (org_id, xid);

-- The organizations that know a subject, or knew it.
create index directory_changes_subject on directory_changes (id) where kind = 'subject';

-- Notes items as changed and tells Policy of it, once for each transaction and organization; the setting keeps whom was told.
create function note_directory(item_kind text, org_ids uuid[], ids uuid[], other_ids uuid[]) returns void language plpgsql as $$
declare
    told text := coalesce(current_setting('envplatform.directory_told', true), '');
    organization uuid;
begin
    insert into directory_changes (org_id, kind, id, other_id, xid)
    select distinct c.org_id, item_kind, c.id, c.other_id, pg_current_xact_id()::text::bigint
    from unnest(org_ids, ids, other_ids) as c (org_id, id, other_id)
    join organizations o on o.id = c.org_id and o.erased_at is null
    order by c.org_id, c.id, c.other_id
    on conflict (org_id, kind, id, other_id) do update set xid = excluded.xid
    where directory_changes.xid <> excluded.xid;

    -- MachineRegistered tells of machines.
    for organization in
        select distinct o.id from unnest(org_ids) as c (org_id) join organizations o on o.id = c.org_id and o.erased_at is null
        where item_kind <> 'machine'
    loop
        if position(organization::text in told) = 0 then
            told := told || organization::text;
            insert into outbox (message_id, message_type, body)
            values (
                gen_random_uuid(), 'DirectoryChanged',
                json_build_object('organization_id', organization, 'version', pg_current_xact_id()::text::bigint)::text);
            notify outbox;
        end if;
    end loop;
    perform set_config('envplatform.directory_told', told, true);
end $$;

-- For the rows of a statement: the arguments are the kind and the columns of the two ids.
create function note_directory_rows() returns trigger language plpgsql as $$
begin
    execute format(
        'select note_directory($1, array_agg(org_id), array_agg(%I), array_agg(%I)) from changed', tg_argv[1], tg_argv[2])
    using tg_argv[0];
    return null;
end $$;

-- For one row, likewise.
create function note_directory_row() returns trigger language plpgsql as $$
begin
    perform note_directory(
        tg_argv[0], array[new.org_id], array[(to_jsonb(new) ->> tg_argv[1])::uuid], array[(to_jsonb(new) ->> tg_argv[2])::uuid]);
    return null;
end $$;

-- For a membership that ended or came back, and the groups that it left or had left by that.
create function note_directory_membership() returns trigger language plpgsql as $$
begin
    perform note_directory('subject', array[new.org_id], array[new.subject_id], array[new.subject_id]);
    perform note_directory('member', array_agg(new.org_id), array_agg(group_id), array_agg(new.subject_id))
    from unnest(old.left_groups || new.left_groups) as group_id;
    return null;
end $$;

-- For the name or address of a subject, in all organizations that know it.
create function note_directory_subject() returns trigger language plpgsql as $$
begin
    perform note_directory('subject', array_agg(org_id), array_agg(id), array_agg(id))
    from directory_changes where kind = 'subject' and id = old.id;
    return null;
end $$;

create trigger directory_came after insert on memberships referencing new table as changed
    for each statement execute function note_directory_rows('subject', 'subject_id', 'subject_id');
create trigger directory_went after delete on memberships referencing old table as changed
    for each statement execute function note_directory_rows('subject', 'subject_id', 'subject_id');
create trigger directory_changed after update of removed_at on memberships
    for each row when (old.removed_at is distinct from new.removed_at) execute function note_directory_membership();
create trigger directory_changed after update of email, display_name on subjects
    for each row when ((old.email, old.display_name) is distinct from (new.email, new.display_name))
    execute function note_directory_subject();
create trigger directory_went after delete on subjects
    for each row execute function note_directory_subject();

create trigger directory_came after insert on user_groups referencing new table as changed
    for each statement execute function note_directory_rows('group', 'id', 'id');
create trigger directory_went after delete on user_groups referencing old table as changed
    for each statement execute function note_directory_rows('group', 'id', 'id');
create trigger directory_changed after update of name on user_groups
    for each row when (old.name is distinct from new.name) execute function note_directory_row('group', 'id', 'id');

create trigger directory_came after insert on group_members referencing new table as changed
    for each statement execute function note_directory_rows('member', 'group_id', 'subject_id');
create trigger directory_went after delete on group_members referencing old table as changed
    for each statement execute function note_directory_rows('member', 'group_id', 'subject_id');

create trigger directory_came after insert on channels referencing new table as changed
    for each statement execute function note_directory_rows('channel', 'id', 'id');
create trigger directory_went after delete on channels referencing old table as changed
    for each statement execute function note_directory_rows('channel', 'id', 'id');
create trigger directory_changed after update of name, privacy, allowed on channels
    for each row when ((old.name, old.privacy, old.allowed) is distinct from (new.name, new.privacy, new.allowed))
    execute function note_directory_row('channel', 'id', 'id');
create trigger directory_came after insert on channel_names referencing new table as changed
    for each statement execute function note_directory_rows('channel', 'channel_id', 'channel_id');
create trigger directory_went after delete on channel_names referencing old table as changed
    for each statement execute function note_directory_rows('channel', 'channel_id', 'channel_id');

create trigger directory_came after insert on channel_groups referencing new table as changed
    for each statement execute function note_directory_rows('grant', 'channel_id', 'group_id');
create trigger directory_went after delete on channel_groups referencing old table as changed
    for each statement execute function note_directory_rows('grant', 'channel_id', 'group_id');

create trigger directory_came after insert on machines referencing new table as changed
    for each statement execute function note_directory_rows('machine', 'id', 'id');
create trigger directory_went after delete on machines referencing old table as changed
    for each statement execute function note_directory_rows('machine', 'id', 'id');
create trigger directory_changed after update of hostname on machines
    for each row when (old.hostname is distinct from new.hostname) execute function note_directory_row('machine', 'id', 'id');

-- What is there already.
insert into directory_changes (org_id, kind, id, other_id, xid)
select org_id, 'subject', subject_id, subject_id, 0 from memberships
union all select org_id, 'group', id, id, 0 from user_groups
union all select org_id, 'member', group_id, subject_id, 0 from group_members
union all select org_id, 'channel', id, id, 0 from channels
union all select org_id, 'grant', channel_id, group_id, 0 from channel_groups
union all select org_id, 'machine', id, id, 0 from machines;
