using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Members;

internal static class MemberEndpoints
{
    public static void MapMembers(this IEndpointRouteBuilder app)
    {
        var members = app.MapGroup("/api/v1/orgs/{org}/members").RequireAuthorization(Permission.MembersWrite).WithTags("Members");
        app.MapListRoles();
        members.MapListMembers();
        members.MapSetRole();
        members.MapRemoveMember();
    }
}
