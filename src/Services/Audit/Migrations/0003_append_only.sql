-- The service may only append, and so cannot create tables: partitions are created with the rights of the owner.
alter function ensure_audit_partition(timestamptz) security definer set search_path = public, pg_temp;
