using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Idempotency;
using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Background;
using EnvPlatform.Scanner;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Advisories.Feeds;
using EnvPlatform.Scanner.Advisories.Imports;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Organizations;
using EnvPlatform.Scanner.Scans;
using EnvPlatform.Scanner.Search;
using EnvPlatform.Scanner.Vulnerabilities;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using MassTransit;

using IngestEnvironments = EnvPlatform.Contracts.Ingest.Environments;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("scanner");
builder.Services.AddValidation();
builder.Services.AddOptions<ScannerOptions>().BindConfiguration(ScannerOptions.Section).ValidateDataAnnotations()
    .Validate(options => options.AreAliasesValid(),
        "Scanner:ChannelAliases: a channel is empty, or what it is a mirror of is no known channel.").ValidateOnStart();
builder.AddPostgres("scanner", typeof(Program).Assembly);
builder.AddServiceClient<PackageSets.PackageSetsClient>("ingest");
builder.AddServiceClient<IngestEnvironments.EnvironmentsClient>("ingest");
builder.Services.AddTransient<EnvironmentDescriptions>();
builder.AddAdvisories();
builder.Services.AddSingleton<PackageSetSource>();
builder.Services.AddSingleton<ScansAtOnce>();
builder.Services.AddListeningWork<ExpireCurations>();
builder.AddMessaging("scanner", bus =>
{
    bus.AddConsumer<ScanEnvironment, ScanEnvironment.Definition>();
    bus.AddConsumer<RenameEnvironment>();
    bus.AddConsumer<ForgetEnvironment>();
    bus.AddConsumer<ArchiveEnvironment>();
    bus.AddConsumer<EraseOrganization>();
});

var app = builder.Build();
app.UseServiceDefaults();
app.UseIdempotency();
app.MapImports();
app.MapFeeds();
app.MapScans();
app.MapVulnerabilities();
app.MapCurations();
app.MapSearch();
app.MapGrpcService<FindingsGrpc>().RequireAuthorization(Access.Service);
await app.RunAsync();

/// <summary>Matches package sets to advisories, keeps the findings, and answers which environments a vulnerability affects.</summary>
public partial class Program;
