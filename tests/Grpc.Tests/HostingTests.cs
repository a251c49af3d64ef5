using System.Diagnostics;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Grpc.Net.ClientFactory;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace EnvPlatform.Grpc.Tests;

/// <summary>Clients and services as a host has them: from its services, with credentials, policies, interceptors and traces.</summary>
public sealed class HostingTests
{
    [Test]
    public async Task A_policy_lets_only_callers_with_credentials_pass()
    {
        await using var host = await ProbeHost.StartAsync(
            build: builder =>
            {
                builder.Services.AddAuthentication("Test").AddScheme<AuthenticationSchemeOptions, SecretHandler>("Test", null);
                builder.Services.AddAuthorizationBuilder()
                    .AddPolicy("known", policy => policy.RequireAuthenticatedUser())
                    .AddPolicy("root", policy => policy.RequireRole("root"));
            },
            map: (_, probe) => probe.RequireAuthorization("known"));
        await using var services = new ServiceCollection()
            .AddLogging()
            .AddScoped<Secret>()
            .AddGrpcClient<Probe.ProbeClient>("with", options => options.Address = host.Address)
            .ConfigureChannel(channel => channel.UnsafeUseInsecureChannelCallCredentials = true)
            .AddCallCredentials((context, metadata, provider) =>
            {
                metadata.Add("authorization", $"{provider.GetRequiredService<Secret>().Value} {context.MethodName}");
                return Task.CompletedTask;
            })
            .Services.AddGrpcClient<Probe.ProbeClient>("clear", options => options.Address = host.Address)
            .AddCallCredentials((_, metadata) =>
            {
                metadata.Add("authorization", "secret Echo");
                return Task.CompletedTask;
            })
            .Services.BuildServiceProvider();
        await using var scope = services.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Secret>().Value = "secret";
        await using var other = services.CreateAsyncScope();

        var known = scope.ServiceProvider.GetRequiredService<GrpcClientFactory>().CreateClient<Probe.ProbeClient>("with");
        Assert.That((await known.EchoAsync(new Payload { Number = 1 })).Number, Is.EqualTo(1));

        var unknown = other.ServiceProvider.GetRequiredService<GrpcClientFactory>().CreateClient<Probe.ProbeClient>("with");
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await unknown.EchoAsync(new Payload()));
        Assert.That(refused!.StatusCode, Is.EqualTo(StatusCode.Unauthenticated));

        // Credentials do not leave in clear text unless the channel was told so.
        var clear = services.GetRequiredService<GrpcClientFactory>().CreateClient<Probe.ProbeClient>("clear");
        refused = await Assert.ThrowsAsync<RpcException>(async () => await clear.EchoAsync(new Payload()));
        Assert.That(refused!.StatusCode, Is.EqualTo(StatusCode.Unauthenticated));
    }

    [Test]
    public async Task A_role_that_is_missing_is_a_permission_denied()
    {
        await using var host = await ProbeHost.StartAsync(
            build: builder =>
            {
                builder.Services.AddAuthentication("Test").AddScheme<AuthenticationSchemeOptions, SecretHandler>("Test", null);
                builder.Services.AddAuthorizationBuilder().AddPolicy("root", policy => policy.RequireRole("root"));
            },
            map: (_, probe) => probe.RequireAuthorization("root"));
        using var channel = GrpcChannel.ForAddress(host.Address);
        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await new Probe.ProbeClient(channel).EchoAsync(new Payload(), new Metadata { { "authorization", "secret Echo" } }));

        Assert.That(refused!.StatusCode, Is.EqualTo(StatusCode.PermissionDenied));
    }

    [Test]
    public async Task A_client_comes_from_the_services_and_its_calls_go_through_handlers_and_interceptors()
    {
        var seen = new List<string>();
        await using var host = await ProbeHost.StartAsync(
            options => options.Interceptors.Add<NotingInterceptor>("server"), builder => builder.Services.AddSingleton(seen));
        await using var services = new ServiceCollection()
            .AddLogging()
            .AddGrpcClient<Probe.ProbeClient>((_, options) => options.Address = host.Address)
            .AddInterceptor(() => new NotingInterceptor(seen, "client"))
            .AddHttpMessageHandler(() => new NotingHandler(seen))
            .Services.BuildServiceProvider();
        var client = services.GetRequiredService<Probe.ProbeClient>();

        await client.EchoAsync(new Payload());
        using var stream = client.Count(new CountRequest { Count = 1 });
        while (await stream.ResponseStream.MoveNext())
        {
        }

        Assert.That(seen, Is.EqualTo(new[] { "client Echo", "handler Echo", "server Echo", "client Count", "handler Count", "server Count" }));
    }

    [Test]
    public async Task The_trace_of_the_caller_goes_along()
    {
        await using var host = await ProbeHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(host.Address);
        using var activity = new Activity("caller").Start();

        await new Probe.ProbeClient(channel).EchoAsync(new Payload());

        Assert.That(host.Log.TraceParents.Single(), Does.Contain(activity.TraceId.ToHexString()));
    }

    [Test]
    public async Task A_client_without_an_address_says_so()
    {
        await using var services = new ServiceCollection().AddLogging().AddGrpcClient<Probe.ProbeClient>(_ => { }).Services.BuildServiceProvider();

        Assert.That(services.GetRequiredService<Probe.ProbeClient>, Throws.InvalidOperationException.With.Message.Contains("address"));
    }

    [Test]
    public void Calls_of_a_channel_that_is_disposed_end()
    {
        var channel = GrpcChannel.ForAddress("http://127.0.0.1:1");
        channel.Dispose();

        Assert.That(() => new Probe.ProbeClient(channel), Throws.InstanceOf<ObjectDisposedException>());
    }

    private sealed class Secret
    {
        public string Value { get; set; } = "nothing";
    }

    private sealed class SecretHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
            Request.Headers.Authorization == "secret Echo"
                ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity("Test")), "Test"))
                : AuthenticateResult.NoResult());
    }

    private sealed class NotingHandler(List<string> seen) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            seen.Add($"handler {request.RequestUri!.Segments[^1]}");
            return base.SendAsync(request, cancellationToken);
        }
    }

    private sealed class NotingInterceptor(List<string> seen, string side) : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            seen.Add($"{side} {context.Method.Name}");
            return continuation(request, context);
        }

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            seen.Add($"{side} {context.Method.Name}");
            return continuation(request, context);
        }

        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            seen.Add($"{side} {context.Method.Split('/')[^1]}");
            return continuation(request, context);
        }

        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            seen.Add($"{side} {context.Method.Split('/')[^1]}");
            return continuation(request, responseStream, context);
        }
    }
}
