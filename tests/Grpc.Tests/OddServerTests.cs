using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Grpc.Tests;

/// <summary>What the client makes of responses that a well-behaved server does not send, or that come from something before it.</summary>
public sealed class OddServerTests
{
    private static readonly byte[] Message = [0, 0, 0, 0, 2, 8, 7];

    private WebApplication _app = null!;
    private GrpcChannel _channel = null!;
    private Probe.ProbeClient _client = null!;
    private RequestDelegate _respond = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        _app = builder.Build();
        _app.Run(context => _respond(context));
        await _app.StartAsync();
        _channel = GrpcChannel.ForAddress(_app.Urls.Single());
        _client = new Probe.ProbeClient(_channel);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _channel.Dispose();
        await _app.DisposeAsync();
    }

    [TestCase(400, StatusCode.Internal)]
    [TestCase(401, StatusCode.Unauthenticated)]
    [TestCase(403, StatusCode.PermissionDenied)]
    [TestCase(404, StatusCode.Unimplemented)]
    [TestCase(429, StatusCode.Unavailable)]
    [TestCase(500, StatusCode.Unknown)]
    [TestCase(502, StatusCode.Unavailable)]
    [TestCase(503, StatusCode.Unavailable)]
    [TestCase(504, StatusCode.Unavailable)]
    public async Task An_HTTP_status_becomes_a_status(int http, StatusCode expected)
    {
        var status = await CallAsync(context =>
        {
            context.Response.StatusCode = http;
            return Task.CompletedTask;
        });

        Assert.That(status, Is.EqualTo(new Status(expected, $"Bad gRPC response. HTTP status code: {http}")));
    }

    [Test]
    public async Task Content_of_another_type_is_refused()
    {
        var status = await CallAsync(context => context.Response.WriteAsJsonAsync("no"));

        Assert.That(status.Detail, Is.EqualTo("Bad gRPC response. Invalid content-type value: application/json; charset=utf-8"));
    }

    [Test]
    public async Task A_response_without_a_status_is_no_success()
    {
        var status = await CallAsync(context => WriteAsync(context, Message, grpcStatus: null));

        Assert.That(status, Is.EqualTo(new Status(StatusCode.Cancelled, "No grpc-status found on response.")));
    }

    [TestCase("17")]
    [TestCase("-1")]
    [TestCase("fine")]
    public async Task A_status_that_is_none_is_unknown(string grpcStatus)
    {
        var status = await CallAsync(context => WriteAsync(context, Message, grpcStatus));

        Assert.That(status.StatusCode, Is.EqualTo(StatusCode.Unknown));
    }

    [TestCase("100%", "100%")]
    [TestCase("%zz%4", "%zz%4")]
    [TestCase("%C3%BC %", "ü %")]
    public async Task A_text_that_is_badly_encoded_stays_readable(string sent, string expected)
    {
        var status = await CallAsync(context =>
        {
            context.Response.Headers["grpc-message"] = sent;
            context.Response.Headers["grpc-status"] = "3";
            context.Response.ContentType = "application/grpc";
            return Task.CompletedTask;
        });

        Assert.That(status, Is.EqualTo(new Status(StatusCode.InvalidArgument, expected)));
    }

    [Test]
    public async Task Success_without_a_message_is_an_error() =>
        Assert.That((await CallAsync(context => WriteAsync(context, [], "0"))).StatusCode, Is.EqualTo(StatusCode.Internal));

    [Test]
    public async Task Success_with_two_messages_is_an_error() =>
        Assert.That((await CallAsync(context => WriteAsync(context, [.. Message, .. Message], "0"))).StatusCode, Is.EqualTo(StatusCode.Internal));

    [Test]
    public async Task A_message_cut_off_is_an_error() =>
        Assert.That((await CallAsync(context => WriteAsync(context, Message[..^1], "0"))).StatusCode, Is.EqualTo(StatusCode.Internal));

    [Test]
    public async Task A_message_that_is_no_protobuf_is_an_error() =>
        Assert.That((await CallAsync(context => WriteAsync(context, [0, 0, 0, 0, 1, 255], "0"))).StatusCode, Is.EqualTo(StatusCode.Internal));

    [TestCase(0x2, StatusCode.Internal)]
    [TestCase(0x8, StatusCode.Cancelled)]
    [TestCase(0xb, StatusCode.ResourceExhausted)]
    [TestCase(0xc, StatusCode.PermissionDenied)]
    public async Task A_reset_becomes_a_status(int errorCode, StatusCode expected)
    {
        var status = await CallAsync(async context =>
        {
            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync(Message);
            await context.Response.Body.FlushAsync();
            context.Features.GetRequiredFeature<IHttpResetFeature>().Reset(errorCode);
        });

        Assert.That(status.StatusCode, Is.EqualTo(expected), status.Detail);
    }

    private async Task<Status> CallAsync(RequestDelegate respond)
    {
        _respond = respond;
        return (await Assert.ThrowsAsync<RpcException>(async () => await _client.EchoAsync(new Payload(), deadline: CallTests.Soon(10_000))))!.Status;
    }

    private static async Task WriteAsync(HttpContext context, byte[] body, string? grpcStatus)
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.StartAsync();
        await context.Response.Body.WriteAsync(body);
        if (grpcStatus is not null)
            context.Response.AppendTrailer("grpc-status", grpcStatus);
    }
}
