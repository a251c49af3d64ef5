using EnvPlatform.AppHost;
using EnvPlatform.AppHost.Commands;
using EnvPlatform.LocalServers;

if (!AppHostOptions.TryParse(args, out var options))
{
    return 64;
}

var builder = DistributedApplication.CreateBuilder(options.ToBuilderOptions());
using var folder = builder.ExecutionContext.IsRunMode ? DataFolder.TryOpen(options.Data) : null;
if (builder.ExecutionContext.IsRunMode && (folder is null || !await options.CanRunAsync()))
{
    return 1;
}

// Servers.
var postgres = builder.AddPostgres("postgres", password: builder.AddSecret("postgres-password", 32, folder)).WithDataVolume();
var messaging = builder.AddRabbitMQ("messaging", password: builder.AddSecret("messaging-password", 32, folder)).WithDataVolume();
var redis = builder.AddRedis("redis", password: builder.AddSecret("redis-password", 32, folder));

// They are containers when published or with --containers, otherwise processes of this machine. Each service has a database of its own, and
// is a user of each server who may do no more than it needs.
var databases = new Databases(postgres, folder, options.Containers);
var broker = new Broker(messaging, folder, options.Containers);
var cache = new Cache(redis, folder, options.Containers);

// Services.
var identity = AddService<Projects.Identity>("identity");
var ingest = AddService<Projects.Ingest>("ingest");
var scanner = AddService<Projects.Scanner>("scanner");
var policy = AddService<Projects.Policy>("policy");
var audit = AddService<Projects.Audit>("audit");

// The edge.
var gateway = builder.AddInstances<Projects.Gateway>("gateway", options, folder)
    .WithHttpEndpoint(options.Port)
    .Calls(identity, ingest, scanner, policy, audit)
    .WaitFor(identity, ingest, scanner, policy, audit);
broker.AddTo(gateway);
cache.AddTo(gateway);
cache.AddTo(policy);

// Which service calls which by gRPC.
gateway.CallsGrpc(identity);
ingest.CallsGrpc(identity, scanner);
scanner.CallsGrpc(ingest);
policy.CallsGrpc(ingest, identity, scanner);

// By this address, to the letter, programs know whom they sign in to: it is the one that is printed.
if (builder.ExecutionContext.IsRunMode)
{
    identity.WithEnvironment("PUBLIC_URL", options.PublicUrl);
}
else
{
    identity.WithEnvironment("PUBLIC_URL", gateway.First.GetEndpoint("http"));
}

if (folder is not null)
{
    identity.WithEnvironment("BOOTSTRAP_FILE", options.BootstrapFile);
    gateway.First.WithImportCommand(options.BootstrapFile).WithBootstrapCommand(options.BootstrapFile);
    messaging.WithRetryCommand();
}

return await builder.RunPlatformAsync(options, folder);

Instances AddService<TProject>(string name) where TProject : IProjectMetadata, new()
{
    var service = builder.AddInstances<TProject>(name, options, folder)
        .WithSecret("SERVICE_SECRET")
        .WithHttpEndpoint()
        .WithGrpcEndpoint();
    databases.AddTo(service);
    broker.AddTo(service);
    return service;
}
