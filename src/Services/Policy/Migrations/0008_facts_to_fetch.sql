-- One row: a set of which Scanner, or an organization's log, may have something new to tell. Whoever has stored it deletes the row in the
-- same transaction, if nobody has asked again meanwhile.
create table facts_to_fetch (
    org_id          uuid not null,
    package_set_id  bigint not null,
    request         bigint not null generated always as identity,  -- another one each time somebody asks
    is_mass         boolean not null,               -- one of many that one change concerns: those that are on their own come first
    primary key (org_id, package_set_id)
);
-- What is fetched next.
create index facts_to_fetch_next on facts_to_fetch (is_mass, package_set_id, org_id);

-- What was scanned before there were facts.
insert into facts_to_fetch (org_id, package_set_id, is_mass) select org_id, package_set_id, true from scan_facts;

-- Since when no environment of the organization has held the set; null: one does, or nobody has looked yet. Its facts are dropped some time.
alter table scan_facts add column unused_since timestamptz;
-- The organizations that were told of a set.
create index scan_facts_set on scan_facts (package_set_id);
-- Sets that wait for their first facts.
create index scan_facts_without on scan_facts (org_id, package_set_id) where facts_at is null;
-- What nobody holds any more.
create index scan_facts_unused on scan_facts (unused_since) where unused_since is not null;
-- What has gone long ago.
create index package_findings_gone on package_findings (gone_at) where gone_at is not null;
