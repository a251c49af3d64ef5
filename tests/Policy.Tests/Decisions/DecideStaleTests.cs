using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Decisions;

/// <summary>What policies decide of environments, from the tables to the status that others hear of.</summary>
public sealed class DecideStaleTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private PolicyPlatform _platform = null!;
    private StoredFacts _facts = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _platform = await PolicyPlatform.StartAsync();
        _facts = new(_platform.Db, _platform.Organization.Id.Value);
    }

    [TearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_policy_blocks_what_it_matches_and_says_why_at_activation()
    {
        var set = await _facts.SetAsync(await OpenSslAsync("CVE-2026-1"), await _facts.PackageAsync("numpy"));
        var logged = await _platform.LogAsync(_platform.NewEnvironment() with { PackageSetId = set });
        var harmless = await _facts.SetAsync(await _facts.PackageAsync("numpy"));
        var clean = await _platform.LogAsync(_platform.NewEnvironment() with { PackageSetId = harmless });
        await SinceAsync(logged, Now.AddDays(-1));
        var policy = await _facts.PolicyAsync("kev", "known_exploited: true", "then: block\n    message: \"Update: {fix}\"");
        await UntilAsync(logged, EnvironmentStatus.Block);
        await Eventually.BecomesTrueAsync(async () => await _platform.StatusAsync(logged) == "block", "the activation is refused");
        var answer = await _platform.CheckAsync(logged);
        var reason = answer.GetProperty("reasons").EnumerateArray().Single();
        Assert.Multiple(() =>
        {
            Assert.That(answer.GetProperty("message").GetString(), Is.EqualTo("Update: openssl 3.0.15"));
            Assert.That(reason.GetProperty("kind").GetString(), Is.EqualTo("policy"));
            Assert.That(reason.GetProperty("policy").GetString(), Is.EqualTo("kev"));
            Assert.That(reason.GetProperty("rule").GetString(), Is.EqualTo("r"));
            Assert.That(reason.GetProperty("fix").GetString(), Is.EqualTo("openssl 3.0.15"));
            var finding = reason.GetProperty("findings").EnumerateArray().Single();
            Assert.That(finding.GetProperty("vulnerability").GetString(), Is.EqualTo("CVE-2026-1"));
            Assert.That(finding.GetProperty("package").GetString(), Is.EqualTo("openssl"));
        });
        Assert.That(await _platform.StatusAsync(clean), Is.EqualTo("ok"));
        var audited = await AuditedAsync(logged);
        Assert.Multiple(() =>
        {
            Assert.That(audited.Message, Does.Contain("Policy kev"));
            Assert.That(audited.Meta.GetProperty("before").GetProperty("status").GetString(), Is.EqualTo("ok"));
            Assert.That(audited.Meta.GetProperty("after").GetProperty("status").GetString(), Is.EqualTo("block"));
            Assert.That(audited.Meta.GetProperty("policy").GetProperty("id").GetGuid(), Is.EqualTo(policy));
            Assert.That(audited.Meta.GetProperty("caused_by").GetProperty("email").GetString(), Is.EqualTo("grace@example.org"));
        });
    }

    [Test]
    public async Task What_leaves_lifts_the_status_at_once()
    {
        var (environment, _) = await BlockedAsync();
        var updated = await _facts.SetAsync(await _facts.PackageAsync("openssl", "3.0.15"));
        await _facts.HoldsAsync(environment.EnvironmentId.Value, updated, Now);
        await UntilAsync(environment, EnvironmentStatus.Ok);
        await Eventually.BecomesTrueAsync(async () => await _platform.StatusAsync(environment) == "ok", "it may be activated");
        Assert.That(
            _platform.Changed.Where(change => change.EnvironmentId == environment.EnvironmentId).Select(change => change.Version),
            Is.EqualTo(new[] { 1L, 2L }));
    }

    [Test]
    public async Task A_policy_that_is_switched_off_lets_go()
    {
        var (environment, policy) = await BlockedAsync();
        await _facts.DisableAsync(policy);
        await UntilAsync(environment, EnvironmentStatus.Ok);
        await Eventually.BecomesTrueAsync(async () => await _platform.StatusAsync(environment) == "ok", "it may be activated");
    }

    [Test]
    public async Task Deciding_again_changes_nothing_and_says_nothing()
    {
        var (environment, policy) = await BlockedAsync();
        for (var i = 0; i < 3; i++)
        {
            await _facts.MarkPolicyAsync(policy);
            await _facts.UntilDecidedAsync();
        }

        var (other, _) = await BlockedAsync("other");
        Assert.That(other, Is.Not.Null);
        Assert.That(_platform.Changed.Count(change => change.EnvironmentId == environment.EnvironmentId), Is.EqualTo(1));
    }

    [Test]
    public async Task A_person_may_let_it_be_used_all_the_same_and_give_it_back_to_the_policies()
    {
        var (environment, _) = await BlockedAsync();
        using var allowed = await _platform.SetAsync(environment, new { status = "ok" });
        Assert.That(allowed.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"));
        await UntilAsync(environment, EnvironmentStatus.Ok);
        await _facts.MarkEnvironmentAsync(environment.EnvironmentId.Value);
        await _facts.UntilDecidedAsync();
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("ok"), "policies do not change what a person set");

        var url = new Uri($"/api/v1/orgs/{_platform.Organization.Slug}/environments/{environment.EnvironmentId}/status", UriKind.Relative);
        using var member = await _platform.Member().DeleteAsync(url);
        Assert.That(member.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        using var cleared = await _platform.Administrator().DeleteAsync(url);
        var view = await cleared.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Multiple(() =>
        {
            Assert.That(view.GetProperty("status").GetString(), Is.EqualTo("block"));
            Assert.That(view.GetProperty("policy").GetString(), Is.EqualTo("kev"));
            Assert.That(view.GetProperty("set_by").ValueKind, Is.EqualTo(JsonValueKind.Null));
        });
        Assert.That(await _platform.StatusAsync(environment), Is.EqualTo("block"));
        using var again = await _platform.Administrator().DeleteAsync(url);
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await UntilAsync(environment, EnvironmentStatus.Block);
        Assert.That(
            _platform.Changed.Where(change => change.EnvironmentId == environment.EnvironmentId).Select(change => change.Version).Order(),
            Is.EqualTo(new[] { 1L, 2L, 3L }));
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(_platform.Audited.Any(
                one => one.Message.Contains("given back to the policies", StringComparison.Ordinal))),
            "it is audited that it was given back");
    }

    [Test]
    public async Task A_block_by_hand_stays_whatever_policies_say()
    {
        var environment = await _platform.LogAsync();
        using var blocked = await _platform.SetAsync(environment, new { status = "block", message = "Mine." });
        Assert.That(blocked.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await _facts.PolicyAsync("names", "name: science", "then: warn");
        await _facts.UntilDecidedAsync();
        var answer = await _platform.CheckAsync(environment);
        Assert.That(answer.GetProperty("status").GetString(), Is.EqualTo("block"));
        Assert.That(answer.GetProperty("reasons").EnumerateArray().Single().GetProperty("kind").GetString(), Is.EqualTo("manual"));
        Assert.That(await _facts.StatusAsync(environment.EnvironmentId.Value), Is.EqualTo("warn"), "what policies say is remembered");
    }

    [Test]
    public async Task Without_policies_nothing_is_kept()
    {
        var environment = await _facts.EnvironmentAsync(await _facts.SetAsync(await OpenSslAsync("CVE-2026-1")), Now);
        await _facts.UntilDecidedAsync();
        Assert.That(await _facts.StatusAsync(environment), Is.Null);
        Assert.That(await _facts.ScalarAsync<long>("select count(*) from decision_runs"), Is.Zero);
    }

    private async Task<int> OpenSslAsync(string vulnerability, DateTimeOffset? foundAt = null)
    {
        var package = await _facts.PackageAsync();
        await _facts.FindAsync(package, vulnerability, foundAt ?? Now.AddDays(-1));
        return package;
    }

    private async Task<(EnvironmentLogged Environment, Guid Policy)> BlockedAsync(string policy = "kev")
    {
        var set = await _facts.SetAsync(await OpenSslAsync("CVE-2026-1"));
        var logged = await _platform.LogAsync(_platform.NewEnvironment() with { PackageSetId = set });
        await SinceAsync(logged, Now.AddDays(-1));
        var id = await _facts.PolicyAsync(policy, "known_exploited: true");
        await UntilAsync(logged, EnvironmentStatus.Block);
        await Eventually.BecomesTrueAsync(async () => await _platform.StatusAsync(logged) == "block", "the activation is refused");
        return (logged, id);
    }

    private Task SinceAsync(EnvironmentLogged environment, DateTimeOffset since) => _facts.ExecuteAsync(
        "update environment_status set set_since = $2, logged_at = $2 where environment_id = $1", environment.EnvironmentId.Value,
        since.ToUniversalTime());

    private Task UntilAsync(EnvironmentLogged environment, EnvironmentStatus status) => Eventually.BecomesTrueAsync(
        () => Task.FromResult(
            _platform.Changed.LastOrDefault(change => change.EnvironmentId == environment.EnvironmentId)?.Status == status),
        $"the environment is said to be {status}");

    private Task<AuditEventOccurred> AuditedAsync(EnvironmentLogged environment) => Eventually.GetAsync(
        () => Task.FromResult(_platform.Audited.FirstOrDefault(
            one => one.ActionKey == "environment_status_changed" && one.Target.Id == environment.EnvironmentId.ToString())),
        "the change is audited");
}
