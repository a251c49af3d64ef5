-- An invitation is meant for an address, or it is a link that several people may follow: then `email` is null, `max_uses` says how many, and
-- `uses` how many have. `sends` counts how often it was given out, lately at `sent_at`: an organization may do so some hundred times a day.
-- `mail_state` is null where the token was shown to the administrator; otherwise it goes by mail, each time with another token, and is
-- known to nobody but whoever reads that mail.
alter table invitations
    alter column email drop not null,
    add column max_uses int check (max_uses between 1 and 500),
    add column uses int not null default 0,
    add column email_domain text,               -- lower case; of whoever follows the link; null: any
    add column message text,
    add column group_ids uuid[] not null default '{}',      -- that whoever accepts is put into, where they are there still
    add column products text[] not null default '{}',       -- of which a seat is promised
    add column sent_at timestamptz,
    add column sends int not null default 1,
    add column mail_state text check (mail_state in ('queued', 'sent', 'failed')),
    add column mail_due_at timestamptz,         -- when the next try is due
    add column mail_tries int not null default 0,
    add column mail_error text,
    add constraint invitations_kind check ((email is null) = (max_uses is not null)),
    add constraint invitations_link check (max_uses is null or (role = 'member' and uses <= max_uses));

update invitations set sent_at = created_at;

-- How many an organization gave out in a day.
create index invitations_sent_at on invitations (org_id, sent_at);

-- The mails that are due.
create index invitations_mail_due_at on invitations (mail_due_at) where mail_due_at is not null;
