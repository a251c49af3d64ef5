using System.Diagnostics;

using EnvPlatform.Gateway.Callers;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.AspNetCore.Http.Features;

namespace EnvPlatform.Gateway.Refusals;

/// <summary>
/// A file that is larger than its route allows never reaches the service that takes it in, so the gateway tells of it. A route names the
/// action of the audit log, and the operation, in its metadata.
/// </summary>
internal static class TooLargeFiles
{
    private const string Action = "RefusalAction";
    private const string Operation = "RefusalOperation";

    public static void AddRefusals(this WebApplicationBuilder builder)
    {
        builder.AddServiceClient<Contracts.Identity.Refusals.RefusalsClient>("identity");
        builder.Services.AddHostedService<ReportRefusals>();
    }

    public static void Record(HttpContext http, string detail)
    {
        var route = http.GetReverseProxyFeature().Route.Config;
        if (!HttpMethods.IsPost(http.Request.Method) || http.Features.Get<Bearer>() is not { } bearer
            || route.Metadata?.GetValueOrDefault(Action) is not { } action)
        {
            return;
        }

        var services = http.RequestServices;
        var caller = bearer.CallerOf(
            http.Features.GetRequiredFeature<RequestOrigin>(), services.GetRequiredService<ServiceName>().Value);
        services.GetRequiredService<RefusalLog>().Add(new Refusal(
            RequestedOrganization.NameIn(http) is null ? caller with { Organization = null } : caller, action,
            route.Metadata.GetValueOrDefault(Operation) ?? route.RouteId, http.Request.Method, http.Request.Path.Value ?? "",
            StatusCodes.Status413PayloadTooLarge, "too_large", detail, services.GetRequiredService<TimeProvider>().GetUtcNow(),
            Activity.Current?.Id));
    }
}
