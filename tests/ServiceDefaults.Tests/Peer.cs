using System.Collections.Concurrent;

using EnvPlatform.Contracts.Ingest;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Grpc.Core;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>
/// An instance of a service that others call by gRPC, which can die like a process: its connections break and its port is closed.
/// </summary>
internal sealed class Peer : IAsyncDisposable
{
    private readonly ConcurrentDictionary<ConnectionContext, bool> _connections = new();
    private readonly WebApplication _app;
    private bool _dead;

    private Peer(int port, string address)
    {
        Port = port;
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Configuration["urls"] = $"http://{address}:{TestPorts.Next()}";
        builder.Configuration["GRPC_PORT"] = $"{port}";
        builder.Configuration.AddInMemoryCollection(TestKeys.SettingsOf("ingest"));
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => async connection =>
        {
            _connections[connection] = true;
            await next(connection);
            _connections.TryRemove(connection, out _);
        })));
        builder.AddServiceDefaults("ingest");
        builder.Services.AddSingleton(this);
        builder.Services.AddHealthChecks()
            .AddCheck("ready", () => IsReady ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(), [Health.ReadyTag]);
        _app = builder.Build();
        _app.UseServiceDefaults();
        _app.MapGrpcService<Sets>().RequireAuthorization(Access.Service);
        _app.MapGrpcService<Environments>().RequireAuthorization(Access.Service);
    }

    public int Port { get; }

    public bool IsReady { get; set; } = true;

    /// <summary>The number of calls received.</summary>
    public int Calls;

    public string? LastCaller { get; private set; }

    public static async Task<Peer> StartAsync(int? port = null, string address = "127.0.0.1")
    {
        var peer = new Peer(port ?? TestPorts.Next(), address);
        await peer._app.StartAsync();
        return peer;
    }

    public async Task KillAsync()
    {
        _dead = true;
        var stopped = _app.StopAsync(new CancellationToken(canceled: true));
        foreach (var connection in _connections.Keys)
        {
            connection.Abort();
        }

        await stopped;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_dead)
        {
            await _app.StopAsync();
        }

        await _app.DisposeAsync();
    }

    private void Note(HttpContext http)
    {
        Interlocked.Increment(ref Calls);
        LastCaller = Caller.From(http)?.DisplayName;
    }

    private sealed class Environments(Peer peer) : Contracts.Ingest.Environments.EnvironmentsBase
    {
        public override async Task<DescribeEnvironmentsReply> DescribeEnvironments(
            DescribeEnvironmentsRequest request, ServerCallContext context)
        {
            peer.Note(context.GetHttpContext());
            await Task.Delay(5);
            return new DescribeEnvironmentsReply();
        }
    }

    private sealed class Sets(Peer peer) : PackageSets.PackageSetsBase
    {
        /// <summary>The number of the set is the length of the page, which is sent repeatedly.</summary>
        public override async Task GetPackageSet(
            GetPackageSetRequest request, IServerStreamWriter<PackagePage> responseStream, ServerCallContext context)
        {
            peer.Note(context.GetHttpContext());
            var page = new PackagePage { Packages = { new Package { Name = new string('x', (int)request.PackageSetId) } } };
            while (true)
            {
                await responseStream.WriteAsync(page, context.CancellationToken);
                await Task.Delay(10, context.CancellationToken);
            }
        }
    }
}
