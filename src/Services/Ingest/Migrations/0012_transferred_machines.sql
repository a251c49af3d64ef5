-- When the machine was last given to another owner; null: never, since this was noted. Drops messages that are older.
alter table machines add column transferred_at timestamptz;
