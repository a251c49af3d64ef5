using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace EnvPlatform.Grpc.Tests;

/// <summary>Calls from .NET to .NET.</summary>
public sealed class CallTests
{
    private ProbeHost _host = null!;
    private GrpcChannel _channel = null!;
    private Probe.ProbeClient _client = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await ProbeHost.StartAsync();
        _channel = GrpcChannel.ForAddress(_host.Address);
        _client = new Probe.ProbeClient(_channel);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _channel.Dispose();
        await _host.DisposeAsync();
    }

    [Test]
    public async Task A_unary_call_gives_the_response()
    {
        var response = await _client.EchoAsync(new Payload { Number = 7, Text = "grüß" });

        Assert.That(response, Is.EqualTo(new Payload { Number = 7, Text = "grüß" }));
        Assert.That(_host.Log.Seen, Has.Some.StartsWith($"/envplatform.probe.v1.Probe/Echo {_host.Address.Authority} ipv4:127.0.0.1:").And.Some.EndsWith(" HTTP/2"));
    }

    [Test]
    public void A_blocking_call_gives_the_response() =>
        Assert.That(_client.Echo(new Payload { Number = 8 }).Number, Is.EqualTo(8));

    [Test]
    public async Task An_empty_message_is_a_message() => Assert.That(await _client.EchoAsync(new Payload()), Is.EqualTo(new Payload()));

    [Test]
    public async Task Each_call_has_a_service_of_its_own_which_is_disposed()
    {
        await using var host = await ProbeHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(host.Address);
        var client = new Probe.ProbeClient(channel);
        await client.EchoAsync(new Payload());
        await client.EchoAsync(new Payload());

        Assert.That(() => host.Log.Disposed, Is.EqualTo(2).After(5).Seconds.PollEvery(10));
    }

    [Test]
    public async Task A_stream_gives_every_message_in_order_and_then_ends()
    {
        using var call = _client.Count(new CountRequest { Count = 10_000, Size = 100 });
        var expected = 0;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            Assert.That(message.Number, Is.EqualTo(expected++));
            Assert.That(message.Data, Has.Length.EqualTo(100));
        }

        Assert.That(expected, Is.EqualTo(10_000));
        Assert.That(call.GetStatus().StatusCode, Is.EqualTo(StatusCode.OK));
        Assert.That(await call.ResponseStream.MoveNext(), Is.False);
    }

    [Test]
    public async Task A_stream_of_nothing_ends_at_once()
    {
        using var call = _client.Count(new CountRequest());

        Assert.That(await call.ResponseStream.MoveNext(), Is.False);
    }

    [Test]
    public async Task A_message_reaches_the_caller_before_the_next_is_written()
    {
        using var call = _client.Count(new CountRequest { Count = 1, Hang = true });

        Assert.That(await call.ResponseStream.MoveNext(), Is.True);
        Assert.That(call.ResponseStream.Current.Number, Is.Zero);
    }

    [Test]
    public async Task A_stream_may_fail_after_its_messages()
    {
        using var call = _client.Count(new CountRequest { Count = 3, Status = (int)StatusCode.DataLoss });
        var count = 0;
        var thrown = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext())
                count++;
        });

        Assert.That(count, Is.EqualTo(3));
        Assert.That(thrown!.Status, Is.EqualTo(new Status(StatusCode.DataLoss, "after the messages")));
        Assert.That((await call.ResponseHeadersAsync).Get("date"), Is.Not.Null);
    }

    // No empty ones: Kestrel leaves out headers without a value.
    [TestCase(1)]
    [TestCase(4)]
    [TestCase(16)]
    public async Task Metadata_goes_there_and_back_as_headers_and_trailers(int length)
    {
        var bytes = Enumerable.Range(250, length).Select(i => (byte)i).ToArray();
        var headers = new Metadata
        {
            { "echo-text", "a, b; c" }, { "echo-text", "second" }, { "echo-bytes-bin", bytes }, { "trail-text", "end" }, { "trail-bytes-bin", bytes }, { "trail-bytes-bin", [1] },
        };
        using var call = _client.EchoAsync(new Payload(), headers);
        var sent = await call.ResponseHeadersAsync;
        await call;
        var trailers = call.GetTrailers();

        // Values of one key may be sent one by one or joined (RFC 9110, 5.3).
        Assert.That(string.Join(", ", sent.GetAll("echo-text").Select(entry => entry.Value)), Is.EqualTo("a, b; c, second"));
        Assert.That(sent.GetValueBytes("echo-bytes-bin"), Is.EqualTo(bytes));
        Assert.That(trailers.GetValue("trail-text"), Is.EqualTo("end"));
        Assert.That(trailers.GetAll("trail-bytes-bin").Select(entry => entry.ValueBytes), Is.EqualTo(new[] { bytes, [1] }));
    }

    [Test]
    public async Task Every_status_reaches_the_caller_with_its_text_and_trailers([Range(1, 16)] int code)
    {
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.FailAsync(new FailRequest { Code = code, Message = "100 % Ünglück\r\n☂ 😀" }));

        Assert.That(thrown!.Status, Is.EqualTo(new Status((StatusCode)code, "100 % Ünglück\r\n☂ 😀")));
        Assert.That(thrown.Trailers.GetValue("reason"), Is.EqualTo("told"));
        Assert.That(thrown.Trailers.GetValueBytes("reason-bin"), Is.EqualTo(new byte[] { 0, 1, 254, 255 }));
    }

    [Test]
    public async Task The_text_of_other_exceptions_stays_on_the_server()
    {
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.FailAsync(new FailRequest { Code = -1, Message = "secret" }));

        Assert.That(thrown!.Status, Is.EqualTo(new Status(StatusCode.Unknown, "Exception was thrown by handler.")));
    }

    [Test]
    public async Task The_text_of_other_exceptions_is_told_when_asked_for()
    {
        await using var host = await ProbeHost.StartAsync(options => options.EnableDetailedErrors = true);
        using var channel = GrpcChannel.ForAddress(host.Address);
        var thrown = await Assert.ThrowsAsync<RpcException>(
            async () => await new Probe.ProbeClient(channel).FailAsync(new FailRequest { Code = -1, Message = "secret" }));

        Assert.That(thrown!.Status.Detail, Is.EqualTo("Exception was thrown by handler. InvalidOperationException: secret"));
    }

    [Test]
    public async Task A_deadline_ends_the_call_on_both_sides()
    {
        var watch = Stopwatch.StartNew();
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.HangAsync(new Payload { Text = "late" }, deadline: Soon(200)));

        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(150, 5_000));
        Assert.That(() => _host.Log.CountCancelled("late"), Is.EqualTo(1).After(5).Seconds.PollEvery(10));
    }

    [Test]
    public async Task A_deadline_ends_a_stream()
    {
        using var call = _client.Count(new CountRequest { Count = 2, Hang = true }, deadline: Soon(300));
        var count = 0;
        var thrown = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext())
                count++;
        });

        Assert.That(count, Is.EqualTo(2));
        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
    }

    [Test]
    public async Task A_deadline_in_the_past_sends_nothing()
    {
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.EchoAsync(new Payload(), deadline: Soon(-1)));

        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
    }

    [Test]
    public async Task Cancelling_ends_the_call_on_both_sides()
    {
        using var source = new CancellationTokenSource(200);
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.HangAsync(new Payload { Text = "given up" }, cancellationToken: source.Token));

        Assert.That(thrown!.Status, Is.EqualTo(new Status(StatusCode.Cancelled, "Call canceled by the client.")));
        Assert.That(() => _host.Log.CountCancelled("given up"), Is.EqualTo(1).After(5).Seconds.PollEvery(10));
    }

    [Test]
    public async Task Disposing_a_stream_tells_the_server()
    {
        using (var call = _client.Count(new CountRequest { Count = 1, Hang = true, Name = "dropped" }))
            await call.ResponseStream.MoveNext();

        Assert.That(() => _host.Log.CountCancelled("dropped"), Is.EqualTo(1).After(5).Seconds.PollEvery(10));
    }

    [Test]
    public async Task A_token_of_one_read_cancels_the_stream()
    {
        using var call = _client.Count(new CountRequest { Count = 1, Hang = true });
        await call.ResponseStream.MoveNext();
        using var source = new CancellationTokenSource(100);
        var thrown = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(source.Token));

        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.Cancelled));
        Assert.That(call.GetStatus().StatusCode, Is.EqualTo(StatusCode.Cancelled));
    }

    [Test]
    public async Task A_message_of_4_MiB_passes_and_one_byte_more_is_refused_by_the_server()
    {
        var largest = OfSize(4 * 1024 * 1024);
        var tooLarge = OfSize((4 * 1024 * 1024) + 1);

        Assert.That((await _client.EchoAsync(largest)).CalculateSize(), Is.EqualTo(4 * 1024 * 1024));
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await _client.EchoAsync(tooLarge));
        Assert.That(thrown!.Status, Is.EqualTo(new Status(StatusCode.ResourceExhausted, "Received message exceeds the maximum configured message size.")));
    }

    [Test]
    public async Task A_message_over_the_limit_is_refused_by_the_client()
    {
        using var call = _client.Count(new CountRequest { Count = 2, Size = 4 * 1024 * 1024 });
        var thrown = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());

        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
    }

    [Test]
    public async Task A_message_that_may_not_be_sent_fails_the_call()
    {
        using var channel = GrpcChannel.ForAddress(_host.Address, new GrpcChannelOptions { MaxSendMessageSize = 100 });
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await new Probe.ProbeClient(channel).EchoAsync(OfSize(101)));

        Assert.That(thrown!.Status, Is.EqualTo(new Status(StatusCode.ResourceExhausted, "Sending message exceeds the maximum configured message size.")));
    }

    [Test]
    public async Task Nobody_listening_is_unavailable()
    {
        using var channel = GrpcChannel.ForAddress("http://127.0.0.1:1");
        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await new Probe.ProbeClient(channel).EchoAsync(new Payload()));

        Assert.That(thrown!.StatusCode, Is.EqualTo(StatusCode.Unavailable));
    }

    [Test]
    public async Task Two_hundred_calls_at_once_all_end()
    {
        var calls = Enumerable.Range(0, 200).Select(i => _client.EchoAsync(new Payload { Number = i, Data = ByteString.CopyFrom(new byte[i * 100]) }).ResponseAsync);

        var responses = await Task.WhenAll(calls);

        Assert.That(responses.Select(response => response.Number), Is.EqualTo(Enumerable.Range(0, 200)));
        Assert.That(responses.Select(response => response.Data.Length), Is.EqualTo(Enumerable.Range(0, 200).Select(i => i * 100)));
    }

    internal static DateTime Soon(int milliseconds) => TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(milliseconds);

    /// <summary>A message of so many bytes on the wire, at least 100.</summary>
    internal static Payload OfSize(int size)
    {
        // No field is left at its default: protobuf.js writes those too when it sends a message back.
        var payload = new Payload { Number = 1, Text = "x", Data = ByteString.CopyFrom(new byte[size - 20]) };
        while (payload.CalculateSize() != size)
            payload.Data = ByteString.CopyFrom(new byte[payload.Data.Length + size - payload.CalculateSize()]);
        return payload;
    }
}
