-- Who ended an exception before its time, and why; all null where time did, or where it was refused.
alter table exceptions
    add column ended_by         uuid,
    add column ended_by_email   text,
    add column ended_reason     text;
-- The newest first, page by page.
create index exceptions_of_requester on exceptions (org_id, requested_by, exception_id);
-- What ends next without an answer.
create index exceptions_overdue on exceptions (requested_until) where state = 'requested';

-- Whoever writes an exception wakes those who end them.
create function notify_exceptions() returns trigger language plpgsql as
    $$ begin perform pg_notify('exceptions', ''); return null; end $$;
create trigger exceptions_written after insert or update on exceptions
    for each statement execute function notify_exceptions();
