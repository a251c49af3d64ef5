using EnvPlatform.Audit.Exports;
using EnvPlatform.Audit.Proofs;
using EnvPlatform.Audit.Streams;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The audit log: append, list, get, stream, prove, export.</summary>
internal static class AuditLogEndpoints
{
    private const string Route = "/api/audit-logs";

    public static void AddAuditLogs(this IHostApplicationBuilder builder)
    {
        builder.Services.AddAuditReaders();
        builder.Services.AddPeriodicWork<AuditPartitions>();
        builder.Services.AddListeningWork<FollowAppends>();
        builder.Services.AddOptions<AuditOptions>().BindConfiguration(AuditOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<OpenStreams>();
        builder.AddProofs();
        builder.AddExports();
    }

    /// <summary>Must come first: this API answers 422 where the rest of the platform answers 400.</summary>
    public static void UseAuditLogs(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        if (!http.Request.Path.StartsWithSegments(Route, StringComparison.Ordinal)
            || !http.Request.QueryString.Value!.Contains("%00", StringComparison.Ordinal))
        {
            return next(http);
        }

        var answer = InvalidRequest.Of(
            "query", http.Request.Query.FirstOrDefault(pair => pair.Value.ToString().Contains('\0', StringComparison.Ordinal)).Key ?? "",
            "Holds a NUL character.", "value_error");
        return TypedResults.UnprocessableEntity(answer).ExecuteAsync(http);
    });

    public static void MapAuditLogs(this IEndpointRouteBuilder app)
    {
        var logs = app.MapGroup(Route).WithTags("Audit log").WithMetadata(new UnknownParameterAnswer(
            (name, message) => TypedResults.UnprocessableEntity(InvalidRequest.Of("query", name, message, "extra_forbidden"))));
        logs.MapListActions();
        var events = logs.MapGroup("").AddEndpointFilter((context, next) =>
            Caller.From(context.HttpContext) is { } caller && Product.Refuse(caller, Product.AuditApi) is { } refusal
                ? ValueTask.FromResult<object?>(refusal)
                : next(context));
        events.MapListAuditLogs();
        events.MapStreamAuditLog();
        events.MapProofs();
        events.MapExports();
        events.MapGetAuditLog();
    }
}
