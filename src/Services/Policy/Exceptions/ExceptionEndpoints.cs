using EnvPlatform.Postgres.Background;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>What policies leave out for a time: asked for by members, granted by those who write policies.</summary>
internal static class ExceptionEndpoints
{
    public static void AddExceptions(this IHostApplicationBuilder builder) => builder.Services.AddListeningWork<ExpireExceptions>();

    public static void MapExceptions(this IEndpointRouteBuilder app)
    {
        var exceptions = app.MapGroup("/api/v1/orgs/{org}/exceptions").WithTags("Exceptions");
        exceptions.MapListExceptions();
        exceptions.MapRequestException();
        exceptions.MapGetException();
        exceptions.MapGrantException();
        exceptions.MapRefuseException();
        exceptions.MapWithdrawException();
        exceptions.MapRevokeException();
    }
}
