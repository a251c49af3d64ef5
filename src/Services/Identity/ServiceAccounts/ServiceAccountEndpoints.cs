namespace EnvPlatform.Identity.ServiceAccounts;

internal static class ServiceAccountEndpoints
{
    public static void MapServiceAccounts(this IEndpointRouteBuilder app)
    {
        var accounts = app.MapGroup("/api/v1/orgs/{org}/service-accounts").WithTags("Service accounts");
        accounts.MapCreateServiceAccount();
        accounts.MapListServiceAccounts();
        accounts.MapGetServiceAccount();
        accounts.MapUpdateServiceAccount();
        accounts.MapDeleteServiceAccount();
        accounts.MapAddSecret();
        accounts.MapDeleteSecret();
        accounts.MapAddTrust();
        accounts.MapRemoveTrust();
    }
}
