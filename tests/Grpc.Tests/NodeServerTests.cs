using System.Diagnostics;
using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace EnvPlatform.Grpc.Tests;

/// <summary>Our client against the server of <c>@grpc/grpc-js</c>.</summary>
public sealed class NodeServerTests
{
    private NodePeer _server = null!;
    private GrpcChannel _channel = null!;
    private Probe.ProbeClient _client = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _server = await NodePeer.StartServerAsync();
        _channel = GrpcChannel.ForAddress(_server.Address);
        _client = new Probe.ProbeClient(_channel);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _channel?.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    [Test]
    public async Task A_unary_call_gives_the_response()
    {
        var request = new Payload { Number = -7, Text = "grüß ☂", Data = ByteString.CopyFrom([0, 128, 255]) };

        Assert.That(await _client.EchoAsync(request), Is.EqualTo(request));
    }

    [Test]
    public async Task A_stream_of_10_000_messages_arrives_in_order()
    {
        using var call = _client.Count(new CountRequest { Count = 10_000, Size = 200 });
        var expected = 0;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            Assert.That(message.Number, Is.EqualTo(expected++));

        Assert.That(expected, Is.EqualTo(10_000));
        Assert.That(call.GetStatus().StatusCode, Is.EqualTo(StatusCode.OK));
    }

    [Test]
    public async Task A_stream_may_fail_after_its_messages()
    {
        using var call = _client.Count(new CountRequest { Count = 3, Status = (int)StatusCode.Aborted });
        var count = 0;
        var thrown = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext())
                count++;
        });

        Assert.That(count, Is.EqualTo(3));
        Assert.That(thrown!.Status, Is.EqualTo(new Status(StatusCode.Aborted, "after the messages")));
    }

    [Test]
    public async Task A_deadline_ends_the_call_and_the_server_knows()
    {
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.HangAsync(new Payload { Text = "late" }, deadline: CallTests.Soon(300)));

        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        await AssertCancelledAsync("late");
    }

    [Test]
    public async Task Cancelling_ends_the_call_and_the_server_knows()
    {
        using var source = new CancellationTokenSource(300);
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.HangAsync(new Payload { Text = "given up" }, cancellationToken: source.Token));

        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.Cancelled));
        await AssertCancelledAsync("given up");
    }

    [Test]
    public async Task Disposing_a_stream_cancels_it_on_the_server()
    {
        using (var call = _client.Count(new CountRequest { Count = 1, Hang = true, Name = "dropped" }))
            await call.ResponseStream.MoveNext();

        await AssertCancelledAsync("dropped");
    }

    [Test]
    public async Task Every_status_arrives_with_its_text_and_trailers([Range(1, 16)] int code)
    {
        const string text = "100 % Ünglück\r\n☂ 😀";
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.FailAsync(new FailRequest { Code = code, Message = text }));

        Assert.That(thrown!.Status, Is.EqualTo(new Status((StatusCode)code, text)));
        Assert.That(thrown.Trailers.GetValue("reason"), Is.EqualTo("told"));
        Assert.That(thrown.Trailers.GetValueBytes("reason-bin"), Is.EqualTo(new byte[] { 0, 1, 254, 255 }));
    }

    [Test]
    public async Task Success_is_a_status_too()
    {
        using var call = _client.FailAsync(new FailRequest { Code = 0, Message = "fine" });

        Assert.That((await call).Text, Is.EqualTo("fine"));
        Assert.That(call.GetStatus(), Is.EqualTo(Status.DefaultSuccess).Using<Status>((a, b) => a.StatusCode == b.StatusCode));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(300)]
    public async Task Metadata_goes_there_and_back_as_headers_and_trailers(int length)
    {
        var bytes = Enumerable.Range(200, length).Select(i => (byte)i).ToArray();
        using var call = _client.EchoAsync(
            new Payload(), new Metadata { { "echo-text", "a b" }, { "echo-bytes-bin", bytes }, { "trail-text", "end" }, { "trail-bytes-bin", bytes }, { "trail-bytes-bin", [9] } });
        var headers = await call.ResponseHeadersAsync;
        await call;
        var trailers = call.GetTrailers();

        Assert.That(headers.GetValue("echo-text"), Is.EqualTo("a b"));
        Assert.That(headers.GetValueBytes("echo-bytes-bin"), Is.EqualTo(bytes));
        Assert.That(trailers.GetValue("trail-text"), Is.EqualTo("end"));
        Assert.That(trailers.GetAll("trail-bytes-bin").Select(entry => entry.ValueBytes), Is.EqualTo(new[] { bytes, [9] }));
    }

    [Test]
    public async Task A_message_of_4_MiB_passes_and_one_byte_more_is_refused()
    {
        Assert.That((await _client.EchoAsync(CallTests.OfSize(4 * 1024 * 1024))).CalculateSize(), Is.EqualTo(4 * 1024 * 1024));

        var refusedByServer = await Assert.ThrowsAsync<RpcException>(async () => await _client.EchoAsync(CallTests.OfSize((4 * 1024 * 1024) + 1)));
        Assert.That(refusedByServer!.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));

        using var stream = _client.Count(new CountRequest { Count = 1, Size = 4 * 1024 * 1024 });
        var refusedByClient = await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext());
        Assert.That(refusedByClient!.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
        Assert.That(refusedByClient.Status.Detail, Is.EqualTo("Received message exceeds the maximum configured message size."));
    }

    [Test]
    public async Task Two_hundred_calls_at_once_share_one_connection()
    {
        var connections = 0;
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, token) =>
            {
                Interlocked.Increment(ref connections);
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, token);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var channel = GrpcChannel.ForAddress(_server.Address, new GrpcChannelOptions { HttpHandler = handler });
        var client = new Probe.ProbeClient(channel);

        var responses = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => client.EchoAsync(new Payload { Number = i, Data = ByteString.CopyFrom(new byte[i * 50]) }).ResponseAsync));

        Assert.That(responses.Select(response => (response.Number, response.Data.Length)), Is.EqualTo(Enumerable.Range(0, 200).Select(i => (i, i * 50))));
        Assert.That(connections, Is.EqualTo(1));
    }

    [Test]
    public async Task A_server_that_dies_in_mid_stream_makes_the_call_unavailable()
    {
        await using var server = await NodePeer.StartServerAsync();
        using var channel = GrpcChannel.ForAddress(server.Address);
        var client = new Probe.ProbeClient(channel);
        using var call = client.Count(new CountRequest { Count = 1, Hang = true });
        await call.ResponseStream.MoveNext();
        var next = call.ResponseStream.MoveNext();
        var unary = client.HangAsync(new Payload()).ResponseAsync;

        await server.KillAsync();

        // The stream has begun, so what has come of it is not known; grpc-dotnet says Unavailable for a connection that broke.
        Assert.That((await Assert.ThrowsAsync<RpcException>(() => next.WaitAsync(TimeSpan.FromSeconds(10))))!.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That((await Assert.ThrowsAsync<RpcException>(() => unary.WaitAsync(TimeSpan.FromSeconds(10))))!.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(
            (await Assert.ThrowsAsync<RpcException>(async () => await client.EchoAsync(new Payload(), deadline: CallTests.Soon(5_000))))!.StatusCode,
            Is.EqualTo(StatusCode.Unavailable));
    }

    private async Task AssertCancelledAsync(string name)
    {
        var watch = Stopwatch.StartNew();
        var count = 0;
        while (count == 0 && watch.Elapsed < TimeSpan.FromSeconds(10))
        {
            count = (await _client.CountCancelledAsync(new Payload { Text = name })).Number;
            await Task.Delay(10, CancellationToken.None);
        }

        Assert.That(count, Is.EqualTo(1));
    }
}
