using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.ServiceDiscovery;

namespace EnvPlatform.ServiceDefaults.Addresses;

/// <summary>
/// The addresses of a service's instances, by service discovery: the settings <c>services:NAME:http:N</c> and <c>services:NAME:grpc:N</c>,
/// one for each instance, or one host name that has an address for each.
/// </summary>
public static class ServiceAddresses
{
    /// <summary>The name by which service discovery knows an endpoint of a service: <c>http://_grpc.ingest</c>.</summary>
    /// <param name="endpoint"><c>http</c> or <c>grpc</c>.</param>
    public static string NameOf(string service, string endpoint) => $"http://_{endpoint}.{service}";

    /// <summary>A service without addresses has no instances: its name is not resolved.</summary>
    public static void AddServiceAddresses(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (builder.Services.Any(service => service.ImplementationType == typeof(HostAddressesFactory)))
        {
            return;
        }

        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddConfigurationServiceEndpointProvider();
        builder.Services.AddSingleton<IServiceEndpointProviderFactory, HostAddressesFactory>();
    }
}
