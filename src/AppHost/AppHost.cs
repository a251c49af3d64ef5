using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using EnvPlatform.AppHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

var builder = DistributedApplication.CreateBuilder(args);
var data = builder.Configuration["Aspire:DataFolder"] ??= Path.GetFullPath(builder.Configuration["data"] ?? ".data");
var bootstrap = Path.Combine(data, "bootstrap.json");

// Resources.
var assertionKey = builder.AddParameter("assertion-key", new GenerateParameterDefault { MinLength = 48, Special = false }, secret: true, persist: true);
var postgres = builder.AddPostgres("postgres").WithDataVolume();
var messaging = builder.AddRabbitMQ("messaging").WithDataVolume();
var redis = builder.AddRedis("redis");

// Services: a database each.
var identity = AddService<Projects.Identity>("identity").WithHttpEndpoint(name: "grpc", env: "GRPC_PORT").WithEnvironment("BOOTSTRAP_FILE", bootstrap);
var ingest = AddService<Projects.Ingest>("ingest").WithHttpEndpoint(name: "grpc", env: "GRPC_PORT");
var scanner = AddService<Projects.Scanner>("scanner").WithHttpEndpoint(name: "grpc", env: "GRPC_PORT");
var policy = AddService<Projects.Policy>("policy");
var audit = AddService<Projects.Audit>("audit");

// Edges: who asks whom.
var gateway = builder.AddProject<Projects.Gateway>("gateway")
    .WithHttpEndpoint(port: builder.Configuration.GetValue("port", 8080))
    .WithExternalHttpEndpoints()
    .WithReference(redis)
    .WithReference(messaging)
    .WithEnvironment("ASSERTION_KEY", assertionKey)
    .WithReference(identity).WithReference(ingest).WithReference(scanner).WithReference(policy).WithReference(audit)
    .WithHttpHealthCheck("/health/ready")
    .WaitFor(identity).WaitFor(ingest).WaitFor(scanner).WaitFor(policy).WaitFor(audit);
identity.WithEnvironment("PUBLIC_URL", gateway.GetEndpoint("http"));
scanner.WithReference(ingest.GetEndpoint("grpc"));
policy.WithReference(ingest.GetEndpoint("grpc"));
ingest.WithReference(identity.GetEndpoint("grpc")).WithReference(scanner.GetEndpoint("grpc"));

builder.Services.AddHostedService(services => new Welcome(services.GetRequiredService<ResourceNotificationService>(), bootstrap));
builder.Build().Run();

IResourceBuilder<ProjectResource> AddService<TProject>(string name) where TProject : IProjectMetadata, new()
{
    var database = postgres.AddDatabase(name + "-db", name);
    return builder.AddProject<TProject>(name)
        .WithHttpEndpoint()
        .WithReference(database, connectionName: name).WithReference(messaging).WithReference(redis)
        .WithEnvironment("ASSERTION_KEY", assertionKey)
        .WithHttpHealthCheck("/health/ready")
        .WaitFor(database).WaitFor(messaging).WaitFor(redis);
}
