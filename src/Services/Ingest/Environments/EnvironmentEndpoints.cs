using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Ingest.Environments;

/// <summary>The public operations on environments.</summary>
internal static class EnvironmentEndpoints
{
    public static void MapEnvironments(this IEndpointRouteBuilder app)
    {
        var organization = app.MapGroup("/api/v1/orgs/{org}").WithTags("Environments");
        organization.MapLogEnvironment();

        var environments = organization.MapGroup("/environments").RequireAuthorization(Permission.EnvironmentsRead);
        environments.MapListEnvironments();
        environments.MapGetEnvironment();
        environments.MapListPackages();
        environments.MapGetHistory();
        environments.MapExportSbom();
        environments.MapArchiveEnvironment();
        environments.MapRemoveEnvironment();
    }
}
