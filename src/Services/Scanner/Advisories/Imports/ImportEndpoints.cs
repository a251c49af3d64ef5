using EnvPlatform.ServiceDefaults.Identity;

namespace EnvPlatform.Scanner.Advisories.Imports;

/// <summary>Imports of advisories, by operators.</summary>
internal static class ImportEndpoints
{
    public static void MapImports(this IEndpointRouteBuilder app)
    {
        var imports = app.MapGroup("/api/v1/advisories/imports").RequireAuthorization(Roles.Operator).WithTags("Advisories");
        imports.MapImportAdvisories();
        imports.MapGetImport();
        imports.MapListImports();
        imports.MapListRejections();
    }
}
