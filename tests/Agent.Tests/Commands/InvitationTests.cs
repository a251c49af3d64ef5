namespace EnvPlatform.Agent.Tests.Commands;

public sealed class InvitationTests : CommandFixture
{
    private const string Id = "0192f0c1-0000-7000-8000-0000000000e1";

    private const string Joined = """
        {"organization": {"slug": "umbrella", "role": "member"}, "token": "envp_new", "token_expires_at": "2026-03-09T10:00:00Z"}
        """;

    [Test]
    public async Task The_list_says_which_organization_invites()
    {
        Platform.On("GET /me/invitations", 200, $$"""
            {"items": [{"id": "{{Id}}", "organization": "umbrella", "organization_name": "Umbrella", "role": "auditor", "expires_at": "2026-03-09T10:00:00Z"}], "total_count": 1}
            """);
        var ended = await Machine.RunAsync("invitations", "list");
        Assert.That(ended.Out, Does.Contain(Id).And.Contains("umbrella").And.Contains("auditor").And.Contains("2026-03-09 10:00"));
    }

    [Test]
    public async Task A_token_that_was_handed_over_is_answered_by_one_for_the_organization_and_the_kept_one_stays()
    {
        Platform.On("POST /me/invitations/accept", 200, Joined);
        Machine.In = "envi_handed\n";
        var ended = await Machine.RunAsync("invitations", "accept", "--token", "-");
        var sent = Platform.To("POST /me/invitations/accept").Single();
        Assert.Multiple(() =>
        {
            Assert.That((ended.ExitCode, ended.Out.Trim()), Is.EqualTo((0, "envp_new")), ended.Error);
            Assert.That(sent.Json().GetProperty("token").GetString(), Is.EqualTo("envi_handed"));
            Assert.That(sent.Json().TryGetProperty("password", out _), Is.False);
            Assert.That(sent.Headers["Authorization"], Is.EqualTo("Bearer envp_test"));
            Assert.That(File.Exists(Machine.SettingsFile), Is.False);
        });
    }

    [Test]
    public async Task Who_has_no_account_makes_one_and_is_signed_in()
    {
        Machine.Variables.Clear();
        Platform.On("POST /invitations/accept", 200, Joined);
        Machine.In = "envi_handed\ncorrect horse battery staple\n";
        var ended = await Machine.RunAsync("invitations", "accept", "--token", "-", "--new-account", "--url", Platform.Url);
        var sent = Platform.To("POST /invitations/accept").Single();
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out + ended.Error, Does.Not.Contain("envp_new").And.Not.Contain("correct horse"));
            Assert.That(sent.Json().GetProperty("password").GetString(), Is.EqualTo("correct horse battery staple"));
            Assert.That(sent.Headers.ContainsKey("Authorization"), Is.False);
            Assert.That(File.ReadAllText(Machine.SettingsFile),
                Is.EqualTo($$"""{"url":"{{Platform.Url}}","token":"envp_new","organization":"umbrella","method":"password"}"""));
        });
    }

    [Test]
    public async Task A_refusal_says_what_to_do()
    {
        Platform.On($"POST /me/invitations/{Id}/accept", 403,
            """{"title": "Not allowed.", "detail": "Accept with the invitation's token.", "status": 403, "code": "invitation_token_required"}""");
        var ended = await Machine.RunAsync("invitations", "accept", Id);
        Assert.That(
            (ended.ExitCode, ended.Error.Contains("Accept with the invitation's token", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task Login_by_password_keeps_the_session()
    {
        Machine.Variables.Clear();
        Platform.On("POST /sign-in", 200, """{"token": "envp_session", "expires_at": "2026-03-09T10:00:00Z"}""")
            .On("GET /me", 200, """{"email": "ada@example.org", "organizations": [{"slug": "acme"}]}""");
        Machine.In = "correct horse battery staple\n";
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--email", "ada@example.org");
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(Platform.To("POST /sign-in").Single().Json().GetProperty("email").GetString(), Is.EqualTo("ada@example.org"));
        Assert.That(Platform.To("GET /me").Single().Headers["Authorization"], Is.EqualTo("Bearer envp_session"));
        Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Contain("envp_session").And.Not.Contain("correct horse"));
    }
}
