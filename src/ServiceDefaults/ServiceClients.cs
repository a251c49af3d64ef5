using System.Text;

using EnvPlatform.ServiceDefaults.Addresses;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Balancer;
using Grpc.Net.Client.Configuration;

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// How a service calls another by gRPC: round-robin over all reachable instances, retried once at another when one is unavailable, with its
/// own assertion on every call. Repeating a call is harmless: none of them changes anything that matters.
/// </summary>
public static class ServiceClients
{
    /// <summary>Without a limit an instance that was unavailable for long would be retried only after minutes.</summary>
    private static readonly TimeSpan LongestReconnectPause = TimeSpan.FromSeconds(1);

    public static IHttpClientBuilder AddServiceClient<TClient>(this IHostApplicationBuilder builder, string service)
        where TClient : ClientBase
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddServiceAddresses();
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ResolverFactory, ServiceResolverFactory>());
        return builder.Services
            .AddGrpcClient<TClient>(options => options.Address = new Uri($"{ServiceResolverFactory.Scheme}:///{service}"))
            .ConfigurePrimaryHttpMessageHandler(NewHandler)
            .ConfigureChannel(Configure)
            .AddCallCredentials((_, metadata, services) => AssertAsync(service, metadata, services));
    }

    /// <summary>A peer whose machine is gone sends nothing: pings detect it.</summary>
    private static SocketsHttpHandler NewHandler() => new()
    {
        ConnectTimeout = TimeSpan.FromSeconds(2),
        EnableMultipleHttp2Connections = true,
        KeepAlivePingDelay = TimeSpan.FromSeconds(5),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(2),
        // What is passed on of a request that came, such as its trace state, may hold any byte.
        RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
    };

    private static void Configure(GrpcChannelOptions channel)
    {
        channel.Credentials = ChannelCredentials.Insecure;
        // Services communicate without TLS on a network of their own; the assertion is signed for one service, and soon expires.
        channel.UnsafeUseInsecureChannelCallCredentials = true;
        channel.InitialReconnectBackoff = TimeSpan.FromMilliseconds(100);
        channel.MaxReconnectBackoff = LongestReconnectPause;
        channel.ServiceConfig = new ServiceConfig
        {
            LoadBalancingConfigs = { new RoundRobinConfig() },
            MethodConfigs =
            {
                new MethodConfig
                {
                    Names = { MethodName.Default },
                    RetryPolicy = new RetryPolicy
                    {
                        MaxAttempts = 4,
                        InitialBackoff = TimeSpan.FromMilliseconds(20),
                        MaxBackoff = TimeSpan.FromMilliseconds(500),
                        BackoffMultiplier = 4,
                        RetryableStatusCodes = { StatusCode.Unavailable },
                    },
                },
            },
        };
    }

    /// <summary>Signs each call as the service itself.</summary>
    private static Task AssertAsync(string callee, Metadata metadata, IServiceProvider services)
    {
        var assertion = Assertion.OfService(
            services.GetRequiredService<ServiceName>().Value, services.GetRequiredService<TimeProvider>().GetUtcNow());
        metadata.Add(Assertion.Header, assertion.Sign(services.GetRequiredService<CallKeys>().Outgoing(callee)));
        return Task.CompletedTask;
    }
}
