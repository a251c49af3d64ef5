-- What is in the audit log stays as it is: the service can only append to it, to its tree and to its keys.
do $$
begin
    execute format('revoke update, delete on audit_events, audit_event_ids, audit_tree_hashes, audit_signing_keys from %I',
        current_setting('envplatform.role'));
end $$
