using EnvPlatform.Identity.Directories;
using EnvPlatform.Identity.Machines;
using EnvPlatform.Identity.Refusals;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity;

/// <summary>What other services ask.</summary>
internal static class GrpcServers
{
    public static void MapGrpcServers(this IEndpointRouteBuilder app)
    {
        app.MapGrpcService<TokensGrpc>().RequireAuthorization(Access.GatewayOnly);
        app.MapGrpcService<MachinesGrpc>().RequireAuthorization(Access.Service);
        app.MapGrpcService<DirectoriesGrpc>().RequireAuthorization(Access.Service);
        app.MapGrpcService<RefusalsGrpc>().RequireAuthorization(Access.GatewayOnly);
    }
}
