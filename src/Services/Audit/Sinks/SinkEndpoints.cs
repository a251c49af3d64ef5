using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Audit.Sinks;

/// <summary>Receivers elsewhere to which an organization's log is sent: make, change, pause, test, send again.</summary>
internal static class SinkEndpoints
{
    public static void AddSinks(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ReceiverNetwork>();
        builder.Services.AddSingleton<SinkSecrets>();
        builder.Services.AddSingleton<Deliveries>();
        builder.Services.AddListeningWork<RunSinks>();
    }

    public static void MapSinks(this IEndpointRouteBuilder app)
    {
        var sinks = app.MapGroup("/api/v1/orgs/{org}/audit-sinks").WithTags("Audit sinks").AddEndpointFilter((context, next) =>
            Caller.From(context.HttpContext) is { } caller && Product.Refuse(caller, Product.AuditApi) is { } refusal
                ? ValueTask.FromResult<object?>(refusal)
                : next(context));
        sinks.MapReadSinks();
        sinks.MapCreateSink();
        sinks.MapUpdateSink();
        sinks.MapDeleteSink();
        sinks.MapSwitchSink();
        sinks.MapTestSink();
        sinks.MapReplaySink();
        sinks.MapRotateSecret();
    }
}
