using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EnvPlatform.ServiceDefaults;

/// <summary>How a service asks another by gRPC: the address from <c>services:NAME:grpc:0</c>, its own assertion on every call.</summary>
public static class ServiceClients
{
    public static IHttpClientBuilder AddServiceClient<TClient>(this IHostApplicationBuilder builder, string service) where TClient : ClientBase
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTransient<OwnAssertionHandler>();
        return builder.Services
            .AddGrpcClient<TClient>((provider, options) =>
            {
                var address = provider.GetRequiredService<IConfiguration>()[$"services:{service}:grpc:0"]
                    ?? throw new InvalidOperationException($"The address services:{service}:grpc:0 is missing.");
                options.Address = new Uri(address);
            })
            .AddHttpMessageHandler<OwnAssertionHandler>();
    }

    /// <summary>Signs each call as the service itself.</summary>
    private sealed class OwnAssertionHandler(AssertionKey key, ServiceName service, TimeProvider clock) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(request);
            request.Headers.Remove(Assertion.Header);
            request.Headers.Add(Assertion.Header, Assertion.OfService(service.Value, clock.GetUtcNow()).Sign(key));
            return base.SendAsync(request, cancellationToken);
        }
    }
}
