using EnvPlatform.ServiceDefaults.Identity;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Scans that somebody asks for.</summary>
internal static class ScanEndpoints
{
    public static void MapScans(this IEndpointRouteBuilder app)
    {
        var organization = app.MapGroup("/api/v1/orgs/{org}").RequireAuthorization(Roles.Member).WithTags("Scans");
        organization.MapScanNow();
        organization.MapScanPackages();
    }
}
