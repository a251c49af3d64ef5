namespace EnvPlatform.Agent.Tests.Commands;

public sealed class UsageTests
{
    private UserMachine _machine = null!;

    [SetUp]
    public void Create() => _machine = new UserMachine();

    [TearDown]
    public void Remove() => _machine.Dispose();

    [TestCase("")]
    [TestCase("nonsense")]
    [TestCase("audit")]
    [TestCase("invitations accept")]
    [TestCase("invitations accept 0192f0c1-0000-7000-8000-0000000000e1 --token x")]
    [TestCase("invitations accept 0192f0c1-0000-7000-8000-0000000000e1 --new-account")]
    [TestCase("invitations decline not-an-id")]
    [TestCase("log --prefix a --name b")]
    [TestCase("log --all --file x")]
    [TestCase("log --nonsense")]
    [TestCase("log --prefix")]
    [TestCase("check --file x")]
    [TestCase("audit scan --fail-on much")]
    [TestCase("env list --limit 0")]
    [TestCase("env list --limit many")]
    [TestCase("env show not-an-id")]
    [TestCase("advisories import")]
    [TestCase("advisories import x --format csv")]
    [TestCase("advisories rejections not-an-id")]
    [TestCase("advisories imports --limit 0")]
    [TestCase("vulnerability show")]
    [TestCase("vulnerability curate CVE-2022-0778 --reason x")]
    [TestCase("vulnerability curate CVE-2022-0778 --status gone --reason x")]
    [TestCase("vulnerability curate CVE-2022-0778 --status cleared")]
    [TestCase("vulnerability curate CVE-2022-0778 --status cleared --reason x --version 1.0")]
    [TestCase("vulnerability curate CVE-2022-0778 --status cleared --reason x --build 0")]
    [TestCase("vulnerability curate CVE-2022-0778 --status cleared --reason x --expires soon")]
    [TestCase("vulnerability curate CVE-2022-0778 --status cleared --reason x --expires 0d")]
    [TestCase("vex export --format csaf")]
    [TestCase("vex import")]
    public async Task A_command_line_that_makes_no_sense_ends_with_64_and_a_hint(string line)
    {
        var ended = await _machine.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(64));
            Assert.That(ended.Error, Does.StartWith("envplatform: ").And.Contains("--help"));
            Assert.That(ended.Out, Is.Empty);
        });
    }

    [TestCase("--help")]
    [TestCase("log --help")]
    [TestCase("audit --help")]
    [TestCase("audit scan -h")]
    [TestCase("advisories import --help")]
    [TestCase("advisories feeds --help")]
    [TestCase("advisories sync --help")]
    [TestCase("vulnerability curate --help")]
    [TestCase("vex import --help")]
    [TestCase("check --help")]
    [TestCase("log --prefix a --name b --help")]
    public async Task Help_is_there_for_every_command(string line)
    {
        var ended = await _machine.RunAsync(line.Split(' '));
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero);
            Assert.That(ended.Out, Does.Contain("Usage:"));
            Assert.That(ended.Error, Is.Empty);
        });
    }

    [Test]
    public async Task The_version_is_one_word()
    {
        var ended = await _machine.RunAsync("--version");
        Assert.That(ended, Is.EqualTo(new Ended(0, Surroundings.Version + Environment.NewLine, "")));
        Assert.That(Surroundings.Version, Does.Match(@"^\d+\.\d+\.\d+"));
    }

    [TestCase("status")]
    [TestCase("register")]
    [TestCase("log --prefix /nowhere")]
    [TestCase("check --prefix /nowhere")]
    [TestCase("audit scan --prefix /nowhere")]
    [TestCase("env list")]
    [TestCase("advisories feeds")]
    [TestCase("vulnerability show CVE-2022-0778")]
    [TestCase("vex export")]
    public async Task Without_a_sign_in_everything_ends_with_2_and_says_how_to_sign_in(string line)
    {
        var ended = await _machine.RunAsync(line.Split(' '));
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Out + ended.Error, Does.Contain("envplatform login"));
        });
    }

    [Test]
    public async Task No_active_environment_is_a_usage_error()
    {
        _machine.Variables["ENVPLATFORM_URL"] = "http://127.0.0.1:1";
        _machine.Variables["ENVPLATFORM_TOKEN"] = "t";
        _machine.Variables["ENVPLATFORM_ORG"] = "o";
        var ended = await _machine.RunAsync("check");
        Assert.That((ended.ExitCode, ended.Error),
            Is.EqualTo((64, $"envplatform: No environment is active: say which one with --prefix or --name.{Environment.NewLine}")));
    }

    [TestCase("ENVPLATFORM_MACHINE_ID", "machine-1")]
    [TestCase("ENVPLATFORM_CHECK_TIMEOUT_MS", "soon")]
    [TestCase("ENVPLATFORM_URL", "ftp://example.org")]
    public async Task A_setting_that_makes_no_sense_is_a_usage_error(string variable, string value)
    {
        _machine.Variables["ENVPLATFORM_URL"] = "http://127.0.0.1:1";
        _machine.Variables["ENVPLATFORM_TOKEN"] = "t";
        _machine.Variables["ENVPLATFORM_ORG"] = "o";
        _machine.Variables["ENVPLATFORM_MACHINE_ID"] = "0192f0c1-0000-7000-8000-000000000001";
        _machine.Variables[variable] = value;
        Assert.That((await _machine.RunAsync("check", "--prefix", "/x")).ExitCode, Is.EqualTo(64));
    }

    [Test]
    public async Task A_broken_settings_file_is_named_and_not_overwritten()
    {
        _machine.Write(".config/envplatform/settings.json", "{ broken");
        var ended = await _machine.RunAsync("status");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain(_machine.SettingsFile).And.Not.Contains("   at "));
            Assert.That(File.ReadAllText(_machine.SettingsFile), Is.EqualTo("{ broken"));
        });
    }
}
