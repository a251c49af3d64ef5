namespace EnvPlatform.Identity.Groups;

internal static class GroupEndpoints
{
    public static void MapGroups(this IEndpointRouteBuilder app)
    {
        var groups = app.MapGroup("/api/v1/orgs/{org}/groups").WithTags("Groups");
        groups.MapListGroups();
        groups.MapCreateGroup();
        groups.MapGetGroup();
        groups.MapUpdateGroup();
        groups.MapDeleteGroup();
        groups.MapListGroupMembers();
        groups.MapAddGroupMember();
        groups.MapRemoveGroupMember();
        groups.MapChangeGroupMembers();
        groups.MapListGroupChannels();
    }
}
