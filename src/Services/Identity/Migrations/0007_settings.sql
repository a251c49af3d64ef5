-- Permissions that a token is good for, at most; null: all that its bearer's role allows.
alter table tokens add column scopes text[];

-- One row: what an organization has decided for everybody in it.
create table organization_settings (
    org_id                      uuid primary key references organizations (id),
    version                     bigint not null default 1,
    environments_enabled        boolean not null default false,
    environments_required       boolean not null default false,     -- how members are asked: required, or only recommended
    device_sign_in_allowed      boolean not null default true,
    member_tokens_allowed       boolean not null default true,
    token_max_days              int not null default 365 check (token_max_days between 1 and 3650),
    session_hours               int not null default 12 check (session_hours between 1 and 720),
    session_idle_minutes        int not null default 60 check (session_idle_minutes between 5 and 43200),
    invitation_days             int not null default 7 check (invitation_days between 1 and 30),
    allowed_email_domains       text[] not null default '{}',       -- lower case; empty: any
    agent_fail_mode             text not null default 'cached' check (agent_fail_mode in ('cached', 'open', 'closed')),
    enforcement_paused_until    timestamptz,
    enforcement_pause_reason    text,
    updated_at                  timestamptz not null,
    check ((enforcement_paused_until is null) = (enforcement_pause_reason is null))
);

-- The logs of the organizations that are there were taken until now.
insert into organization_settings (org_id, environments_enabled, session_idle_minutes, updated_at)
select id, true, 720, created_at from organizations;
