using System.Text.Json;

using Dapper;

using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>
/// The environments that a vulnerability affects, in every order and page size, against a sort in memory of the same environments.
/// </summary>
[TestFixture(0)]
[TestFixture(1_500)]
public sealed class AffectedEnvironmentsTests(int foreignSets) : ScannerFixture
{
    private const string Path = "vulnerabilities/CVE-2026-30000/environments";
    private readonly HashSet<string> _archived = [];
    private readonly Dictionary<string, long> _setOf = [];
    private List<JsonElement> _all = [];

    protected override async Task PrepareAsync()
    {
        await ImportAsync(File([
            Record("PYSEC-2026-300", "commonlib", null, "2.0", ["CVE-2026-30000"], Medium),
            Record("PYSEC-2026-301", "worselib", null, "2.0", ["CVE-2026-30001"], High),
            Record("PYSEC-2026-302", "worstlib", null, "2.0", ["CVE-2026-30002"], Critical)]));
        var machine = await RegisterMachineAsync(Bob);
        var evesMachine = await RegisterMachineAsync(Eve);
        var mallorys = await LogAsync(Mallory, await RegisterMachineAsync(Mallory), "/mallory", PyPi("commonlib", "1.0"));
        await LogAsync(Bob, machine, "/not-affected", PyPi("commonlib", "2.0"));
        var random = new Random(20_261_121);
        string[] also = ["nothing", "worselib", "worstlib"];
        var ids = new List<EnvironmentId> { mallorys };
        for (var i = 0; i < 48; i++)
        {
            var bobs = random.Next(3) > 0;
            ids.Add(await LogAsync(
                bobs ? Bob : Eve, bobs ? machine : evesMachine,
                $"/{random.Next(9)}/{new[] { "base", "Ops", "science" }[random.Next(3)]}-{i}",
                PyPi("commonlib", "1.0"), PyPi(also[random.Next(3)], "1.0"), PyPi("other", $"{random.Next(4)}")));
        }

        foreach (var id in ids)
        {
            _setOf[id.ToString()] = await ScannedAsync(id);
        }

        await using (var connection = await Db.OpenConnectionAsync())
        {
            _archived.UnionWith((await connection.QueryAsync<Guid>(
                """
                update environments set archived = true where prefix like '/3/%' and org_id = @Value returning environment_id
                """, Organization.Id)).Select(id => id.ToString()));
        }

        // Affected sets that no environment here has.
        await using (var connection = await Db.OpenConnectionAsync())
        {
            await connection.ExecuteAsync(
                """
                insert into package_sets (id, package_ids)
                select 1000000 + i, array[(select min(package_id) from package_findings where vulnerability_id = 'CVE-2026-30000')]
                from generate_series(1, @foreignSets) as i
                """, new { foreignSets });
        }

        _all = [.. await GetAllAsync(Ada, Path, 1_000), .. await GetAllAsync(Ada, Path + "?archived=true", 1_000)];
        Assert.That(_all.Select(Id), Is.EquivalentTo(ids.Skip(1).Select(id => id.ToString())));
        Assert.That(_archived, Is.Not.Empty);
    }

    [Test]
    public async Task Every_sort_in_both_directions_and_any_page_size_equals_a_sort_in_memory(
        [Values("name", "prefix", "platform", "max_cvss", "vulnerabilities", "scanned_at")] string field,
        [Values("", "-")] string direction, [Values(1_000, 7, 1)] int limit, [Values] bool asMember)
    {
        var listed = await GetAllAsync(asMember ? Bob : Ada, $"{Path}?sort={direction}{field}", limit);
        var sorted = _all.Where(
            e => !_archived.Contains(Id(e)) && (!asMember || e.GetProperty("user").GetProperty("id").GetGuid() == Bob.SubjectId.Value))
            .Order(Comparer<JsonElement>.Create((a, b) => Compare(a, b, field))).ToList();
        if (direction == "-")
        {
            sorted.Reverse();
        }

        Assert.That(listed.Select(Id), Is.EqualTo(sorted.Select(Id)));
    }

    [Test]
    public async Task Each_environment_names_its_own_affected_packages()
    {
        var listed = await GetAllAsync(Ada, Path, 10);
        Assert.That(
            listed.Select(e => string.Join(',', e.GetProperty("packages").EnumerateArray().Select(p => p.GetProperty("name").GetString()))),
            Is.All.EqualTo("commonlib"));
        Assert.That(
            (await GetAsync(Ada, "vulnerabilities/CVE-2026-30000")).GetProperty("environments").GetInt64(), Is.EqualTo(listed.Count));
    }

    [Test]
    public async Task The_numbers_that_are_kept_are_those_of_the_rows()
    {
        Assert.That(await ScalarAsync<long>(
            Db,
            """
            select count(*)
            from (select org_id, set_id, archived, count(*) as environments from environments where visible group by 1, 2, 3) as rows
            full join set_environments kept using (org_id, set_id, archived)
            where rows.environments is distinct from kept.environments
            """), Is.Zero);
    }

    private int Compare(JsonElement a, JsonElement b, string field)
    {
        var by = field switch
        {
            "max_cvss" => a.GetProperty(field).GetDecimal().CompareTo(b.GetProperty(field).GetDecimal()),
            "vulnerabilities" => Total(a).CompareTo(Total(b)),
            "scanned_at" => a.GetProperty(field).GetDateTimeOffset().CompareTo(b.GetProperty(field).GetDateTimeOffset()),
            _ => string.CompareOrdinal(a.GetProperty(field).GetString(), b.GetProperty(field).GetString()),
        };
        var bySet = field is "max_cvss" or "vulnerabilities" or "scanned_at" ? _setOf[Id(a)].CompareTo(_setOf[Id(b)]) : 0;
        return by != 0 ? by : bySet != 0 ? bySet : string.CompareOrdinal(Id(a), Id(b));
    }

    private static int Total(JsonElement e) => e.GetProperty("vulnerabilities").GetProperty("total").GetInt32();

    private static string Id(JsonElement e) => e.GetProperty("id").GetString()!;
}
