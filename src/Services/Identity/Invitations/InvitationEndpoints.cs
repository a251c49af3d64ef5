using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Invitations;

internal static class InvitationEndpoints
{
    public static void MapInvitations(this IEndpointRouteBuilder app)
    {
        app.MapGroup("/api/v1/orgs/{org}/members").RequireAuthorization(Permission.InvitationsWrite).WithTags("Members").MapInviteMember();
        var invitations = app.MapGroup("/api/v1/orgs/{org}/invitations").RequireAuthorization(Permission.InvitationsWrite)
            .WithTags("Invitations");
        invitations.MapListInvitations();
        invitations.MapCreateInvitations();
        invitations.MapChangeInvitations();
        invitations.MapResendInvitation();
        invitations.MapRevokeInvitation();
        var mine = app.MapGroup("/api/v1/me/invitations").RequireAuthorization(Access.Account).WithTags("Invitations");
        mine.MapListMyInvitations();
        mine.MapAcceptInvitation();
        mine.MapAcceptInvitationByToken();
        mine.MapDeclineInvitation();
        app.MapGroup("/api/v1").WithTags("Invitations").MapJoinByInvitation();
        var held = app.MapGroup("/api/v1/invitations").RequireAuthorization(Access.Forwarded).WithTags("Invitations");
        held.MapLookUpInvitation();
        held.MapDeclineInvitationByToken();
    }
}
