-- The Merkle tree of a log (RFC 6962): its leaves are those of the events, in the order of their numbers. An older version appends without
-- it; what is missing is added later.
alter table audit_heads
    add column tree_size bigint not null default 0,     -- leaves in the tree; behind size where the tree is being caught up
    add column tree_edge bytea not null default '';     -- roots of its largest full subtrees, from left to right, 32 bytes each

-- The trees that are behind their logs.
create index audit_heads_behind on audit_heads (org_id) where tree_size < size;

-- One row: hashes of one level of a tree that were added by one transaction. They do not cross a multiple of 256, so that a tile
-- (C2SP tlog-tiles) is the hashes of a few rows. Rows are only ever inserted, and stay when the events of old months are dropped.
create table audit_tree_hashes (
    org_id              uuid not null,
    level               smallint not null,              -- 0: leaves; each hash of a level is the root over 256 of the one below
    first_index         bigint not null,                -- of the first hash, in its level
    hashes              bytea not null,                 -- 32 bytes each
    primary key (org_id, level, first_index),
    constraint audit_tree_hashes_size check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
    constraint audit_tree_hashes_tile check (first_index % 256 + octet_length(hashes) / 32 <= 256)
);

-- Hashes do not compress.
alter table audit_tree_hashes alter column hashes set storage external;

-- One row: a key that signs checkpoints, from a time until another one.
create table audit_signing_keys (
    public_key          bytea primary key,              -- Ed25519, 32 bytes
    sealed_key          bytea not null,                 -- the private key, AES-256-GCM under a key derived from the service's secret
    valid_from          timestamptz not null,
    valid_until         timestamptz not null,
    constraint audit_signing_keys_size check (octet_length(public_key) = 32 and octet_length(sealed_key) = 60)
);

-- One row: the latest signed checkpoint of a log.
create table audit_checkpoints (
    org_id              uuid primary key,
    size                bigint not null,                -- leaves of the tree that is signed
    signed_at           timestamptz not null,
    note                text not null                   -- C2SP tlog-checkpoint
);
