using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace EnvPlatform.Grpc.Tests;

/// <summary>What the server answers to requests that a well-behaved client does not send.</summary>
public sealed class ProtocolTests
{
    private ProbeHost _host = null!;
    private HttpMessageInvoker _http = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await ProbeHost.StartAsync(map: (app, _) => app.MapPost("/orders/{name}", (string name) => $"order of {name}"));
        _http = new HttpMessageInvoker(new SocketsHttpHandler());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _http.Dispose();
        await _host.DisposeAsync();
    }

    [TestCase("application/json", HttpStatusCode.UnsupportedMediaType)]
    [TestCase("application/grpcweb", HttpStatusCode.UnsupportedMediaType)]
    [TestCase("application/grpc", HttpStatusCode.OK)]
    [TestCase("application/grpc+proto", HttpStatusCode.OK)]
    [TestCase("application/grpc;charset=utf-8", HttpStatusCode.OK)]
    public async Task Only_content_of_gRPC_is_taken(string contentType, HttpStatusCode expected)
    {
        using var response = await PostAsync("Echo", Frame(new Payload()), contentType: contentType);

        Assert.That(response.StatusCode, Is.EqualTo(expected));
    }

    [Test]
    public async Task Only_HTTP_2_is_taken()
    {
        await using var host = await ProbeHost.StartAsync(protocols: HttpProtocols.Http1);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(host.Address, "/envplatform.probe.v1.Probe/Echo")) { Content = Content(Frame(new Payload()), "application/grpc") };
        using var response = await _http.SendAsync(request, CancellationToken.None);

        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.UpgradeRequired));
    }

    [TestCase("/envplatform.probe.v1.Probe/Nothing", "Method is unimplemented.")]
    [TestCase("/envplatform.probe.v1.Nothing/Echo", "Service is unimplemented.")]
    public async Task Unknown_methods_and_services_are_unimplemented(string path, string detail)
    {
        using var response = await SendAsync(path, Frame(new Payload()));

        Assert.That(StatusOf(response), Is.EqualTo((StatusCode.Unimplemented, detail)));
    }

    [Test]
    public async Task Other_endpoints_keep_their_paths()
    {
        using var response = await SendAsync("/orders/bob", [], contentType: "text/plain");

        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("order of bob"));
    }

    [Test]
    public async Task A_request_without_a_message_is_refused() => await AssertRefusedAsync([], StatusCode.Internal);

    [Test]
    public async Task A_message_cut_off_is_refused() => await AssertRefusedAsync(Frame(new Payload { Text = "whole" })[..^1], StatusCode.Internal);

    [Test]
    public async Task A_prefix_cut_off_is_refused() => await AssertRefusedAsync([0, 0, 0], StatusCode.Internal);

    [Test]
    public async Task Two_messages_are_refused() =>
        await AssertRefusedAsync([.. Frame(new Payload { Number = 1 }), .. Frame(new Payload { Number = 2 })], StatusCode.Internal);

    [Test]
    public async Task A_length_over_the_limit_is_refused_before_the_message_comes() =>
        await AssertRefusedAsync([0, 255, 255, 255, 255], StatusCode.ResourceExhausted);

    [Test]
    public async Task A_compressed_message_without_an_encoding_is_refused() => await AssertRefusedAsync([1, 0, 0, 0, 1, 0], StatusCode.Internal);

    [TestCase("1n")]
    [TestCase("99999999n")]
    [TestCase("200000u")]
    [TestCase("200m")]
    [TestCase("1S")]
    public async Task A_timeout_of_any_unit_ends_the_call(string timeout)
    {
        using var response = await PostAsync("Hang", Frame(new Payload()), ("grpc-timeout", timeout));

        Assert.That(StatusOf(response).Code, Is.EqualTo(StatusCode.DeadlineExceeded));
    }

    [Test]
    public async Task A_timeout_ends_a_stream_that_nobody_reads()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_host.Address, "/envplatform.probe.v1.Probe/Count"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = Content(Frame(new CountRequest { Count = 100_000, Size = 10_000, Name = "unread" }), "application/grpc"),
        };
        request.Headers.TryAddWithoutValidation("grpc-timeout", "500m");
        using var response = await _http.SendAsync(request, CancellationToken.None);

        Assert.That(() => _host.Log.CountCancelled("unread"), Is.EqualTo(1).After(10).Seconds.PollEvery(10));
    }

    [TestCase("soon")]
    [TestCase("-1S")]
    [TestCase("S")]
    [TestCase("123456789S")]
    [TestCase("99999999H")]
    public async Task A_timeout_that_is_none_or_far_away_ends_nothing(string timeout)
    {
        using var response = await PostAsync("Echo", Frame(new Payload()), ("grpc-timeout", timeout));

        Assert.That(StatusOf(response).Code, Is.EqualTo(StatusCode.OK));
    }

    [Test]
    public async Task A_failed_call_is_trailers_only()
    {
        using var response = await PostAsync("Fail", Frame(new FailRequest { Code = (int)StatusCode.NotFound, Message = "keine Bücher" }));

        Assert.That(response.Headers.GetValues("grpc-status"), Is.EqualTo(new[] { "5" }));
        Assert.That(response.Headers.GetValues("grpc-message"), Is.EqualTo(new[] { "keine B%C3%BCcher" }));
        Assert.That(response.Headers.GetValues("reason-bin").Single().TrimEnd('='), Is.EqualTo("AAH+/w"));
        Assert.That(response.TrailingHeaders, Is.Empty);
    }

    private async Task AssertRefusedAsync(byte[] body, StatusCode code)
    {
        using var response = await PostAsync("Echo", body);

        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(StatusOf(response).Code, Is.EqualTo(code));
    }

    private Task<HttpResponseMessage> PostAsync(string method, byte[] body, (string Name, string Value)? header = null, string contentType = "application/grpc") =>
        SendAsync($"/envplatform.probe.v1.Probe/{method}", body, header, contentType);

    private async Task<HttpResponseMessage> SendAsync(string path, byte[] body, (string Name, string Value)? header = null, string contentType = "application/grpc")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_host.Address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = Content(body, contentType),
        };
        if (header is { } given)
            request.Headers.TryAddWithoutValidation(given.Name, given.Value);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var response = await _http.SendAsync(request, patience.Token);
        await response.Content.LoadIntoBufferAsync(patience.Token);
        return response;
    }

    private static ByteArrayContent Content(byte[] body, string contentType)
    {
        var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("content-type", contentType);
        return content;
    }

    private static (StatusCode Code, string? Detail) StatusOf(HttpResponseMessage response)
    {
        var headers = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        return (
            (StatusCode)int.Parse(headers.GetValues("grpc-status").Single(), CultureInfo.InvariantCulture),
            headers.TryGetValues("grpc-message", out var message) ? Uri.UnescapeDataString(message.Single()) : null);
    }

    private static byte[] Frame(IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        return frame;
    }
}
