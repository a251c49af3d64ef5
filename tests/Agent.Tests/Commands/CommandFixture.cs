namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>The base of all command fixtures: a platform and a signed-in machine.</summary>
public abstract class CommandFixture
{
    private protected const string Orgs = "/orgs/" + RecordedPlatform.Org;

    private protected RecordedPlatform Platform { get; private set; } = null!;

    private protected UserMachine Machine { get; private set; } = null!;

    [SetUp]
    public async Task StartAsync()
    {
        Platform = await RecordedPlatform.StartAsync();
        Machine = new UserMachine();
        Machine.SignIn(Platform);
    }

    [TearDown]
    public async Task StopAsync()
    {
        await Platform.DisposeAsync();
        Machine.Dispose();
    }
}
