using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Members;

internal static class MemberEndpoints
{
    public static void MapMembers(this IEndpointRouteBuilder app)
    {
        app.MapListRoles();
        app.MapLeaveOrganization();
        var members = app.MapGroup("/api/v1/orgs/{org}/members").WithTags("Members");
        var read = members.MapGroup("").RequireAuthorization(Permission.MembersRead);
        read.MapListMembers();
        read.MapGetMember();
        members.MapChangeMember();
        members.MapRemoveMember();
        members.MapSuspendMember();
        members.MapReinstateMember();
    }
}
