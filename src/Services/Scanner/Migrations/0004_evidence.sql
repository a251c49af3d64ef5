-- Each stored finding explains itself: what the package was taken for and why, and which advisories affect it by which of their ranges.
alter table packages
    add column basis         text not null default 'none',      -- the rule that named the project
    add column basis_reason  text,                              -- the rule's own words for this package
    add column version_order text not null default 'generic';   -- in which its version was compared
alter table package_findings
    add column matches       jsonb not null default '[]';       -- [{advisory, entry, range, listed, fixed_in}]

-- What is stored has no reasons yet: the next start matches every package again, as after another edition of the tables.
update advisory_state set starter_sha256 = '\x' where starter_sha256 is not null;
