-- An administrator lists the tokens of the organization.
create index tokens_of_organization on tokens (org_id, id) where revoked_at is null;
