using System.Net;

using EnvPlatform.Contracts.Identity;

using Grpc.Core;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Gateway.Tests;

/// <summary>Replaces Identity: answers each call about a token with the state when it arrived, as late as a test wants.</summary>
internal sealed class HeldIdentity : IAsyncDisposable
{
    private readonly WebApplication _app;

    private HeldIdentity()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddGrpcHealthChecks().AddCheck("here", () => HealthCheckResult.Healthy());
        builder.Services.AddSingleton(this);
        _app = builder.Build();
        _app.MapGrpcService<Tokens>();
        _app.MapGrpcHealthChecksService();
    }

    public string Address => _app.Urls.Single();

    public Guid TokenId { get; } = Guid.CreateVersion7();

    public bool IsActive { get; set; } = true;

    /// <summary>Calls from now on are answered when this completes.</summary>
    public Task Hold { get; set; } = Task.CompletedTask;

    /// <summary>The number of calls received.</summary>
    public int Questions;

    public static async Task<HeldIdentity> StartAsync()
    {
        var identity = new HeldIdentity();
        await identity._app.StartAsync();
        return identity;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private sealed class Tokens(HeldIdentity identity) : Contracts.Identity.Tokens.TokensBase
    {
        public override async Task<IntrospectReply> Introspect(IntrospectRequest request, ServerCallContext context)
        {
            var answer = new IntrospectReply
            {
                Active = identity.IsActive,
                TokenId = $"{identity.TokenId}",
                SubjectId = $"{Guid.CreateVersion7()}",
                SubjectType = "user",
                DisplayName = "Ada",
            };
            var hold = identity.Hold;
            Interlocked.Increment(ref identity.Questions);
            await hold;
            return answer;
        }
    }
}
