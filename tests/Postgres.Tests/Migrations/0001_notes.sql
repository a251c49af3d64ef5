-- One row: something that a test wrote.
create table notes (id bigint generated always as identity primary key, org_id uuid, text text not null, at timestamptz);
