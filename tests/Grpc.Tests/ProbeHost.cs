using System.Net;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Grpc.Tests;

/// <summary>The probe on Kestrel, on a free loopback port that speaks HTTP/2 in clear text only.</summary>
internal sealed class ProbeHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ProbeHost(WebApplication app) => _app = app;

    public ProbeLog Log => _app.Services.GetRequiredService<ProbeLog>();

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    public static async Task<ProbeHost> StartAsync(
        Action<GrpcServiceOptions>? configure = null, Action<WebApplicationBuilder>? build = null,
        Action<WebApplication, GrpcServiceEndpointConventionBuilder>? map = null, HttpProtocols protocols = HttpProtocols.Http2)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        builder.Services.AddSingleton<ProbeLog>();
        builder.Services.AddGrpc(options => configure?.Invoke(options));
        build?.Invoke(builder);
        var app = builder.Build();
        var endpoints = app.MapGrpcService<ProbeService>();
        map?.Invoke(app, endpoints);
        await app.StartAsync();
        return new ProbeHost(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
