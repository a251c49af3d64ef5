namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>The activation hook in real shells, with functions as conda defines them.</summary>
[Platform(Exclude = "Win", Reason = "The shells are those of Unix.")]
public sealed class HookTests : CommandFixture
{
    private const string BashConda = "conda() { echo \"conda $*\"; }\n";
    private const string FishConda = "function conda; echo \"conda $argv\"; end\n";

    [SetUp]
    public void Block()
    {
        Machine.Environment("envs/bad");
        Machine.Environment("envs/good");
        Platform.On($"GET {Orgs}/activation", (received, response) =>
        {
            response.ContentType = "application/json";
            return Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(
                response,
                received.Query.Contains("bad", StringComparison.Ordinal)
                    ? """{"status": "block", "message": "Old openssl."}"""
                    : """{"status": "ok"}""");
        });
        Machine.Variables["PATH"] = TestContext.CurrentContext.TestDirectory + ":" + Environment.GetEnvironmentVariable("PATH");
        Machine.Variables["CONDA_ENVS_DIRS"] = Path.Combine(Machine.Home, "envs");
    }

    [TestCase("bash", ".bashrc", BashConda, "-ic")]
    [TestCase("zsh", ".zshrc", BashConda, "-ic")]
    [TestCase("fish", ".config/fish/config.fish", FishConda, "-ic")]
    public async Task A_blocked_environment_is_not_activated_and_everything_else_goes_on(
        string shell, string startUp, string conda, string option)
    {
        await RequireAsync(shell);
        Machine.Write(startUp, conda);
        Assert.That((await Machine.RunAsync("hook", shell, "--install")).ExitCode, Is.Zero);
        Assert.That((await Machine.RunAsync("hook", shell, "--install")).ExitCode, Is.Zero, "a second time changes nothing");

        var bad = await Machine.RunProgramAsync(shell, option, "conda activate bad");
        var byPath = await Machine.RunProgramAsync(shell, option, $"conda activate {Machine.Home}/envs/bad");
        var run = await Machine.RunProgramAsync(shell, option, "conda run --name bad python -c 'print(1)'");
        var good = await Machine.RunProgramAsync(shell, option, "conda activate good");
        var other = await Machine.RunProgramAsync(shell, option, "conda list -n bad");
        var unknown = await Machine.RunProgramAsync(shell, option, "conda activate nowhere");
        Assert.Multiple(() =>
        {
            foreach (var blocked in new[] { bad, byPath, run })
            {
                Assert.That((blocked.ExitCode, blocked.Out), Is.EqualTo((1, "")), blocked.Error);
                Assert.That(blocked.Error, Does.Contain("envs/bad is blocked: Old openssl."));
            }

            Assert.That((good.ExitCode, good.Out), Is.EqualTo((0, "conda activate good\n")), good.Error);
            Assert.That((other.ExitCode, other.Out), Is.EqualTo((0, "conda list -n bad\n")), other.Error);
            Assert.That((unknown.ExitCode, unknown.Out), Is.EqualTo((0, "conda activate nowhere\n")), unknown.Error);
        });
    }

    [Test]
    public async Task Installed_and_removed_again_the_start_up_file_is_as_it_was()
    {
        var file = Machine.Write(".bashrc", "alias ll='ls -l'");
        await Machine.RunAsync("hook", "bash", "--install");
        Assert.That(File.ReadAllText(file), Does.StartWith("alias ll='ls -l'\n# >>> envplatform").And.EndsWith("<<<\n"));
        await Machine.RunAsync("hook", "bash", "--uninstall");
        Assert.That(File.ReadAllText(file), Is.EqualTo("alias ll='ls -l'\n"));
    }

    [Test]
    public async Task A_function_that_is_defined_after_the_hook_is_found_at_the_first_prompt()
    {
        await RequireAsync("bash");
        await Machine.RunAsync("hook", "bash", "--install");
        var file = Path.Combine(Machine.Home, ".bashrc");
        await File.WriteAllTextAsync(file, await File.ReadAllTextAsync(file) + BashConda);
        Machine.In = "conda activate bad\nexit $?\n";
        var ended = await Machine.RunProgramAsync("bash", "-i");
        Assert.That((ended.ExitCode, ended.Out), Is.EqualTo((1, "")), ended.Error);
        Assert.That(ended.Error, Does.Contain("is blocked: Old openssl."));
    }

    [TestCase("conda activate bad", "envs/bad")]
    [TestCase("conda activate --stack bad", "envs/bad")]
    [TestCase("conda activate ./envs/bad/", "envs/bad")]
    [TestCase("micromamba activate -n bad", "envs/bad")]
    [TestCase("micromamba run -p envs/bad --cwd / python", "envs/bad")]
    [TestCase("/opt/conda/bin/conda run --name=bad python", "envs/bad")]
    [TestCase("conda run python -n bad", null)]
    [TestCase("conda activate --help", null)]
    [TestCase("conda install -n bad openssl", null)]
    [TestCase("conda activate nowhere", null)]
    public void The_environment_is_the_one_that_the_command_would_activate(string line, string? expected)
    {
        using var output = new StringWriter();
        var surroundings = Machine.Surroundings(output, output);
        Assert.That(
            EnvPlatform.Agent.Commands.ActivatingCommand.PrefixOf(line.Split(' '), surroundings),
            Is.EqualTo(expected is null ? null : Path.Combine(Machine.Home, expected)));
    }

    private async Task RequireAsync(string shell)
    {
        if (await Machine.RunProgramAsync("sh", "-c", $"command -v {shell}") is { ExitCode: not 0 }
            && Environment.GetEnvironmentVariable("CI") is not { Length: > 0 })
        {
            Assert.Ignore($"{shell} is not installed.");
        }
    }
}
