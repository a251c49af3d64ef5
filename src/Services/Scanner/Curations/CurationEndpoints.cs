using EnvPlatform.Scanner.Curations.Vex;

namespace EnvPlatform.Scanner.Curations;

/// <summary>An organization's verdicts on vulnerabilities.</summary>
internal static class CurationEndpoints
{
    public static void MapCurations(this IEndpointRouteBuilder app)
    {
        var vulnerabilities = app.MapGroup("/api/v1/orgs/{org}/vulnerabilities").WithTags("Curations");
        vulnerabilities.MapCurateVulnerability();
        vulnerabilities.MapTakeBackCuration();
        vulnerabilities.MapListCurations();
        vulnerabilities.MapExportVex();
        vulnerabilities.MapImportVex();
    }
}
