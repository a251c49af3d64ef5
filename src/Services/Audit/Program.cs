using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Idempotency;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("audit");
builder.AddPostgres("audit", typeof(Program).Assembly);
builder.AddAuditLogs();
builder.AddMessaging("audit", bus => bus.AddConsumer<AppendEvents, AppendEvents.Definition>());

var app = builder.Build();
app.UseAuditLogs();
app.UseServiceDefaults();
app.UseIdempotency();
app.MapAuditLogs();
await app.RunAsync();
