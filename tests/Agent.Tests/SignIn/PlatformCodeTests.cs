using EnvPlatform.Agent.Tests.Commands;

namespace EnvPlatform.Agent.Tests.SignIn;

/// <summary>What a member is told when the organization does not let him log.</summary>
public sealed class PlatformCodeTests : CommandFixture
{
    private const string Disabled = """{"title": "Environments are not managed here.", "status": 403, "code": "environments_disabled"}""";
    private const string Logs = $"POST {Orgs}/environment-logs";

    private const string Logged = """
        {"environment_id": "0192f0c1-0000-7000-8000-000000000002", "created": true, "changed": true, "status": "ok", "packages": 2, "scan": "done"}
        """;

    private string[] _log = [];

    [SetUp]
    public void Serve()
    {
        Platform.On($"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001", 200, "{}");
        _log = ["log", "--prefix", Machine.Environment()];
    }

    [Test]
    public async Task An_organization_without_environments_is_said_once_to_a_hook_and_is_no_failure_until_that_changes()
    {
        string[] hook = [.. _log, "--from-hook"];
        Platform.On(Logs, 403, Disabled).On(Logs, 403, Disabled).On(Logs, 200, Logged).On(Logs, 403, Disabled);
        var first = await Machine.RunAsync(hook);
        var second = await Machine.RunAsync(hook);
        Assert.That((first.ExitCode, first.Error.Contains("does not manage environments", StringComparison.Ordinal)),
            Is.EqualTo((0, true)), first.Error);
        Assert.That(second, Is.EqualTo(new Ended(0, "", "")));

        Assert.That((await Machine.RunAsync(hook)).ExitCode, Is.Zero);
        Assert.That((await Machine.RunAsync(hook)).Error, Does.Contain("does not manage environments"), "it was on in between");
    }

    [Test]
    public async Task A_user_who_logs_by_hand_is_told_each_time_and_gets_2()
    {
        Platform.On(Logs, 403, Disabled);
        await Machine.RunAsync([.. _log, "--from-hook"]);
        var ended = await Machine.RunAsync(_log);
        Assert.That((ended.ExitCode, ended.Error.Contains("an administrator switches it on", StringComparison.Ordinal)),
            Is.EqualTo((2, true)));
    }

    [TestCase("seat_required", "You have no seat")]
    [TestCase("member_suspended", "Your membership in this organization is suspended")]
    public async Task Other_refusals_are_plain_words(string code, string said)
    {
        Platform.On(Logs, 403, $$"""{"title": "Forbidden.", "status": 403, "code": "{{code}}"}""");
        var ended = await Machine.RunAsync([.. _log, "--from-hook"]);
        Assert.That((ended.ExitCode, ended.Error.Contains(said, StringComparison.Ordinal)), Is.EqualTo((2, true)), ended.Error);
        Assert.That(ended.Error, Does.Contain("stays blocked"));
    }
}
