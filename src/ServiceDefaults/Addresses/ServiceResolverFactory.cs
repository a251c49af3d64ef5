using Grpc.Net.Client.Balancer;

using Microsoft.Extensions.ServiceDiscovery;

namespace EnvPlatform.ServiceDefaults.Addresses;

/// <summary>Resolves the addresses of gRPC channels of the form <c>service:///NAME</c>.</summary>
internal sealed class ServiceResolverFactory(ServiceEndpointResolver endpoints) : ResolverFactory
{
    public const string Scheme = "service";

    public override string Name => Scheme;

    public override Resolver Create(ResolverOptions options) =>
        new ServiceResolver(options.Address.AbsolutePath.Trim('/'), endpoints, options.LoggerFactory);
}
