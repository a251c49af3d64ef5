namespace EnvPlatform.EndToEnd.Tests;

/// <summary>One platform for all stories that leave it running, started when the first of them runs.</summary>
[SetUpFixture]
internal sealed class SharedPlatform
{
    public static Platform Platform { get; private set; } = null!;

    public static OtlpReceiver Telemetry { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        Telemetry = await OtlpReceiver.StartAsync();
        // All stories come from one address, and some ask every operation with a token that is good no more.
        Platform = await Platform.StartAsync(
            Telemetry.Address, new Dictionary<string, string> { ["Gateway__FailedAuthenticationsPerMinute"] = "60000" });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (Platform is not null)
        {
            await Platform.DisposeAsync();
        }

        await Telemetry.DisposeAsync();
    }
}
