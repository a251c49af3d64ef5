-- One row: a message that a committed transaction wants published. The relay publishes it, waits for the broker's confirm, and deletes it.
create table outbox (
    id              bigint generated always as identity primary key,
    message_id      uuid not null,
    message_type    text not null,              -- name of the contract, e.g. EnvironmentLogged
    body            text not null,              -- JSON
    trace_parent    text,                       -- W3C trace context of the request that wrote it
    trace_state     text,
    created_at      timestamptz not null default now(),
    attempts        int not null default 0,     -- how often the broker returned or refused it
    not_before      timestamptz not null default now()
);

-- The relay takes the oldest rows that are due.
create index outbox_due on outbox (not_before, id);

-- One row: a message that a consumer has handled, written in the consumer's own transaction.
create table inbox (
    consumer        text not null,
    message_id      uuid not null,
    received_at     timestamptz not null default now(),
    primary key (consumer, message_id)
);

-- Old rows are dropped by age.
create index inbox_received_at on inbox (received_at);

-- One row: a write that carried an Idempotency-Key, and its answer once there is one.
create table idempotency_keys (
    scope           text not null,              -- who and what: subject, method, path
    key_sha256      bytea not null,
    request_sha256  bytea not null,             -- a key that comes again with another request is refused
    committed       boolean not null default false,
    status_code     int,
    content_type    text,
    body            bytea,                      -- encrypted under a key derived from the Idempotency-Key itself, which is not stored
    created_at      timestamptz not null default now(),
    primary key (scope, key_sha256)
);

-- Old rows are dropped by age.
create index idempotency_keys_created_at on idempotency_keys (created_at);
