-- The organization's slug as its latest event that said one knew it: what a service does by itself does not say it.
alter table audit_heads add column org_name text;
