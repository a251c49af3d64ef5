-- The service reads and writes rows and cannot create tables: partitions are created with the rights of the owner.
alter function make_environment_log_partitions(timestamptz, int) security definer set search_path = public, pg_temp;
