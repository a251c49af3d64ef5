using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Audit.Sinks;
using EnvPlatform.Idempotency;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("audit");
builder.Services.AddValidation();
builder.AddPostgres("audit", typeof(Program).Assembly);
builder.AddAuditLogs();
builder.AddSinks();
builder.AddMessaging("audit", bus =>
{
    bus.AddConsumer<AppendEvents, AppendEvents.Definition>();
    bus.AddConsumer<EraseSinks>();
});

var app = builder.Build();
app.UseAuditLogs();
app.UseServiceDefaults();
app.UseIdempotency();
app.MapAuditLogs();
app.MapSinks();
await app.RunAsync();
