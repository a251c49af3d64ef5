using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Products;

namespace EnvPlatform.Identity.Organizations;

/// <summary>An organization of the caller's, the caller's role in it, and what of its settings an agent acts on.</summary>
/// <param name="EnvironmentsEnabled">False: logs are refused, and nothing is blocked.</param>
/// <param name="EnvironmentsRequired">Whether members are told that they must, not that they should, log their environments.</param>
/// <param name="Products">Those that the caller has a seat of.</param>
/// <param name="AgentFailMode">
/// What an agent does at an activation while the platform is away: <c>cached</c> (the last verdict), <c>open</c> or <c>closed</c>.
/// </param>
internal sealed record MyOrganization(
    OrganizationId Id, string Slug, string Name, string Role, bool EnvironmentsEnabled, bool EnvironmentsRequired, string AgentFailMode,
    string[] Products)
{
    /// <summary>Of the memberships <c>m</c>, organizations <c>o</c> and settings <c>g</c>.</summary>
    public const string Columns =
        $"""
        o.id, o.slug, o.name, m.role, g.environments_enabled, g.environments_required, g.agent_fail_mode,
        {Seats.ProductsOfMember} as products
        """;
}
