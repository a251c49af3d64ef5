using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Authorization;

namespace EnvPlatform.Identity;

/// <summary>What <see cref="Roles"/> has no name for.</summary>
internal static class Policies
{
    /// <summary>Whoever has any role in the organization of the request.</summary>
    public static AuthorizationPolicy AnyRole { get; } = new AuthorizationPolicyBuilder().RequireRole(Roles.OfOrganization).Build();
}
