using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Tests.SignIn;

/// <summary>Sign-ins in a real keyring: GNOME Keyring on a session bus of its own.</summary>
[Platform(Include = "Linux")]
[UnsupportedOSPlatform("windows")]
[NonParallelizable]
public sealed partial class KeyringTests : SignInFixture
{
    private Process? _session;

    [SetUp]
    public async Task StartSessionAsync()
    {
        HaveBrowser();
        foreach (var (name, folder) in new[] { ("HOME", ""), ("XDG_RUNTIME_DIR", "run"), ("XDG_DATA_HOME", "data") })
        {
            Machine.Variables[name] = Path.Combine(Machine.Home, folder);
            Directory.CreateDirectory(
                Machine.Variables[name], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        // The daemon stays in the foreground of the session, which ends with its standard input.
        var start = Machine.Start(
            "dbus-run-session", "--", "sh", "-c",
            "printf password | gnome-keyring-daemon --unlock --components=secrets; echo \"bus $DBUS_SESSION_BUS_ADDRESS\"; cat");
        try
        {
            _session = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception) when (System.Environment.GetEnvironmentVariable("CI") is not { Length: > 0 })
        {
            Assert.Ignore("dbus-run-session is not installed (apt-get install dbus gnome-keyring).");
        }

        var said = "";
        while (await _session.StandardOutput.ReadLineAsync() is { } line)
        {
            said += line + "\n";
            if (Bus().Match(line) is { Success: true } match)
            {
                Machine.Variables["DBUS_SESSION_BUS_ADDRESS"] = match.Groups["address"].Value;
                break;
            }
        }

        if (await Machine.RunProgramAsync("sh", "-c", "command -v gnome-keyring-daemon") is { ExitCode: not 0 }
            && System.Environment.GetEnvironmentVariable("CI") is not { Length: > 0 })
        {
            Assert.Ignore("gnome-keyring-daemon is not installed (apt-get install gnome-keyring).");
        }

        Assert.That(Machine.Variables.ContainsKey("DBUS_SESSION_BUS_ADDRESS"), Is.True, said);
    }

    [TearDown]
    public async Task EndSessionAsync()
    {
        if (_session is not null)
        {
            _session.StandardInput.Close();
            await _session.WaitForExitAsync();
            _session.Dispose();
        }
    }

    [Test]
    public async Task The_sign_in_is_in_the_keyring_and_in_no_file_and_logout_removes_it()
    {
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.That((ended.ExitCode, ended.Error.Contains("kept in the keyring", StringComparison.Ordinal)),
            Is.EqualTo((0, true)), ended.Error);
        Assert.That(File.Exists(CredentialsFile), Is.False);
        Assert.That(AllSettings(), Does.Not.Contain("access-").And.Not.Contain("refresh-"));
        Assert.That(await SecretsAsync(), Does.Contain("refresh-2"));
        Assert.That((await Machine.RunAsync("status")).Out, Does.Match("kept in +the keyring"));

        var signedOut = await Machine.RunAsync("logout");
        Assert.That((signedOut.ExitCode, signedOut.Error), Is.EqualTo((0, "")));
        Assert.That(await SecretsAsync(), Does.Not.Contain("refresh-"));
        Assert.That(Server.Revoked, Is.EqualTo(new[] { "refresh-2", "access-2" }));
    }

    [Test]
    public async Task Ten_commands_at_once_renew_a_sign_in_of_the_keyring_once()
    {
        Server.AccessLife = 1;
        Assert.That((await Machine.RunAsync("login", "--url", Platform.Url, "--no-install")).ExitCode, Is.Zero);
        Server.AccessLife = 900;
        Platform.On($"GET {Orgs}/environments", 200, """{"items": [], "total_count": 0}""");
        var before = Server.Grants("refresh_token").Length;
        var program = Path.Combine(TestContext.CurrentContext.TestDirectory, "envplatform");
        var ended = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Machine.RunProgramAsync(program, "env", "list")));
        Assert.That(ended.Select(one => (one.ExitCode, one.Error)), Is.All.EqualTo((0, "")));
        Assert.That(Server.Grants("refresh_token").Length - before, Is.EqualTo(1));
    }

    [Test]
    public async Task A_token_that_was_handed_over_is_in_the_keyring_too()
    {
        var (access, _) = Server.Issue();
        Assert.That((await Machine.RunAsync("login", "--url", Platform.Url, "--token", access)).ExitCode, Is.Zero);
        Assert.That(AllSettings(), Does.Not.Contain(access));
        Assert.That(await SecretsAsync(), Does.Contain(access));
        Assert.That((await Machine.RunAsync("status")).Out, Does.Contain("ada@example.org"));
    }

    [Test]
    public async Task A_locked_keyring_asks_nobody_and_says_so()
    {
        Assert.That((await Machine.RunAsync("login", "--url", Platform.Url)).ExitCode, Is.Zero);
        var locked = await Machine.RunProgramAsync(
            "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.Lock", "array:objpath:/org/freedesktop/secrets/collection/login");
        Assert.That(locked.ExitCode, Is.Zero, locked.Error);
        var ended = await Machine.RunAsync("status");
        Assert.That((ended.ExitCode, ended.Out.Contains("cannot be read: it is locked", StringComparison.Ordinal)),
            Is.EqualTo((2, true)), ended.Out);

        var again = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.That(again.ExitCode, Is.Zero, again.Error);
        Assert.That(again.Error, Does.Contain("The keyring was not used (it is locked)").And.Contains(CredentialsFile)
            .And.Contains("The sign-in before this one could not be revoked"));
    }

    [Test]
    public async Task Without_the_bus_the_sign_in_is_not_there_and_that_is_said()
    {
        Assert.That((await Machine.RunAsync("login", "--url", Platform.Url)).ExitCode, Is.Zero);
        Machine.Variables.Remove("DBUS_SESSION_BUS_ADDRESS");
        Machine.Variables.Remove("XDG_RUNTIME_DIR");
        var ended = await Machine.RunAsync("env", "list");
        Assert.That((ended.ExitCode, ended.Error.Contains("which this session does not reach", StringComparison.Ordinal)),
            Is.EqualTo((2, true)), ended.Error);
    }

    /// <summary>All secrets of the keyring that are this program's, as another program reads them.</summary>
    private async Task<string> SecretsAsync()
    {
        var found = await Machine.RunProgramAsync("secret-tool", "search", "--all", "--unlock", "application", "envplatform");
        return found.Out;
    }

    private string AllSettings() => string.Concat(
        Directory.EnumerateFiles(Path.GetDirectoryName(Machine.SettingsFile)!).Select(File.ReadAllText));

    [GeneratedRegex("^bus (?<address>.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex Bus();
}
