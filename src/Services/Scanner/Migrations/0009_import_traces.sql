-- The trace of the request, or of the feed's sync, that an import belongs to (W3C traceparent): its audit event is of that trace. Null for
-- an import that was accepted before.
alter table imports add column trace_parent text;
