using EnvPlatform.LocalServers;

namespace EnvPlatform.AppHost;

/// <summary>
/// The processes of one service: <c>ingest</c>, <c>ingest-2</c>... on ports of their own. Callers of the service get all addresses, as
/// <c>services:ingest:http:0</c>, <c>:1</c>..., and spreads its calls.
/// </summary>
internal sealed class Instances(
    string name, IReadOnlyList<IResourceBuilder<ProjectResource>> all, bool isPublished, DataFolder? folder)
{
    private const int SecretLength = 48;

    public string Name => name;

    public IResourceBuilder<ProjectResource> First => all[0];

    public Instances WithEnvironment(string variable, IResourceBuilder<ParameterResource> value) =>
        ForEach(instance => instance.WithEnvironment(variable, value));

    public Instances WithEnvironment(string variable, EndpointReference value) =>
        ForEach(instance => instance.WithEnvironment(variable, value));

    public Instances WithEnvironment(string variable, string value) => ForEach(instance => instance.WithEnvironment(variable, value));

    /// <param name="port">Of the first instance; the others have free ones.</param>
    public Instances WithHttpEndpoint(int? port = null)
    {
        First.WithHttpEndpoint(isPublished ? null : port);
        foreach (var instance in all.Skip(1))
        {
            instance.WithHttpEndpoint();
        }

        // In telemetry they are one service with several instances.
        return ForEach(instance => Run(instance.WithHttpHealthCheck("/health/ready").WithEnvironment("OTEL_SERVICE_NAME", name)));
    }

    /// <summary>HTTP/2 without TLS has a port of its own, since there is no negotiation.</summary>
    public Instances WithGrpcEndpoint() =>
        ForEach(instance => Run(
            instance.WithHttpEndpoint(name: "grpc", env: "GRPC_PORT").WithEndpoint("grpc", endpoint => endpoint.Transport = "http2")));

    /// <summary>A secret of this service, which its instances share.</summary>
    public Instances WithSecret(string variable) =>
        WithEnvironment(variable, First.ApplicationBuilder.AddSecret($"{name}-secret", SecretLength, folder));

    /// <summary>Calls others by HTTP.</summary>
    public Instances Calls(params Instances[] services) => Calls("http", services);

    /// <summary>Calls others by gRPC.</summary>
    public Instances CallsGrpc(params Instances[] services) => Calls("grpc", services);

    public Instances WaitFor(params Instances[] services) =>
        ForEach(instance => Array.ForEach(services, service => service.ForEach(other => instance.WaitFor(other))));

    public Instances ForEach(Action<IResourceBuilder<ProjectResource>> configure)
    {
        foreach (var instance in all)
        {
            configure(instance);
        }

        return this;
    }

    private Instances Calls(string endpoint, Instances[] services)
    {
        foreach (var service in services)
        {
            // Known to these two only: with it the caller signs, and by it the called service knows who calls and that it is meant.
            var key = First.ApplicationBuilder.AddSecret($"{name}-{service.Name}-key", SecretLength, folder);
            service.WithEnvironment($"IncomingKeys__{name}", key);
            WithEnvironment($"OutgoingKeys__{service.Name}", key);
            ForEach(caller => service.TellTo(caller, endpoint));
        }

        return this;
    }

    private void TellTo(IResourceBuilder<ProjectResource> caller, string endpoint)
    {
        caller.WithReferenceRelationship(First);
        for (var i = 0; i < all.Count; i++)
        {
            caller.WithEnvironment($"services__{name}__{endpoint}__{i}", all[i].GetEndpoint(endpoint));
        }
    }

    private void Run(IResourceBuilder<ProjectResource> instance)
    {
        if (!isPublished)
        {
            instance.RunAsBuilt();
        }
    }
}
