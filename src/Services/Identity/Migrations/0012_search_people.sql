-- Name and e-mail address as search compares them: lower case by Unicode, composed. Folding ten thousand of them for each search takes longer
-- than the rest of the list.
alter table subjects add column folded text not null
    generated always as (lower(normalize(display_name || E'\n' || coalesce(email, ''), NFC) collate "und-x-icu")) stored;
