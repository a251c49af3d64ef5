-- One row: what an organization has added on its last day (UTC) that nobody had logged before.
create table organization_additions (
    org_id          uuid primary key,
    day             date not null,
    packages        bigint not null,            -- new ones
    entries         bigint not null             -- packages of new sets
) with (fillfactor = 50);
