using System.Net;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Testing;

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
