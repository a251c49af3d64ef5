using System.Text.Json;
using Grpc.Core;

namespace EnvPlatform.Grpc.Tests;

/// <summary>The client of <c>@grpc/grpc-js</c> against our server.</summary>
public sealed class NodeClientTests
{
    private ProbeHost _host = null!;
    private NodePeer _client = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await ProbeHost.StartAsync();
        _client = await NodePeer.StartClientAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        await _host.DisposeAsync();
    }

    [Test]
    public async Task A_unary_call_gives_the_response()
    {
        var answer = await CallAsync("Echo", new { number = -7, text = "grüß ☂", size = 100 });

        AssertStatus(answer, StatusCode.OK);
        Assert.That(answer.GetProperty("response").GetRawText(), Is.EqualTo("""{"number":-7,"text":"grüß ☂","size":100}"""));
    }

    [Test]
    public async Task A_stream_of_10_000_messages_arrives_in_order()
    {
        var answer = await CallAsync("Count", new { count = 10_000, size = 200 });

        AssertStatus(answer, StatusCode.OK);
        Assert.That(answer.GetProperty("count").GetInt32(), Is.EqualTo(10_000));
        Assert.That(answer.GetProperty("bytes").GetInt32(), Is.EqualTo(2_000_000));
        Assert.That(answer.GetProperty("ordered").GetBoolean(), Is.True);
    }

    [Test]
    public async Task A_stream_may_fail_after_its_messages()
    {
        var answer = await CallAsync("Count", new { count = 3, status = (int)StatusCode.Aborted });

        AssertStatus(answer, StatusCode.Aborted, "after the messages");
        Assert.That(answer.GetProperty("count").GetInt32(), Is.EqualTo(3));
    }

    [TestCase("Hang")]
    [TestCase("Count")]
    public async Task A_deadline_ends_the_call_on_both_sides(string method)
    {
        var name = TestContext.CurrentContext.Test.FullName;
        object request = method == "Count" ? new { count = 2, hang = true, name } : new { text = name };
        var answer = await CallAsync(method, request, more: new { timeoutMs = 300 });

        Assert.That(answer.GetProperty("code").GetInt32(), Is.EqualTo((int)StatusCode.DeadlineExceeded));
        Assert.That(() => _host.Log.CountCancelled(name), Is.EqualTo(1).After(5).Seconds.PollEvery(10));
    }

    [TestCase("Hang")]
    [TestCase("Count")]
    public async Task Cancelling_ends_the_call_on_both_sides(string method)
    {
        var name = TestContext.CurrentContext.Test.FullName;
        object request = method == "Count" ? new { count = 2, hang = true, name } : new { text = name };
        var answer = await CallAsync(method, request, more: new { cancelAfterMs = 300 });

        Assert.That(answer.GetProperty("code").GetInt32(), Is.EqualTo((int)StatusCode.Cancelled));
        Assert.That(() => _host.Log.CountCancelled(name), Is.EqualTo(1).After(5).Seconds.PollEvery(10));
    }

    [Test]
    public async Task Every_status_arrives_with_its_text_and_trailers([Range(1, 16)] int code)
    {
        const string text = "100 % Ünglück\r\n☂ 😀";
        var answer = await CallAsync("Fail", new { code, message = text });

        AssertStatus(answer, (StatusCode)code, text);
        var trailers = answer.GetProperty("trailers");
        Assert.That(trailers.GetProperty("reason")[0].GetString(), Is.EqualTo("told"));
        Assert.That(trailers.GetProperty("reason-bin")[0].GetProperty("base64").GetBytesFromBase64(), Is.EqualTo(new byte[] { 0, 1, 254, 255 }));
    }

    [Test]
    public async Task Success_is_a_status_too() => AssertStatus(await CallAsync("Fail", new { code = 0, message = "fine" }), StatusCode.OK);

    [Test]
    public async Task The_text_of_other_exceptions_stays_on_the_server() =>
        AssertStatus(await CallAsync("Fail", new { code = -1, message = "secret" }), StatusCode.Unknown, "Exception was thrown by handler.");

    // No empty ones: Kestrel leaves out headers without a value.
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(300)]
    public async Task Metadata_goes_there_and_back_as_headers_and_trailers(int length)
    {
        var bytes = Convert.ToBase64String([.. Enumerable.Range(200, length).Select(i => (byte)i)]);
        var metadata = new Dictionary<string, object[]>
        {
            ["echo-text"] = ["a b"],
            ["echo-bytes-bin"] = [new { base64 = bytes }],
            ["trail-text"] = ["end"],
            ["trail-bytes-bin"] = [new { base64 = bytes }, new { base64 = "CQ==" }],
        };
        var answer = await CallAsync("Echo", metadata: metadata);

        AssertStatus(answer, StatusCode.OK);
        var (headers, trailers) = (answer.GetProperty("headers"), answer.GetProperty("trailers"));
        Assert.That(headers.GetProperty("echo-text")[0].GetString(), Is.EqualTo("a b"));
        Assert.That(headers.GetProperty("echo-bytes-bin")[0].GetProperty("base64").GetString(), Is.EqualTo(bytes));
        Assert.That(trailers.GetProperty("trail-text")[0].GetString(), Is.EqualTo("end"));
        Assert.That(
            trailers.GetProperty("trail-bytes-bin").EnumerateArray().Select(value => value.GetProperty("base64").GetString()),
            Is.EqualTo(new[] { bytes, "CQ==" }));
    }

    [Test]
    public async Task A_message_of_4_MiB_passes_and_one_byte_more_is_refused()
    {
        // A field of bytes of this size has 5 bytes before it.
        AssertStatus(await CallAsync("Echo", new { size = (4 * 1024 * 1024) - 5 }), StatusCode.OK);
        AssertStatus(
            await CallAsync("Echo", new { size = (4 * 1024 * 1024) - 4 }),
            StatusCode.ResourceExhausted, "Received message exceeds the maximum configured message size.");
    }

    [Test]
    public async Task Two_hundred_calls_at_once_share_one_connection()
    {
        await using var host = await ProbeHost.StartAsync();
        var answer = await _client.CallAsync(host.Address, "Echo", more: new { times = 200 });

        AssertStatus(answer, StatusCode.OK);
        Assert.That(answer.GetProperty("count").GetInt32(), Is.EqualTo(200));
        Assert.That(answer.GetProperty("ordered").GetBoolean(), Is.True);
        Assert.That(host.Log.Connections, Has.Count.EqualTo(200));
        Assert.That(host.Log.Connections.Distinct(), Has.Exactly(1).Items);
    }

    [Test]
    public async Task A_client_that_dies_in_mid_stream_cancels_its_calls()
    {
        var client = await NodePeer.StartClientAsync();
        await using (client)
        {
            var stream = client.CallAsync(_host.Address, "Count", new { count = 5, hang = true, name = "orphan" });
            var echo = await client.CallAsync(_host.Address, "Echo");
            AssertStatus(echo, StatusCode.OK);
            await Task.Delay(200, CancellationToken.None);
            Assert.That(stream.IsCompleted, Is.False);

            await client.KillAsync();
        }

        Assert.That(() => _host.Log.CountCancelled("orphan"), Is.EqualTo(1).After(10).Seconds.PollEvery(10));
    }

    private static void AssertStatus(JsonElement answer, StatusCode code, string? detail = null)
    {
        Assert.That((StatusCode)answer.GetProperty("code").GetInt32(), Is.EqualTo(code), answer.GetProperty("details").GetString());
        if (detail is not null)
            Assert.That(answer.GetProperty("details").GetString(), Is.EqualTo(detail));
    }

    private Task<JsonElement> CallAsync(string method, object? request = null, object? metadata = null, object? more = null) =>
        _client.CallAsync(_host.Address, method, request, metadata, more);
}
