using EnvPlatform.Idempotency;
using EnvPlatform.Ingest;
using EnvPlatform.Ingest.Environments;
using EnvPlatform.Ingest.Machines;
using EnvPlatform.Ingest.Organizations;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using MassTransit;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("ingest");
builder.Services.AddValidation();
builder.Services.AddOptions<IngestOptions>().BindConfiguration(IngestOptions.Section).ValidateDataAnnotations().ValidateOnStart();
builder.AddPostgres("ingest", typeof(Program).Assembly);
builder.AddMessaging("ingest", bus =>
{
    bus.AddConsumer<StoreMachine>();
    bus.AddConsumer<ForgetMachine>();
    bus.AddConsumer<TransferEnvironments>();
    bus.AddConsumer<StoreStatus>();
    bus.AddConsumer<EraseOrganization>();
    bus.AddConsumer<StoreArchiveRetention>();
    bus.AddConsumer<StoreScanResults, StoreScanResults.Definition>();
});
builder.AddServiceClient<EnvPlatform.Contracts.Identity.Machines.MachinesClient>("identity");
builder.AddServiceClient<EnvPlatform.Contracts.Scanner.Findings.FindingsClient>("scanner");
builder.Services.AddSingleton<KnownPackages>();
builder.Services.AddSingleton<Quota>();
builder.Services.AddTransient<UnknownMachine>();
builder.Services.AddTransient<FindingsSource>();
builder.Services.AddTransient<SbomFindings>();
builder.Services.AddPeriodicWork<LogPartitions>();
builder.Services.AddPeriodicWork<MergePlaces>();
builder.Services.AddPeriodicWork<CountChannels>();
builder.Services.AddPeriodicWork<EraseArchivedEnvironments>();

var app = builder.Build();
app.UseServiceDefaults();
app.UseIdempotency();
app.MapEnvironments();
app.MapGrpcService<PackageSetsGrpc>().RequireAuthorization(Access.Service);
app.MapGrpcService<EnvironmentsGrpc>().RequireAuthorization(Access.Service);
await app.RunAsync();
