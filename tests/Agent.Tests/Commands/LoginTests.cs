namespace EnvPlatform.Agent.Tests.Commands;

public sealed class LoginTests : CommandFixture
{
    private const string OneOrganization = """
        {"id": "0192f0c1-0000-7000-8000-00000000000a", "type": "user", "email": "ada@example.org", "display_name": "Ada",
         "organizations": [{"id": "0192f0c1-0000-7000-8000-00000000000b", "slug": "acme", "name": "Acme", "role": "member"}]}
        """;

    private const string TwoOrganizations = """{"email": "ada@example.org", "organizations": [{"slug": "acme"}, {"slug": "umbrella"}]}""";

    [SetUp]
    public void SignOut() => Machine.Variables.Clear();

    [Test]
    public async Task The_only_organization_is_chosen_and_all_is_kept_for_the_owner_alone()
    {
        Platform.On("GET /me", 200, OneOrganization);
        var ended = await Machine.RunAsync("login", "--url", Platform.Url + "/", "--token", "envp_abc");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Contain("ada@example.org").And.Contains("acme"));
            Assert.That(Platform.To("GET /me").Single().Headers["Authorization"], Is.EqualTo("Bearer envp_abc"));
            Assert.That(Platform.To("GET /me").Single().Headers["User-Agent"], Is.EqualTo("envplatform/" + Surroundings.Version));
            Assert.That(File.ReadAllText(Machine.SettingsFile),
                Is.EqualTo($$"""{"url":"{{Platform.Url}}","token":"envp_abc","organization":"acme","method":"token"}"""));
        });
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(Machine.SettingsFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
            Assert.That(
                File.GetUnixFileMode(Path.GetDirectoryName(Machine.SettingsFile)!) & (UnixFileMode.OtherRead | UnixFileMode.GroupRead),
                Is.EqualTo((UnixFileMode)0));
        }
    }

    [Test]
    public async Task A_settings_file_that_others_could_read_is_closed_by_the_next_login()
    {
        Platform.On("GET /me", 200, OneOrganization);
        Machine.Write(".config/envplatform/settings.json", """{"machine_id": "0192f0c1-0000-7000-8000-000000000001"}""");
        await Machine.RunAsync("login", "--url", Platform.Url, "--token", "envp_abc");
        Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Contain("0192f0c1-0000-7000-8000-000000000001"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(Machine.SettingsFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
    }

    [Test]
    public async Task The_token_can_come_from_standard_input()
    {
        Platform.On("GET /me", 200, OneOrganization);
        Machine.In = "envp_piped\n";
        await Machine.RunAsync("login", "--url", Platform.Url, "--token", "-");
        Assert.That(Platform.To("GET /me").Single().Headers["Authorization"], Is.EqualTo("Bearer envp_piped"));
    }

    [Test]
    public async Task Of_several_organizations_one_must_be_named_or_is_asked_for_on_a_terminal()
    {
        Platform.On("GET /me", 200, TwoOrganizations);
        string[] login = ["login", "--url", Platform.Url, "--token", "envp_abc"];
        var unnamed = await Machine.RunAsync(login);
        var wrong = await Machine.RunAsync([.. login, "--org", "initech"]);
        var named = await Machine.RunAsync([.. login, "--org", "umbrella"]);
        Assert.Multiple(() =>
        {
            Assert.That(unnamed.ExitCode, Is.EqualTo(64));
            Assert.That(unnamed.Error, Does.Contain("acme, umbrella"));
            Assert.That(wrong.ExitCode, Is.EqualTo(2));
            Assert.That(named.ExitCode, Is.Zero);
            Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Contain("umbrella"));
        });

        Machine.IsTerminal = true;
        Machine.In = "acme\n";
        Assert.That((await Machine.RunAsync(login)).ExitCode, Is.Zero);
        Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Contain("acme"));
    }

    [Test]
    public async Task Of_more_organizations_than_are_listed_one_can_be_named_that_is_not()
    {
        Platform.On("GET /me", 200, """{"organization_count": 10000, "organizations": [{"slug": "acme"}, {"slug": "umbrella"}]}""")
            .On("GET /me/organizations", 200, """{"items": [{"slug": "initech", "name": "Initech", "role": "member"}], "total_count": 1}""")
            .On("GET /me/organizations", 200, """{"items": [], "total_count": 0}""");
        string[] login = ["login", "--url", Platform.Url, "--token", "envp_abc"];
        var named = await Machine.RunAsync([.. login, "--org", "initech"]);
        Assert.That((named.ExitCode, Platform.To("GET /me/organizations").Single().Query), Is.EqualTo((0, "?slug=initech")), named.Error);
        var wrong = await Machine.RunAsync([.. login, "--org", "other"]);
        Assert.That(
            (wrong.ExitCode, wrong.Error.Contains("acme, umbrella and 9998 more", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task A_token_that_is_refused_changes_nothing_and_shows_the_detail_and_trace()
    {
        Platform.On("GET /me", 401,
            """{"title": "Unauthorized", "detail": "The token was revoked.", "status": 401, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}""");
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--token", "envp_old");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("The token was revoked")
                .And.Contains("4bf92f3577b34da6a3ce929d0e0e4736").And.Not.Contains("   at "));
            Assert.That(File.Exists(Machine.SettingsFile), Is.False);
        });
    }

    [Test]
    public async Task A_kept_token_is_not_sent_to_another_address()
    {
        Machine.Write(
            ".config/envplatform/settings.json",
            """{"url":"https://envplatform.example.org","token":"envp_secret","organization":"acme"}""");
        Machine.Variables["ENVPLATFORM_URL"] = Platform.Url;
        var ended = await Machine.RunAsync("env", "list");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(Platform.Requests, Is.Empty);
        });
    }

    [Test]
    public async Task A_redirect_is_not_followed_with_the_token()
    {
        Platform.On("GET /me", 307, "", "text/plain", ("Location", "http://elsewhere.example.org/"));
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--token", "envp_abc");
        Assert.That((ended.ExitCode, ended.Error.Contains("elsewhere.example.org", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task Logout_forgets_the_token_and_the_cache_and_keeps_the_machine()
    {
        Machine.Write(
            ".config/envplatform/settings.json",
            $$"""{"url":"{{Platform.Url}}","token":"envp_secret","organization":"acme","machine_id":"0192f0c1-0000-7000-8000-000000000001"}""");
        Machine.Write(".cache/envplatform/activation/0.json", "{}");
        Machine.Write(".cache/envplatform/registration", "x");
        var ended = await Machine.RunAsync("logout");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Not.Contain("envp_secret")
                .And.Contains("0192f0c1-0000-7000-8000-000000000001"));
            Assert.That(Directory.GetFiles(Path.Combine(Machine.Home, ".cache"), "*", SearchOption.AllDirectories), Is.Empty);
        });
    }

    [Test]
    public async Task Status_says_who_and_where_and_whether_the_platform_answers()
    {
        Platform.On("GET /me", 200, OneOrganization);
        Machine.SignIn(Platform);
        Machine.Variables["CONDA_PREFIX"] = "/opt/conda";
        var text = await Machine.RunAsync("status");
        var json = (await Machine.RunAsync("status", "--json")).Json();
        Assert.Multiple(() =>
        {
            Assert.That(text.ExitCode, Is.Zero);
            Assert.That(
                text.Out, Does.Match(@"reachable +yes").And.Match("signed in as +ada@example.org").And.Match("environment +/opt/conda"));
            Assert.That((bool)json["reachable"]!, Is.True);
            Assert.That((string)json["machine_id"]!, Is.EqualTo("0192f0c1-0000-7000-8000-000000000001"));
        });

        Machine.Variables["ENVPLATFORM_URL"] = "http://127.0.0.1:1";
        var away = await Machine.RunAsync("status");
        Assert.That((away.ExitCode, away.Out.Contains("no: http://127.0.0.1:1/ cannot be reached", StringComparison.Ordinal)),
            Is.EqualTo((2, true)));
    }
}
