using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Members;

/// <summary>The roles that somebody can have in an organization, and what each may do.</summary>
internal static class ListRoles
{
    /// <param name="Items">From the least to the most.</param>
    /// <param name="Permissions">Every permission, and what it allows.</param>
    public sealed record Response(IReadOnlyList<Role> Items, IReadOnlyList<Explained> Permissions);

    /// <param name="Permissions">As operations ask for them: <c>x-permission</c> in the OpenAPI document.</param>
    public sealed record Role(string Name, IReadOnlyList<string> Permissions);

    public sealed record Explained(string Name, string Description);

    private static readonly Response Answer = new(
        [
            .. Roles.OfOrganization.Select(role => new Role(
                role, [.. Permission.All.Select(permission => permission.Name).Where(name => Roles.Allow(role, name))])),
        ],
        [.. Permission.All.Select(permission => new Explained(permission.Name, permission.Description))]);

    internal static void MapListRoles(this IEndpointRouteBuilder app) =>
        app.MapGet("/api/v1/roles", () => TypedResults.Ok(Answer)).RequireAuthorization(Access.Anyone).WithName(nameof(ListRoles))
            .WithSummary("The roles that somebody can have in an organization, and what each may do.").WithTags("Members");
}
