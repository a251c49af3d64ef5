using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>All settings of the organization, for who may change or judge them.</summary>
internal static class GetSettings
{
    internal static void MapGetSettings(this IEndpointRouteBuilder organizations) =>
        organizations.MapGet("/{org}/settings", HandleAsync).RequireAuthorization(Permission.SettingsRead).WithName(nameof(GetSettings))
            .WithSummary("The settings of the organization; the ETag is their version.");

    private static async Task<Ok<OrganizationSettings>> HandleAsync(
        Caller caller, HttpResponse http, NpgsqlDataSource db, CancellationToken ct)
    {
        var settings = await OrganizationSettings.FindAsync(db, caller.OrgId, ct);
        IfMatch.Tell(http, settings.Version);
        return TypedResults.Ok(settings);
    }
}
