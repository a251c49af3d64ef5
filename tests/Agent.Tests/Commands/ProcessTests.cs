namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>The program itself, started as by a shell.</summary>
public sealed class ProcessTests : CommandFixture
{
    [Test]
    public async Task A_blocked_environment_ends_the_process_with_1_and_the_message_on_standard_error()
    {
        Platform.On($"GET {Orgs}/activation", 200, """{"status": "block", "message": "Old openssl."}""");
        var ended = await RunAsync("check", "--prefix", "/envs/science");
        Assert.That(ended, Is.EqualTo(new Ended(1, "", $"/envs/science is blocked: Old openssl.{Environment.NewLine}")));
    }

    [Test]
    public async Task Usage_errors_and_failures_have_their_exit_codes()
    {
        Assert.That((await RunAsync("nonsense")).ExitCode, Is.EqualTo(64));
        Assert.That((await RunAsync("log", "--prefix", "/nowhere")).ExitCode, Is.EqualTo(2));
        Assert.That((await RunAsync("--version")).Out.Trim(), Is.EqualTo(Surroundings.Version));
    }

    private Task<Ended> RunAsync(params string[] args) =>
        Machine.RunProgramAsync(
            Path.Combine(TestContext.CurrentContext.TestDirectory, OperatingSystem.IsWindows() ? "envplatform.exe" : "envplatform"), args);
}
