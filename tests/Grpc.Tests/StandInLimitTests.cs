#if !FULL_REGISTRY
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;

namespace EnvPlatform.Grpc.Tests;

/// <summary>Where the stand-in stops and the packages go on: compressed messages and streams of requests are refused, and clearly.</summary>
public sealed class StandInLimitTests
{
    private ProbeHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await ProbeHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_compressed_message_is_refused()
    {
        await using var client = await NodePeer.StartClientAsync();
        var answer = await client.CallAsync(_host.Address, "Echo", new { size = 1_000 }, more: new { compress = true });

        AssertUnimplemented(answer, "Unsupported grpc-encoding value 'gzip'. Supported encodings: identity");
    }

    [TestCase("Upload")]
    [TestCase("Chat")]
    public async Task The_server_refuses_a_stream_of_requests(string method)
    {
        await using var client = await NodePeer.StartClientAsync();

        AssertUnimplemented(await client.CallAsync(_host.Address, method), "Method is unimplemented.");
    }

    [Test]
    public void The_client_refuses_a_stream_of_requests()
    {
        using var channel = GrpcChannel.ForAddress(_host.Address);
        var client = new Probe.ProbeClient(channel);

        Assert.That(Assert.Throws<RpcException>(() => client.Upload().Dispose())!.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
        Assert.That(Assert.Throws<RpcException>(() => client.Chat().Dispose())!.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
    }

    private static void AssertUnimplemented(JsonElement answer, string detail)
    {
        Assert.That(answer.GetProperty("code").GetInt32(), Is.EqualTo((int)StatusCode.Unimplemented));
        Assert.That(answer.GetProperty("details").GetString(), Is.EqualTo(detail));
    }
}
#endif
