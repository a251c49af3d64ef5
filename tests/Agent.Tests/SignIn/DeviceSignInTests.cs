namespace EnvPlatform.Agent.Tests.SignIn;

public sealed class DeviceSignInTests : SignInFixture
{
    [Test]
    public async Task The_address_and_the_code_are_shown_and_the_platform_is_asked_until_it_is_approved()
    {
        Server.DeviceSays("authorization_pending", "authorization_pending");
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Error, Does.Contain($"{Platform.Url}/device").And.Contains("BCDF-GHJK").And.Contains("expires in 10:00"));
            Assert.That(ended.Out, Does.Contain("as ada@example.org, organization acme."));
            Assert.That(Server.Grants("urn:ietf:params:oauth:grant-type:device_code"), Has.Length.EqualTo(3));
            Assert.That(File.ReadAllText(Machine.SettingsFile), Does.Contain("\"method\":\"device\""));
        });
    }

    [Test]
    public async Task Without_a_browser_on_this_machine_a_code_is_shown()
    {
        Machine.Variables["DISPLAY"] = ":0";
        Machine.Variables["SSH_CONNECTION"] = "192.0.2.1 50000 192.0.2.2 22";
        var ended = await Machine.RunAsync("login", "--url", Platform.Url);
        Assert.That((ended.ExitCode, ended.Error.Contains("BCDF-GHJK", StringComparison.Ordinal)), Is.EqualTo((0, true)), ended.Error);
    }

    [Test]
    public async Task Slow_down_makes_every_later_wait_five_seconds_longer_and_a_broken_connection_ends_nothing()
    {
        Server.DeviceSays("slow_down", "broken");
        var started = TimeProvider.System.GetTimestamp();
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        var took = TimeProvider.System.GetElapsedTime(started);
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        // 1 s, then 1 + 5 s, then twice that.
        Assert.That(took, Is.GreaterThan(TimeSpan.FromSeconds(18.5)));
        Assert.That(Server.Grants("urn:ietf:params:oauth:grant-type:device_code"), Has.Length.EqualTo(3));
    }

    [TestCase("access_denied", "was declined")]
    [TestCase("expired_token", "The code has expired")]
    [TestCase("invalid_client", "refused the sign-in: invalid_client")]
    public async Task What_ends_the_sign_in_is_said(string error, string said)
    {
        Server.DeviceSays(error);
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        Assert.That((ended.ExitCode, ended.Error.Contains(said, StringComparison.Ordinal)), Is.EqualTo((2, true)), ended.Error);
        Assert.That(File.Exists(CredentialsFile), Is.False);
    }

    [Test]
    public async Task The_code_expires_on_this_machine_too()
    {
        Server.DeviceLife = 2;
        Server.DeviceSays([.. Enumerable.Repeat("authorization_pending", 100)]);
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        Assert.That((ended.ExitCode, ended.Error.Contains("The code has expired", StringComparison.Ordinal)), Is.EqualTo((2, true)));
    }

    [Test]
    public async Task Only_organizations_that_manage_environments_are_chosen_among()
    {
        Server.Me = """
            {"email": "ada@example.org", "organizations": [{"slug": "acme", "environments_enabled": true}, {"slug": "umbrella", "environments_enabled": false}]}
            """;
        var one = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        Assert.That((one.ExitCode, one.Out.Contains("organization acme", StringComparison.Ordinal)), Is.EqualTo((0, true)), one.Error);
        Assert.That(one.Error, Does.Contain("acme recommends environment management"));

        Server.Me = """
            {"email": "ada@example.org", "organizations": [{"slug": "acme", "environments_enabled": false}, {"slug": "umbrella", "environments_enabled": false}]}
            """;
        var none = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        Assert.That((none.ExitCode, none.Out), Is.EqualTo((0, $"Signed in to {Platform.Url} as ada@example.org.\n")));
        Assert.That(none.Error, Does.Contain("None of your organizations (acme, umbrella) manages environments yet"));

        Server.Me = """{"email": "ada@example.org", "organizations": [{"slug": "acme"}, {"slug": "umbrella"}]}""";
        var several = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        Assert.That((several.ExitCode, several.Error.Contains("--org with one of acme, umbrella", StringComparison.Ordinal)),
            Is.EqualTo((64, true)));
        Machine.IsTerminal = true;
        Machine.In = "2\n";
        var picked = await Machine.RunAsync("login", "--url", Platform.Url, "--device", "--no-install");
        Assert.That(picked.Out, Does.Contain("organization umbrella"));
    }

    [Test]
    public async Task A_registration_that_fails_is_said_and_ends_with_2_and_the_sign_in_stays()
    {
        Machine.Variables["ENVPLATFORM_MACHINE_ID"] = "0192f0c1-0000-7000-8000-000000000002";
        Platform.On(
            $"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000002", 409,
            """{"title": "Taken.", "status": 409, "code": "machine_taken"}""")
            .On($"POST {Orgs}/machines/registration-failures", 202, "");
        var ended = await Machine.RunAsync("login", "--url", Platform.Url, "--device");
        var told = Platform.To($"POST {Orgs}/machines/registration-failures").Single().Json();
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Error, Does.Contain("this machine could not be registered").And.Contains("Taken"));
            Assert.That(told.GetProperty("hostname").GetString(), Is.EqualTo("ada-laptop"));
            Assert.That(told.GetProperty("machine_id").GetString(), Is.EqualTo("0192f0c1-0000-7000-8000-000000000002"));
            Assert.That(told.GetProperty("reason").GetString(), Does.Contain("Taken"));
            Assert.That(File.Exists(CredentialsFile), Is.True);
        });
    }
}
