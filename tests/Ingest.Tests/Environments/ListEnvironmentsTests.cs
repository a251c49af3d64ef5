using System.Globalization;
using System.Net;
using System.Text.Json;

using Dapper;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Environments;

/// <summary>The list against a naive filter and sort in memory of the same random rows.</summary>
public sealed class ListEnvironmentsTests : IngestFixture
{
    private const int Count = 157;
    private static readonly string[] Fields =
    [
        "name", "platform", "packages", "vulnerabilities", "max_cvss", "created_at", "updated_at", "scanned_at"
    ];
    private MachineId _evesMachine;
    private Dictionary<string, long> _setOf = [];
    private List<JsonElement> _all = [];

    [OneTimeSetUp]
    public async Task FillAsync()
    {
        _evesMachine = await RegisterMachineAsync(Eve, "Eves-Desktop");
        var random = new Random(20_261_121);
        var sets = Enumerable.Range(0, 12)
            .Select(i => Enumerable.Range(0, i + 1).Select(j => Conda($"pkg{j}", $"{i}")).ToArray()).ToArray();
        for (var i = 0; i < Count; i++)
        {
            var bobs = random.Next(3) > 0;
            var body = Body(
                sets[random.Next(sets.Length)], $"/home/{(bobs ? "bob" : "eve")}/Envs/{random.Next(40)}_{i}%x",
                bobs ? BobsMachine : _evesMachine);
            body["name"] = new[] { "science", "Base", "web_app", "\u00e9tude", "a%b", "ops" }[random.Next(6)];
            body["platform"] = new[] { "linux-64", "osx-arm64", "win-64" }[random.Next(3)];
            await LoggedAsync(bobs ? Bob : Eve, body);
        }

        // What events would produce over weeks: randomly distributed, with ties and gaps.
        await using (var connection = await Db.OpenConnectionAsync())
        {
            _setOf = (await connection.QueryAsync<(string Digest, long Set)>("select digest, package_set_id from package_sets"))
                .ToDictionary(row => row.Digest, row => row.Set);
            await connection.ExecuteAsync(
                """
                select setseed(0.42);
                update environments set created_at = created_at - (random() * 20)::int * interval '1 day',
                    updated_at = updated_at + (random() * 20)::int * interval '1 hour',
                    status = (array['ok', 'ok', 'warn', 'block'])[1 + (random() * 3)::int], archived = random() < 0.2;
                update organization_package_sets set scanned_at = now() - (random() * 3)::int * interval '1 minute' where random() < 0.8;
                update organization_package_sets
                set critical = (random() * 1.4)::int, high = (random() * 3)::int, medium = (random() * 3)::int, low = (random() * 2)::int,
                    unknown = (random() * 0.7)::int, max_cvss = case when random() < 0.7 then (random() * 4)::int end
                        where scanned_at is not null;
                update organization_package_sets set total = critical + high + medium + low + unknown;
                """);
        }

        _all = await GetAllAsync(Ada, "environments?archived=all", 1_000);
        Assert.That(_all, Has.Count.EqualTo(Count));
    }

    [Test]
    public async Task Every_sort_in_both_directions_and_any_page_size_equals_a_sort_in_memory(
        [ValueSource(nameof(Fields))] string field, [Values("", "-")] string direction, [Values(1_000, 50, 7)] int limit)
    {
        var listed = await GetAllAsync(Ada, $"environments?archived=all&sort={direction}{field}", limit);
        var sorted = _all.Order(Comparer<JsonElement>.Create((a, b) => Compare(a, b, field) is not 0 and var by ? by
            : CompareSets(a, b, field) is not 0 and var bySet ? bySet : string.CompareOrdinal(Id(a), Id(b)))).ToList();
        if (direction == "-")
        {
            sorted.Reverse();
        }

        Assert.That(listed.Select(Id), Is.EqualTo(sorted.Select(Id)));
    }

    private static IEnumerable<TestCaseData> Filters()
    {
        yield return Case("", e => !Archived(e));
        yield return Case("archived=false", e => !Archived(e));
        yield return Case("archived=true", Archived);
        yield return Case("archived=all", _ => true);
        yield return Case("archived=all&platform=osx-arm64", e => Text(e, "platform") == "osx-arm64");
        yield return Case("archived=all&platform=osx-arm64,win-64", e => Text(e, "platform") is "osx-arm64" or "win-64");
        yield return Case("archived=all&platform=solaris", _ => false);
        yield return Case("archived=all&status=block", e => Text(e, "status") == "block");
        yield return Case("status=warn,block", e => !Archived(e) && Text(e, "status") is "warn" or "block" && !Archived(e));
        yield return Case("archived=all&severity=critical", e => Holds(e, "critical"));
        yield return Case("archived=all&severity=critical,unknown", e => Holds(e, "critical") || Holds(e, "unknown"));
        yield return Case("archived=all&search=base", e => Text(e, "name") == "Base");
        yield return Case("archived=all&search=ENVS/1", e => Text(e, "prefix").Contains("Envs/1", StringComparison.Ordinal));
        yield return Case("archived=all&search=web_", e => Text(e, "name") == "web_app");
        yield return Case("archived=all&search=a%25b", e => Text(e, "name") == "a%b");
        yield return Case("archived=all&search=%C3%A9tu", e => Text(e, "name") == "\u00e9tude");
        yield return Case("archived=all&search=%C3%89TU", e => Text(e, "name") == "\u00e9tude");
        yield return Case("archived=all&search=E%CC%81tu", e => Text(e, "name") == "\u00e9tude");
        yield return Case("archived=all&search=%5C", _ => false);
        yield return Case("archived=all&user=EVE@example.org", e => Text(e.GetProperty("user"), "email") == "eve@example.org");
        yield return Case("archived=all&user=nobody@example.org", _ => false);
        yield return Case("archived=all&machine=eves-desktop", e => Text(e.GetProperty("machine"), "hostname") == "Eves-Desktop");
        yield return Case("archived=all&package=pkg9", e => e.GetProperty("packages").GetInt32() > 9);
        yield return Case("archived=all&package=pkg0%3D%3D3", e => e.GetProperty("packages").GetInt32() == 4);
        yield return Case("archived=all&package=none-such", _ => false);
        yield return Case(
            "search=sci&platform=linux-64&severity=high&user=bob@example.org",
            e => !Archived(e) && Text(e, "name") == "science" && Text(e, "platform") == "linux-64" && Holds(e, "high")
                && Text(e.GetProperty("user"), "email") == "bob@example.org");

        static TestCaseData Case(string query, Func<JsonElement, bool> belongs) =>
            new TestCaseData(query, belongs).SetArgDisplayNames(query.Length == 0 ? "none" : query);
    }

    [TestCaseSource(nameof(Filters))]
    public async Task Every_filter_equals_a_filter_in_memory(string query, Func<JsonElement, bool> belongs)
    {
        var listed = await GetAllAsync(Ada, "environments?" + query, 9);
        Assert.That(listed.Select(Id), Is.EquivalentTo(_all.Where(belongs).Select(Id)));
    }

    [Test]
    public async Task Filters_take_ids_of_users_and_machines()
    {
        var byUser = await GetAllAsync(Ada, $"environments?archived=all&user={Eve.SubjectId}", 100);
        var byMachine = await GetAllAsync(Ada, $"environments?archived=all&machine={_evesMachine}", 100);
        var expected = _all.Where(e => Text(e.GetProperty("user"), "email") == "eve@example.org").Select(Id).ToArray();
        Assert.That(byUser.Select(Id), Is.EquivalentTo(expected));
        Assert.That(byMachine.Select(Id), Is.EquivalentTo(expected));
    }

    [Test]
    public async Task A_member_sees_only_its_own()
    {
        var bobs = await GetAllAsync(Bob, "environments?archived=all", 20);
        Assert.That(
            bobs.Select(Id), Is.EquivalentTo(_all.Where(e => Text(e.GetProperty("user"), "email") == "bob@example.org").Select(Id)));
        var eves = await GetAllAsync(Bob, "environments?archived=all&user=eve@example.org", 20);
        Assert.That(eves, Is.Empty);
    }

    [Test]
    public async Task Another_organization_sees_nothing_and_does_not_find_this_one()
    {
        Assert.That(await GetAllAsync(Mallory, "environments?archived=all", 20), Is.Empty);
        using var response = await SendAsync(HttpMethod.Get, Mallory, "environments", org: Organization.Slug);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var byId = await SendAsync(HttpMethod.Get, Mallory, "environments/" + Id(_all[0]));
        Assert.That(byId.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task An_environment_that_was_not_scanned_has_no_counts()
    {
        var pending = _all.First(e => e.GetProperty("scanned_at").ValueKind == JsonValueKind.Null);
        var scanned = _all.First(e => e.GetProperty("scanned_at").ValueKind != JsonValueKind.Null);
        var one = await GetAsync(Ada, "environments/" + Id(scanned));
        Assert.Multiple(() =>
        {
            Assert.That(pending.GetProperty("vulnerabilities").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(pending.GetProperty("kev").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(pending.GetProperty("not_checked").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(one.ToString(), Is.EqualTo(scanned.ToString()), "the list and the single view agree");
        });
    }

    [Test]
    public async Task A_list_needs_a_role_in_the_organization_and_an_auditor_sees_all()
    {
        using var nobody = await SendAsync(HttpMethod.Get, null, "environments");
        Assert.That(nobody.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        var all = await GetAsync(Ada, "environments?limit=1");
        var seen = await GetAsync(TestCaller.Of(Organization with { Role = Roles.Auditor }), "environments?limit=1");
        Assert.That(seen.GetProperty("total_count").GetInt64(), Is.EqualTo(all.GetProperty("total_count").GetInt64()));
        using var stranger = await SendAsync(HttpMethod.Get, Mallory, "environments", org: Organization.Slug);
        Assert.That(stranger.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    private static int Compare(JsonElement a, JsonElement b, string field) => field switch
    {
        "name" or "platform" => string.CompareOrdinal(Text(a, field), Text(b, field)),
        "packages" => a.GetProperty(field).GetInt32().CompareTo(b.GetProperty(field).GetInt32()),
        "vulnerabilities" => Total(a).CompareTo(Total(b)),
        "max_cvss" => Nullable.Compare(Number(a), Number(b)),
        _ => Nullable.Compare(Time(a, field), Time(b, field)),
    };

    /// <summary>Sorted by scan results, environments are ordered by set.</summary>
    private int CompareSets(JsonElement a, JsonElement b, string field) =>
        field is "vulnerabilities" or "max_cvss" or "scanned_at" ? _setOf[Text(a, "digest")].CompareTo(_setOf[Text(b, "digest")]) : 0;

    private static int Total(JsonElement e) =>
        e.GetProperty("vulnerabilities") is { ValueKind: JsonValueKind.Object } counts ? counts.GetProperty("total").GetInt32() : 0;

    private static decimal? Number(JsonElement e) =>
        e.GetProperty("max_cvss") is { ValueKind: JsonValueKind.Number } number ? number.GetDecimal() : null;

    private static DateTimeOffset? Time(JsonElement e, string field) =>
        e.GetProperty(field).GetString() is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : null;

    private static bool Holds(JsonElement e, string severity) =>
        e.GetProperty("vulnerabilities") is { ValueKind: JsonValueKind.Object } counts && counts.GetProperty(severity).GetInt32() > 0;

    private static bool Archived(JsonElement e) => e.GetProperty("archived").GetBoolean();

    private static string Text(JsonElement e, string field) => e.GetProperty(field).GetString()!;

    private static string Id(JsonElement e) => Text(e, "id");
}
