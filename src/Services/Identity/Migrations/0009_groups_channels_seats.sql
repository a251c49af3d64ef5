-- One row: a group of people and service accounts of an organization.
create table user_groups (
    org_id          uuid not null references organizations (id),
    id              uuid primary key,
    name            text not null,
    description     text not null,
    source          text not null check (source in ('manual', 'scim', 'oidc')),   -- who keeps it: people here, or a directory elsewhere
    members         int not null default 0,     -- this and the next are kept by triggers
    channels        int not null default 0,
    version         bigint not null,            -- one more with each change of name or description
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    unique (org_id, id)
);

-- A name is of one group; the list by name.
create unique index user_groups_name on user_groups (org_id, (lower(normalize(name, NFC) collate "und-x-icu")));

-- One row: somebody is in a group.
create table group_members (
    org_id          uuid not null,
    group_id        uuid not null,
    subject_id      uuid not null,
    added_at        timestamptz not null,
    primary key (group_id, subject_id),
    foreign key (org_id, group_id) references user_groups (org_id, id),
    foreign key (org_id, subject_id) references memberships (org_id, subject_id) on delete cascade
);

-- The groups of somebody: what it may see.
create index group_members_subject on group_members (org_id, subject_id, group_id);

-- One row: a channel that an administrator described, or that was seen in logs and nobody has looked at (discovered).
create table channels (
    org_id          uuid not null references organizations (id),
    id              uuid primary key,
    name            text not null,              -- as packages name it
    url             text,                       -- without credentials
    aliases         text[] not null,
    kind            text not null check (kind in ('public', 'private', 'local', 'defaults', 'discovered')),
    privacy         text not null check (privacy in ('private', 'internal', 'public')),
    allowed         boolean,                    -- null: nobody has decided
    description     text not null,
    groups          int not null default 0,     -- with access; kept by a trigger
    -- of channel_usage, of all its names together
    environments    bigint not null default 0,
    packages        bigint not null default 0,
    used_names      int not null default 0,
    first_seen_at   timestamptz,
    version         bigint not null,            -- one more with each change by a person
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    unique (org_id, id)
);

-- The list by name.
create index channels_by_name on channels (org_id, (lower(normalize(name, NFC) collate "und-x-icu")), id);

-- One row: a name in logs that means a channel: its name, an alias, its address.
create table channel_names (
    org_id          uuid not null,
    folded          text not null,              -- lower case by Unicode, composed
    channel_id      uuid not null,
    primary key (org_id, folded),
    foreign key (org_id, channel_id) references channels (org_id, id)
);

-- The names of a channel, when they change.
create index channel_names_channel on channel_names (channel_id);

-- One row: a group's access to a channel.
create table channel_groups (
    org_id          uuid not null,
    channel_id      uuid not null,
    group_id        uuid not null,
    access          text not null check (access in ('read', 'write', 'manage')),
    granted_at      timestamptz not null,
    primary key (channel_id, group_id),
    foreign key (org_id, channel_id) references channels (org_id, id),
    foreign key (org_id, group_id) references user_groups (org_id, id)
);

-- The channels of a group.
create index channel_groups_group on channel_groups (group_id, channel_id);

-- One row: a channel as packages in logs name it, counted by Ingest.
create table channel_usage (
    org_id          uuid not null,
    name            text collate "C" not null,
    folded          text not null generated always as (lower(normalize(name, NFC) collate "und-x-icu")) stored,
    environments    bigint not null,
    packages        bigint not null,
    first_seen_at   timestamptz not null,
    turn            bigint not null,            -- the count that the numbers are of
    primary key (org_id, name)
);

-- From the name of a channel to its numbers.
create index channel_usage_folded on channel_usage (org_id, folded);

-- One row: the latest count of an organization's channels that arrived, and the latest that arrived in full.
create table channel_counts (
    org_id          uuid primary key,
    turn            bigint not null,
    arrived         int not null,               -- parts of this count
    whole_at        timestamptz                 -- when the latest whole one was made; null: none yet
);

-- One row: how an organization gives out the seats of a product. None: no limit, and everybody has a seat.
create table products (
    org_id          uuid not null references organizations (id),
    product         text not null check (product in ('environments', 'audit_api')),
    seat_limit      int check (seat_limit >= 0),    -- null: none
    auto_assign     boolean not null default true,
    assigned        int not null default 0 check (assigned >= 0),   -- seats that are granted
    reserved        int not null default 0 check (reserved >= 0),   -- seats that pending invitations promise
    version         bigint not null default 1,
    primary key (org_id, product)
);

-- One row: somebody was given a seat by name, or lost it. Where nobody was told of a limit, everybody without a row has one.
create table seats (
    org_id          uuid not null,
    product         text not null,
    subject_id      uuid not null,
    granted         boolean not null,
    changed_at      timestamptz not null,
    primary key (org_id, product, subject_id),
    foreign key (org_id, product) references products (org_id, product),
    -- Not on delete cascade: whoever ends a membership frees its seats, or the numbers would be wrong.
    foreign key (org_id, subject_id) references memberships (org_id, subject_id)
);

-- The seats of somebody who leaves.
create index seats_subject on seats (org_id, subject_id);

-- One row: seats that a pending invitation promises to whoever accepts it.
create table seat_reservations (
    org_id          uuid not null,
    product         text not null,
    invitation_id   uuid not null,
    seats           int not null check (seats >= 0),
    primary key (org_id, invitation_id, product),
    foreign key (org_id, product) references products (org_id, product)
);

-- Keeps the numbers of members of groups exact, whichever statement changes them. Rows are locked in one order, so that nobody waits in a
-- circle.
create function count_group_members() returns trigger language plpgsql as $$
declare
    group_ids uuid[];
begin
    if tg_op = 'INSERT' then
        group_ids := array(select group_id from came);
    else
        group_ids := array(select group_id from went);
    end if;

    perform from user_groups where id = any(group_ids) order by id for update;
    update user_groups g set members = g.members + moved.n * (case tg_op when 'INSERT' then 1 else -1 end)
    from (select group_id, count(*)::int as n from unnest(group_ids) as group_id group by group_id) moved
    where g.id = moved.group_id;
    return null;
end $$;

create trigger count_came after insert on group_members referencing new table as came
    for each statement execute function count_group_members();
create trigger count_went after delete on group_members referencing old table as went
    for each statement execute function count_group_members();

-- The same for which groups have access to which channels, on both sides.
create function count_channel_groups() returns trigger language plpgsql as $$
declare
    group_ids uuid[];
    channel_ids uuid[];
    change int := case tg_op when 'INSERT' then 1 else -1 end;
begin
    if tg_op = 'INSERT' then
        group_ids := array(select group_id from came);
        channel_ids := array(select channel_id from came);
    else
        group_ids := array(select group_id from went);
        channel_ids := array(select channel_id from went);
    end if;

    perform from channels where id = any(channel_ids) order by id for update;
    update channels c set groups = c.groups + moved.n * change
    from (select channel_id, count(*)::int as n from unnest(channel_ids) as channel_id group by channel_id) moved
    where c.id = moved.channel_id;
    perform from user_groups where id = any(group_ids) order by id for update;
    update user_groups g set channels = g.channels + moved.n * change
    from (select group_id, count(*)::int as n from unnest(group_ids) as group_id group by group_id) moved
    where g.id = moved.group_id;
    return null;
end $$;

create trigger count_came after insert on channel_groups referencing new table as came
    for each statement execute function count_channel_groups();
create trigger count_went after delete on channel_groups referencing old table as went
    for each statement execute function count_channel_groups();
