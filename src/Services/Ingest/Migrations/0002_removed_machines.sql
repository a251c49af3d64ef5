-- Removed ones stay for the environments' host names, and so that an older registration that comes late does not bring them back.
alter table machines add column removed_at timestamptz;
