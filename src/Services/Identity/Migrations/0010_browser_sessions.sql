-- A session ends when it was not used for so many minutes; null: only when it expires. authenticated_at is when its bearer last showed who
-- it is, which some changes ask to be a short time ago; null for what is no session.
alter table tokens
    add column idle_minutes int check (idle_minutes > 0),
    add column authenticated_at timestamptz;

-- One row: a key of ASP.NET Core's data protection, the same for all instances. Its secret is encrypted with a key that is not in the
-- database.
create table data_protection_keys (
    name            text primary key,
    xml             text not null,
    created_at      timestamptz not null
);
