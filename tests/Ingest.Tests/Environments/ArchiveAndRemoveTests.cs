using System.Net;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Ingest.Environments;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Ingest.Tests.Environments;

public sealed class ArchiveAndRemoveTests : IngestFixture
{
    private async Task<string> NewEnvironmentAsync(string prefix) =>
        (await LoggedAsync(Bob, Body([Conda("a", "1")], prefix))).GetProperty("environment_id").GetString()!;

    [Test]
    public async Task An_archived_environment_moves_to_its_own_list_and_back()
    {
        var id = await NewEnvironmentAsync("/archive/a");
        await SendAndExpectAsync(HttpMethod.Post, Ada, $"environments/{id}/archive", HttpStatusCode.NoContent);
        Assert.That(await ListedAsync("environments"), Does.Not.Contain(id));
        Assert.That(await ListedAsync("environments?archived=true"), Does.Contain(id));
        // A repetition changes nothing and publishes nothing.
        await SendAndExpectAsync(HttpMethod.Post, Ada, $"environments/{id}/archive", HttpStatusCode.NoContent);
        // It can still be logged, and stays in the archive.
        var logged = await LoggedAsync(Bob, Body([Conda("a", "2")], "/archive/a"));
        Assert.That(logged.GetProperty("environment_id").GetString(), Is.EqualTo(id));
        Assert.That(await ListedAsync("environments?archived=true"), Does.Contain(id));
        await SendAndExpectAsync(HttpMethod.Post, Ada, $"environments/{id}/unarchive", HttpStatusCode.NoContent);
        Assert.That(await ListedAsync("environments"), Does.Contain(id));

        await OutboxDrainsAsync();
        await Eventually.BecomesTrueAsync(() => Task.FromResult(Archivings(id).Count() == 2), "two events");
        Assert.That(
            Archivings(id).OrderBy(e => e.Version).Select(e => (e.Archived, e.Version)), Is.EqualTo(new[] { (true, 2L), (false, 4L) }));
        Assert.That(
            Events.Heard<AuditEventOccurred>().Where(e => e.Target.Id == id).Select(e => e.ActionKey),
            Is.SupersetOf(new[] { "environment_archived", "environment_unarchived" }));
    }

    [Test]
    public async Task Archived_environments_are_erased_with_their_history_when_the_days_of_the_organization_are_over()
    {
        var (old, used, fresh, blocked, living) = (
            await NewEnvironmentAsync("/retention/old"), await NewEnvironmentAsync("/retention/used"),
            await NewEnvironmentAsync("/retention/fresh"), await NewEnvironmentAsync("/retention/blocked"),
            await NewEnvironmentAsync("/retention/living"));
        foreach (var id in new[] { old, used, fresh, blocked })
        {
            await SendAndExpectAsync(HttpMethod.Post, Ada, $"environments/{id}/archive", HttpStatusCode.NoContent);
        }

        var days = TimeProvider.System.GetUtcNow().AddDays(-31);
        foreach (var id in new[] { old, blocked, living })
        {
            await Db.ExecuteAsync(
                "update environments set archived_at = case when archived then @days end, seen_at = @days where environment_id = @Id",
                new { days, Id = Guid.Parse(id) });
        }

        await Db.ExecuteAsync(
            "update environments set archived_at = @days where environment_id = @Id", new { days, Id = Guid.Parse(used) });
        await Db.ExecuteAsync("update environments set status = 'block' where environment_id = @Id", new { Id = Guid.Parse(blocked) });
        var erase = Service.Services.GetRequiredService<EraseArchivedEnvironments>();
        await erase.RunAsync(CancellationToken.None);
        Assert.That(await ListedAsync("environments?archived=all"), Does.Contain(old), "nobody said for how long");

        var now = TimeProvider.System.GetUtcNow();
        await PublishAsync(new ArchiveRetentionChanged(OrgOf(Bob), 30, 3, now));
        await RetentionIsAsync(30);
        await PublishAsync(new ArchiveRetentionChanged(OrgOf(Bob), null, 2, now));
        await OutboxDrainsAsync();
        await Task.WhenAll(erase.RunAsync(CancellationToken.None), erase.RunAsync(CancellationToken.None));
        Assert.That(
            await ListedAsync("environments?archived=all"),
            Is.SupersetOf(new[] { used, fresh, blocked, living }).And.Not.Contain(old));
        Assert.That(
            await ScalarAsync<long>($"select count(*) from environment_logs where environment_id = '{old}'"), Is.Zero);
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(
                Events.Heard<EnvironmentRemoved>().Any(e => e.EnvironmentId.ToString() == old)
                && Events.Heard<AuditEventOccurred>().Count(e => e.Target.Id == old && e.ActionKey == "environment_removed") == 1),
            "the others hear of it");
        await PublishAsync(new ArchiveRetentionChanged(OrgOf(Bob), null, 4, now));
        await RetentionIsAsync(null);

        Task RetentionIsAsync(int? expected) => Eventually.BecomesTrueAsync(
            async () => await ScalarAsync<long>(
                $"select count(*) from archive_retentions where days is not distinct from {expected?.ToString() ?? "null"}") == 1,
            "Ingest knows the days");
    }

    private IEnumerable<EnvironmentArchived> Archivings(string id) =>
        Events.Heard<EnvironmentArchived>().Where(e => e.EnvironmentId.ToString() == id);

    private async Task<string[]> ListedAsync(string path) =>
        [.. (await GetAllAsync(Ada, path, 100)).Select(environment => environment.GetProperty("id").GetString()!)];

    [Test]
    public async Task A_removed_environment_is_gone_and_told()
    {
        var id = await NewEnvironmentAsync("/remove/a");
        await SendAndExpectAsync(HttpMethod.Delete, Bob, $"environments/{id}", HttpStatusCode.NoContent);
        foreach (var part in new[] { "", "/packages", "/history" })
        {
            await SendAndExpectAsync(HttpMethod.Get, Ada, $"environments/{id}{part}", HttpStatusCode.NotFound);
        }

        await SendAndExpectAsync(HttpMethod.Delete, Bob, $"environments/{id}", HttpStatusCode.NotFound);
        await SendAndExpectAsync(HttpMethod.Post, Ada, $"environments/{id}/archive", HttpStatusCode.NotFound);
        var told = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<EnvironmentRemoved>().FirstOrDefault(e => e.EnvironmentId.ToString() == id)),
            "EnvironmentRemoved");
        Assert.That(told.Version, Is.EqualTo(2));
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>().Any(e => e.Target.Id == id && e.ActionKey == "environment_removed")),
            "the audit event");
    }

    [Test]
    public async Task Who_may_not_changes_nothing()
    {
        var id = await NewEnvironmentAsync("/guarded");
        await SendAndExpectAsync(HttpMethod.Post, Bob, $"environments/{id}/archive", HttpStatusCode.Forbidden);
        await SendAndExpectAsync(HttpMethod.Post, Bob, $"environments/{id}/unarchive", HttpStatusCode.Forbidden);
        await SendAndExpectAsync(HttpMethod.Delete, Eve, $"environments/{id}", HttpStatusCode.NotFound);
        foreach (var (method, path) in new[] { (HttpMethod.Post, $"environments/{id}/archive"), (HttpMethod.Delete, $"environments/{id}") })
        {
            await SendAndExpectAsync(method, Mallory, path, HttpStatusCode.NotFound);
            await SendAndExpectAsync(method, null, path, HttpStatusCode.Unauthorized);
            using var intoOther = await SendAsync(method, Mallory, path, org: Organization.Slug);
            Assert.That(intoOther.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }

        var view = await GetAsync(Bob, $"environments/{id}");
        Assert.That(view.GetProperty("archived").GetBoolean(), Is.False);
    }

    [Test]
    public async Task An_administrator_removes_what_others_logged()
    {
        var id = await NewEnvironmentAsync("/remove/b");
        await SendAndExpectAsync(HttpMethod.Delete, Ada, $"environments/{id}", HttpStatusCode.NoContent);
    }

    private async Task SendAndExpectAsync(HttpMethod method, TestCaller? caller, string path, HttpStatusCode status)
    {
        using var response = await SendAsync(method, caller, path);
        Assert.That(response.StatusCode, Is.EqualTo(status), $"{method} {path}");
    }
}
