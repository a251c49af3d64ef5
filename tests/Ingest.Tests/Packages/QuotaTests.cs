using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Packages;

/// <summary>
/// An organization adds a limited number of new packages in a day; known packages cost nothing, and other organizations are not affected.
/// </summary>
public sealed class QuotaTests : IngestFixture
{
    private const int MostPackages = 40;
    private const int MostEntries = 100;

    protected override IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>
    {
        ["Ingest:NewPackagesPerDay"] = $"{MostPackages}",
        ["Ingest:NewSetEntriesPerDay"] = $"{MostEntries}",
    };

    [SetUp]
    public Task BeginADayAsync() => ScalarAsync<int>("delete from organization_additions");

    [Test]
    public async Task More_new_packages_than_a_day_allows_are_refused_and_not_stored()
    {
        await LoggedAsync(Bob, Body(Invented("first", 30), "/quota/1"));
        using var refused = await LogAsync(Bob, Body(Invented("second", 11), "/quota/2"));
        await AssertExceededAsync(refused);
        var heard = await Eventually.GetAsync(
            () => Task.FromResult(Events.Heard<AuditEventOccurred>().FirstOrDefault(one => one.ActionKey == "quota_exceeded")),
            "it is in the audit log", seconds: 60);
        Assert.That((heard.Actor.Id, heard.OrganizationId, heard.Target.Id),
            Is.EqualTo((Bob.SubjectId.ToString(), (OrganizationId?)OrgOf(Bob), "LogEnvironment")));
        Assert.That(await ScalarAsync<long>("select count(*) from packages where name like 'second%'"), Is.Zero);
        await LoggedAsync(Bob, Body(Invented("second", 10), "/quota/2"));
        await LoggedAsync(Bob, Body(Invented("first", 30), "/quota/3"));
    }

    [Test]
    public async Task More_packages_of_new_sets_than_a_day_allows_are_refused()
    {
        var packages = Invented("entry", 35);
        await LoggedAsync(Bob, Body(packages, "/quota/4"));
        await LoggedAsync(Bob, Body(packages[1..], "/quota/5"));
        using var refused = await LogAsync(Bob, Body(packages[2..], "/quota/6"));
        await AssertExceededAsync(refused);
        await LoggedAsync(Bob, Body(packages[..31], "/quota/6"));
    }

    [Test]
    public async Task A_day_of_one_organization_is_not_that_of_another_and_ends()
    {
        await LoggedAsync(Bob, Body(Invented("bobs", MostPackages), "/quota/7"));
        await LoggedAsync(Mallory, Body(Invented("mallorys", MostPackages), "/quota/7", await RegisterMachineAsync(Mallory)));
        await ScalarAsync<int>("update organization_additions set day = day - 1");
        await LoggedAsync(Bob, Body(Invented("tomorrows", MostPackages), "/quota/8"));
    }

    private static PackageEntry[] Invented(string name, int count) => [.. Enumerable.Range(0, count).Select(i => Pypi($"{name}{i}", "1"))];

    private static async Task AssertExceededAsync(HttpResponseMessage response)
    {
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Multiple(() =>
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests), problem.ToString());
            Assert.That(problem.GetProperty("code").GetString(), Is.EqualTo("quota_exceeded"));
            Assert.That(response.Headers.RetryAfter!.Delta, Is.InRange(TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)));
        });
    }
}
