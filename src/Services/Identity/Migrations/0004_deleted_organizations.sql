-- An organization that was deleted answers as one that never was, and can be restored until what it had is erased. Its row stays, so that
-- its slug is never given again.
alter table organizations add column deleted_at timestamptz;
alter table organizations add column erased_at timestamptz;

-- Which are to be erased; there are few.
create index organizations_deleted on organizations (deleted_at) where deleted_at is not null and erased_at is null;
