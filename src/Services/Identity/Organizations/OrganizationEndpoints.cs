namespace EnvPlatform.Identity.Organizations;

internal static class OrganizationEndpoints
{
    public static void MapOrganizations(this IEndpointRouteBuilder app)
    {
        app.MapGroup("/api/v1/orgs").WithTags("Organizations").MapCreateOrganization();
        app.MapGroup("/api/v1").WithTags("Organizations").MapGetMe();
    }
}
