using EnvPlatform.Scanner.Repodata;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>Imports of advisories, by operators.</summary>
internal static class ImportEndpoints
{
    public static void MapImports(this IEndpointRouteBuilder app)
    {
        var imports = app.MapGroup("/api/v1/advisories/imports").RequireAuthorization(Access.Operator).WithTags("Advisories");
        imports.MapImportAdvisories();
        imports.MapGetImport();
        imports.MapListImports();
        imports.MapListRejections();
        app.MapListCompleteSources();
        app.MapListChannels();
    }
}
