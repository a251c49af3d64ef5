using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Scans on request.</summary>
internal static class ScanEndpoints
{
    public static void MapScans(this IEndpointRouteBuilder app)
    {
        var organization = app.MapGroup("/api/v1/orgs/{org}").RequireAuthorization(Permission.EnvironmentsLog).WithTags("Scans");
        organization.MapScanNow();
        organization.MapScanPackages();
    }
}
