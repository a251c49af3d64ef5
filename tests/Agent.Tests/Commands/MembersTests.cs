namespace EnvPlatform.Agent.Tests.Commands;

public sealed class MembersTests : CommandFixture
{
    private const string Id = "0192f0c1-0000-7000-8000-0000000000e1";

    private const string Ada = $$"""
        {
          "id": "{{Id}}", "display_name": "Ada", "role": "member", "email": "ada@example.org", "state": "active",
          "groups": [{"id": "{{Id}}", "name": "Labs"}], "products": [], "version": 3
        }
        """;

    [Test]
    public async Task The_list_passes_its_filters_on_and_names_the_next_page()
    {
        Platform.On($"GET {Orgs}/members", 200, $$"""{"items": [{{Ada}}], "total_count": 12, "next_cursor": "abc"}""");
        var ended = await Machine.RunAsync(
            "members", "list", "--role", "member", "--state", "active", "--group", "Labs", "--seat", "environments", "--limit", "1",
            "--cursor", "xyz", "--sort", "-last_active_at", "--search", "ada");
        var asked = Platform.To($"GET {Orgs}/members").Single().Query;
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.Zero, ended.Error);
            Assert.That(ended.Out, Does.Contain("Labs").And.Contains("none").And.Contains("never").And.Contains("1 of 12 members."));
            Assert.That(ended.Error, Does.Contain("--cursor abc"));
            foreach (var part in new[]
            {
                "role=member", "state=active", "group=Labs", "seat=environments", "limit=1", "cursor=xyz", "sort=-last_active_at",
                "search=ada",
            })
            {
                Assert.That(asked, Does.Contain(part));
            }
        });
    }

    [Test]
    public async Task What_a_member_is_not_shown_is_not_said_to_be_nothing()
    {
        Platform.On(
            $"GET {Orgs}/members", 200,
            $$"""{"items": [{"id": "{{Id}}", "display_name": "Ada", "role": "member"}], "total_count": 1}""");
        var ended = await Machine.RunAsync("members", "list");
        Assert.That(ended.Out, Does.Contain("not shown").And.Not.Contain("none").And.Not.Contain("never"));
    }

    [TestCase(200, "4")]
    [TestCase(404, "not known")]
    public async Task A_member_is_shown_with_the_number_of_its_environments_where_that_is_known(int status, string shown)
    {
        Platform.On($"GET {Orgs}/members/{Id}", 200, Ada);
        Platform.On($"GET {Orgs}/environments", status, status == 200 ? """{"items": [], "total_count": 4}""" : "{}");
        var ended = await Machine.RunAsync("members", "show", Id);
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(ended.Out, Does.Match($"Environments +{shown}"));
        Assert.That(Platform.To($"GET {Orgs}/environments").Single().Query, Does.Contain($"user={Id}").And.Contains("archived=all"));
    }

    [TestCase("suspend", "Ada is suspended.")]
    [TestCase("resume", "Ada is active again.")]
    [TestCase("reinstate", "Ada is a member again.")]
    public async Task A_member_is_named_by_its_address_and_changed(string command, string said)
    {
        Platform
            .On($"GET {Orgs}/members", 200, $$"""{"items": [{{Ada.Replace("ada@", "not-ada@")}}, {{Ada}}], "total_count": 2}""")
            .On($"GET {Orgs}/members/{Id}", 200, Ada)
            .On($"POST {Orgs}/members/{Id}/{command}", 200, Ada);
        var ended = await Machine.RunAsync("members", command, "ADA@example.org");
        Assert.That((ended.ExitCode, ended.Out.Trim()), Is.EqualTo((0, said)), ended.Error);
        Assert.That(Platform.To($"POST {Orgs}/members/{Id}/{command}"), Has.Length.EqualTo(1));
        Assert.That(
            Platform.To($"GET {Orgs}/members").Single().Query,
            command == "reinstate" ? Does.Contain("state=removed") : Does.Not.Contain("state="));
    }

    [Test]
    public async Task A_removal_is_of_the_one_that_was_named_and_of_nobody_where_there_is_no_such_address()
    {
        Platform
            .On($"GET {Orgs}/members", 200, $$"""{"items": [{{Ada}}], "total_count": 1}""")
            .On($"GET {Orgs}/members/{Id}", 200, Ada)
            .On($"DELETE {Orgs}/members/{Id}", 204, "");
        var part = await Machine.RunAsync("members", "remove", "ada@example");
        Assert.That(part.ExitCode, Is.Not.Zero);
        Assert.That(part.Error, Does.Contain("no member with the address ada@example"));
        Assert.That(Platform.To($"DELETE {Orgs}/members/{Id}"), Is.Empty);
        var ended = await Machine.RunAsync("members", "remove", Id);
        Assert.That((ended.ExitCode, ended.Out.Trim()), Is.EqualTo((0, "Ada is removed.")), ended.Error);
    }

    [Test]
    public async Task A_role_is_given_for_the_version_that_was_read()
    {
        Platform.On($"GET {Orgs}/members/{Id}", 200, Ada).On($"PATCH {Orgs}/members/{Id}", 200, Ada.Replace("\"member\"", "\"auditor\""));
        var ended = await Machine.RunAsync("members", "role", Id, "auditor");
        var sent = Platform.To($"PATCH {Orgs}/members/{Id}").Single();
        Assert.That((ended.ExitCode, ended.Out.Trim()), Is.EqualTo((0, "Ada is auditor now.")), ended.Error);
        Assert.That(sent.Json().GetProperty("role").GetString(), Is.EqualTo("auditor"));
        Assert.That(sent.Headers["If-Match"], Does.Contain("3"));
        Assert.That((await Machine.RunAsync("members", "role", Id, "owner")).ExitCode, Is.EqualTo(64));
    }

    [Test]
    public async Task Who_could_not_be_invited_is_named_with_the_reason()
    {
        Platform.On($"POST {Orgs}/invitations", 200, """
            {"results": [
              {"email": "bob@example.org", "status": 201, "token": "envi_x", "link": "https://platform.example.org/i/envi_x"},
              {"email": "ada@example.org", "status": 409, "code": "member_exists"}]}
            """);
        var ended = await Machine.RunAsync(
            "members", "invite", "bob@example.org", "ada@example.org", "--role", "auditor", "--group", Id, "--seat", "environments",
            "--message", "Welcome.");
        var sent = Platform.To($"POST {Orgs}/invitations").Single().Json();
        Assert.Multiple(() =>
        {
            Assert.That(ended.ExitCode, Is.EqualTo(2));
            Assert.That(ended.Out, Does.Contain("bob@example.org: invited: https://platform.example.org/i/envi_x"));
            Assert.That(ended.Out, Does.Contain("ada@example.org: is a member already"));
            Assert.That(
                sent.ToString(),
                Is.EqualTo(
                    $$"""
                    {"role":"auditor","emails":["bob@example.org","ada@example.org"],"group_ids":["{{Id}}"],"products":["environments"],
                    """ + "\"message\":\"Welcome.\"}"));
        });
    }

    [TestCase("retention_days_archived=30", "{\"retention_days_archived\":30}")]
    [TestCase("retention_days_archived=no", "{\"retention_days_archived\":0}")]
    [TestCase("time_zone=Europe/Berlin", "{\"time_zone\":\"Europe/Berlin\"}")]
    public async Task The_retention_of_archived_environments_is_a_number_of_days_or_none(string setting, string body)
    {
        Platform.On($"GET {Orgs}/settings", 200, """{"version": 1, "retention_days_archived": null, "time_zone": "UTC"}""");
        Platform.On(
            $"PATCH {Orgs}/settings", 200,
            """{"settings": {"version": 2, "retention_days_archived": null, "time_zone": "UTC"}, "tokens_over_limit": 0}""");
        var ended = await Machine.RunAsync("organization", "set", setting);
        Assert.That(ended.ExitCode, Is.Zero, ended.Error);
        Assert.That(Platform.To($"PATCH {Orgs}/settings").Single().Json().ToString(), Is.EqualTo(body));
    }
}
