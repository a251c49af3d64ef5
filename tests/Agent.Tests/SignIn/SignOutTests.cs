namespace EnvPlatform.Agent.Tests.SignIn;

public sealed class SignOutTests : SignInFixture
{
    [Test]
    public async Task Logout_revokes_both_tokens_at_the_platform_and_deletes_them_here()
    {
        var (access, refresh) = SignedIn();
        var ended = await Machine.RunAsync("logout");
        Assert.Multiple(() =>
        {
            Assert.That((ended.ExitCode, ended.Out, ended.Error), Is.EqualTo((0, "Signed out.\n".ReplaceLineEndings(), "")));
            Assert.That(Server.Revoked, Is.EqualTo(new[] { refresh, access }));
            Assert.That(File.Exists(CredentialsFile), Is.False);
            Assert.That(AllFiles(), Does.Not.Contain(access).And.Not.Contain(refresh));
        });
    }

    [Test]
    public async Task Offline_the_revocation_is_told_and_kept_and_sent_at_the_next_contact()
    {
        var (access, refresh) = SignedIn();
        File.WriteAllText(CredentialsFile, File.ReadAllText(CredentialsFile).Replace(
            $"{Platform.Url}/oauth/revoke", "http://127.0.0.1:1/oauth/revoke", StringComparison.Ordinal));
        var ended = await Machine.RunAsync("logout");
        Assert.That((ended.ExitCode, ended.Error.Contains("still valid there", StringComparison.Ordinal)),
            Is.EqualTo((0, true)), ended.Error);
        Assert.That(File.Exists(CredentialsFile), Is.False);

        var queue = Path.ChangeExtension(Machine.SettingsFile, "revocations.json");
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(queue), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        File.WriteAllText(queue, File.ReadAllText(queue).Replace("http://127.0.0.1:1", Platform.Url, StringComparison.Ordinal));
        Assert.That((await Machine.RunAsync("login", "--url", Platform.Url, "--device")).ExitCode, Is.Zero);
        Assert.Multiple(() =>
        {
            Assert.That(Server.Revoked, Is.EqualTo(new[] { refresh, access }));
            Assert.That(File.Exists(queue), Is.False);
            Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Not.Contain("pending_revocations"));
        });
    }

    [Test]
    public async Task A_platform_that_refuses_to_revoke_is_told()
    {
        SignedIn();
        File.WriteAllText(
            CredentialsFile, File.ReadAllText(CredentialsFile).Replace("/oauth/revoke", "/oauth/gone", StringComparison.Ordinal));
        var ended = await Machine.RunAsync("logout");
        Assert.That(ended.Error, Does.Contain("the platform did not revoke the sign-in"));
    }

    [Test]
    public async Task A_token_that_was_handed_over_stays_valid_and_that_is_said()
    {
        Assert.That((await Machine.RunAsync("login", "--url", Platform.Url, "--token", Server.Issue().Access)).ExitCode, Is.Zero);
        var ended = await Machine.RunAsync("logout");
        Assert.That(ended.Error, Does.Contain("The token itself stays valid"));
        Assert.That(Server.Revoked, Is.Empty);
    }

    [Test]
    public async Task Status_says_how_one_is_signed_in_and_where_the_secrets_are()
    {
        SignedIn();
        var text = await Machine.RunAsync("status");
        var json = (await Machine.RunAsync("status", "--json")).Json();
        Assert.Multiple(() =>
        {
            Assert.That(text.Out, Does.Match("signed in by +browser").And.Match("kept in +.*settings.credentials.json")
                .And.Match(@"good until +it is renewed by itself; the present token is good until \d{4}-\d\d-\d\d"));
            Assert.That(((string)json["signed_in_by"]!, (string)json["kept_in"]!), Is.EqualTo(("browser", "file")));
        });
    }

    private string AllFiles() => string.Concat(
        Directory.EnumerateFiles(Machine.Home, "*", SearchOption.AllDirectories).Select(File.ReadAllText));
}
