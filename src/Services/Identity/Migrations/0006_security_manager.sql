-- A role that judges environments and vulnerabilities and manages no people.
alter table memberships
    drop constraint memberships_role_check,
    add constraint memberships_role_check check (role in ('member', 'auditor', 'security_manager', 'administrator'));

alter table invitations
    drop constraint invitations_role_check,
    add constraint invitations_role_check check (role in ('member', 'auditor', 'security_manager', 'administrator'));
