using EnvPlatform.Idempotency;
using EnvPlatform.Policy;
using EnvPlatform.Policy.Activations;
using EnvPlatform.Policy.Decisions;
using EnvPlatform.Policy.Directories;
using EnvPlatform.Policy.Exceptions;
using EnvPlatform.Policy.Facts;
using EnvPlatform.Policy.Organizations;
using EnvPlatform.Policy.Policies;
using EnvPlatform.Policy.Scans;
using EnvPlatform.Policy.Statuses;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;

using MassTransit;

using IngestEnvironments = EnvPlatform.Contracts.Ingest.Environments;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("policy");
builder.Services.AddValidation();
builder.Services.AddOptions<PolicyOptions>().BindConfiguration(PolicyOptions.Section).ValidateDataAnnotations().ValidateOnStart();
builder.AddPostgres("policy", typeof(Program).Assembly);
builder.AddServiceClient<IngestEnvironments.EnvironmentsClient>("ingest");
builder.AddActivations();
builder.AddStatuses();
builder.AddPolicies();
builder.AddDecisions();
builder.AddExceptions();
builder.AddDirectories();
builder.AddFacts();
builder.AddMessaging("policy", bus =>
{
    bus.AddConsumer<PlaceEnvironments, PlaceEnvironments.Definition>();
    bus.AddConsumer<RenameEnvironments, RenameEnvironments.Definition>();
    bus.AddConsumer<ForgetEnvironments, ForgetEnvironments.Definition>();
    bus.AddConsumer<MergeEnvironments>();
    bus.AddConsumer<EraseOrganization>();
    bus.AddConsumer<StoreScanResults, StoreScanResults.Definition>();
    bus.AddConsumer<RefreshFacts>();
    bus.AddConsumer<DropAnswers, DropAnswers.Definition>();
    bus.AddDirectories();
});

var app = builder.Build();
app.UseServiceDefaults();
app.UseIdempotency();
app.MapStatuses();
app.MapCheckActivation();
app.MapPolicies();
app.MapDecisions();
app.MapExceptions();
await app.RunAsync();
