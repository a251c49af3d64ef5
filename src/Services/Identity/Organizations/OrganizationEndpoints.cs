namespace EnvPlatform.Identity.Organizations;

internal static class OrganizationEndpoints
{
    public static void MapOrganizations(this IEndpointRouteBuilder app)
    {
        var organizations = app.MapGroup("/api/v1/orgs").WithTags("Organizations");
        organizations.MapCreateOrganization();
        organizations.MapListOrganizations();
        organizations.MapGetOrganization();
        organizations.MapUpdateOrganization();
        organizations.MapGetSettings();
        organizations.MapUpdateSettings();
        organizations.MapDeleteOrganization();
        organizations.MapRestoreOrganization();
        var me = app.MapGroup("/api/v1/me").WithTags("Organizations");
        me.MapGetMe();
        me.MapListMyOrganizations();
    }
}
