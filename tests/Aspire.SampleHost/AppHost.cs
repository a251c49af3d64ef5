using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

// A small application of every kind of resource, for the tests of what runs applications.
var builder = DistributedApplication.CreateBuilder(args);

var key = builder.AddParameter("key", new GenerateParameterDefault { MinLength = 40, Special = false }, secret: true, persist: true);
var redis = builder.AddRedis("redis");
var seed = builder.AddExecutable("seed", "/bin/sh", ".", "-c", "sleep 0.5; echo seeded");

var back = builder.AddProject<Projects.Aspire_SampleService>("back")
    .WithReplicas(2)
    .WithHttpEndpoint()
    .WithHttpEndpoint(name: "grpc", env: "GRPC_PORT")
    .WithReference(redis)
    .WithEnvironment("KEY", key)
    .WithHttpHealthCheck("/health/ready")
    .WaitFor(redis)
    .WaitForCompletion(seed);

var front = builder.AddProject<Projects.Aspire_SampleService>("front")
    .WithHttpEndpoint(port: int.Parse(builder.Configuration["port"] ?? "0") is > 0 and var port ? port : null)
    .WithExternalHttpEndpoints()
    .WithReference(back)
    .WithEnvironment("FAIL_WITH", builder.Configuration["fail"] ?? "")
    .WithHttpHealthCheck("/health/ready")
    .WaitFor(back);
front.WithEnvironment("OWN_URL", front.GetEndpoint("http"));

builder.Build().Run();
