-- The organizations of a subject in the order in which it joined them: the first, the only one, and the list.
create index memberships_joined on memberships (subject_id, created_at, org_id);
drop index memberships_subject;
