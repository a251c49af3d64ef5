namespace EnvPlatform.Agent.Tests.Commands;

/// <summary>A folder that is reached through a symbolic link is the same environment.</summary>
public sealed class LinkTests : CommandFixture
{
    private const string Activation = $"GET {Orgs}/activation";
    private const string Logs = $"POST {Orgs}/environment-logs";

    private const string Logged =
        """
        {"environment_id": "0192f0c1-0000-7000-8000-0000000000e1", "created": true, "changed": true, "digest": "sha256:x", "status": "ok",
         "message": null, "packages": 2, "vulnerabilities": null, "scan": "done"}
        """;

    private string _real = null!;
    private string _linked = null!;

    [SetUp]
    public void LinkHome()
    {
        Machine.Variables["ENVPLATFORM_CHECK_TIMEOUT_MS"] = "10000";
        Platform.On($"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001", 200, "{}");
        _real = Machine.Environment("gpfs/home/envs/science");
        Directory.CreateSymbolicLink(Path.Combine(Machine.Home, "link"), Path.Combine("gpfs", "home"));
        _linked = Path.Combine(Machine.Home, "link", "envs", "science");
    }

    [TestCase("link/envs/science")]
    [TestCase("link/envs/science/")]
    [TestCase("link/../gpfs/home/envs/science")]
    [TestCase("gpfs/home/envs/science")]
    public async Task It_is_checked_where_it_is(string path)
    {
        Platform.On(Activation, 200, """{"status": "block", "message": "No."}""");
        var ended = await Machine.RunAsync("check", "--prefix", Path.Combine(Machine.Home, path));
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(1));
            Assert.That(Platform.Requests.Last().Query, Does.EndWith("&prefix=" + Uri.EscapeDataString(_real)));
            Assert.That(ended.Error, Does.Contain(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, Machine.Home))), "as typed");
        });
    }

    [Test]
    public async Task The_active_environment_is_checked_where_it_is()
    {
        Platform.On(Activation, 200, """{"status": "ok", "message": null}""");
        Machine.Variables["CONDA_PREFIX"] = _linked;
        Assert.That((await Machine.RunAsync("check")).ExitCode, Is.Zero);
        Assert.That(Platform.Requests.Last().Query, Does.EndWith("&prefix=" + Uri.EscapeDataString(_real)));
    }

    /// <summary>The cached answer of one path is that of the other.</summary>
    [Test]
    public async Task A_block_is_remembered_for_every_path()
    {
        Platform.On(Activation, 200, """{"status": "block", "message": "No."}""")
            .On(Activation, 503, """{"title": "Try again.", "status": 503}""");
        Assert.That((await Machine.RunAsync("check", "--prefix", _real)).ExitCode, Is.EqualTo(1));
        var cached = await Machine.RunAsync("check", "--prefix", _linked);
        Assert.That((cached.ExitCode, cached.Error.Contains("cache", StringComparison.Ordinal)), Is.EqualTo((1, true)), cached.Error);
    }

    [Test]
    public async Task It_is_logged_where_it_is_with_the_path_as_typed_for_what_was_logged_before()
    {
        Platform.On(Logs, 201, Logged);
        var ended = await Machine.RunAsync("log", "--prefix", _linked, "--json");
        var sent = Platform.To(Logs).Last().Json();
        Assert.Multiple(() =>
        {
            Assert.That(sent.GetProperty("prefix").GetString(), Is.EqualTo(_real));
            Assert.That(sent.GetProperty("previous_prefix").GetString(), Is.EqualTo(_linked));
            Assert.That((string?)ended.Json()["prefix"], Is.EqualTo(_linked));
            Assert.That((string?)ended.Json()["resolved_prefix"], Is.EqualTo(_real));
        });
    }

    [Test]
    public async Task All_logs_it_once()
    {
        Platform.On(Logs, 201, Logged);
        Machine.Write(".conda/environments.txt", $"{_linked}\n{_real}\n");
        await Machine.RunAsync("log", "--all");
        Assert.That(
            Platform.To(Logs).Count(log => log.Json().GetProperty("prefix").GetString() == _real), Is.EqualTo(1));
    }

    [Test]
    public void Links_that_lead_in_a_circle_end()
    {
        Directory.CreateSymbolicLink(Path.Combine(Machine.Home, "a"), "b");
        Directory.CreateSymbolicLink(Path.Combine(Machine.Home, "b"), "a");
        Assert.That(RealPath.Of(Path.Combine(Machine.Home, "a", "x")), Does.EndWith("x"));
    }

    [Test]
    public void A_link_to_a_link_and_one_to_a_folder_above_are_resolved()
    {
        Directory.CreateSymbolicLink(Path.Combine(Machine.Home, "second"), "link");
        Directory.CreateSymbolicLink(Path.Combine(Machine.Home, "gpfs", "home", "up"), Path.Combine("..", "home", "envs"));
        Assert.That(RealPath.Of(Path.Combine(Machine.Home, "second", "up", "science")), Is.EqualTo(_real));
    }
}
