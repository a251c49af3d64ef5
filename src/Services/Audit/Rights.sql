-- What is in the audit log stays as it is: the service can only append to it.
do $$
begin
    execute format('revoke update, delete on audit_events, audit_event_ids from %I', current_setting('envplatform.role'));
end $$
