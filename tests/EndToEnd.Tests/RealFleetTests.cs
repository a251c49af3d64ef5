using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;

using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// The real environments through the gateway, the real PyPA feed imported, and the findings that independent tools expect: on every package
/// where the two expectations agree (identity and mapped names).
/// </summary>
public sealed class RealFleetTests
{
    private readonly Dictionary<string, string> _environmentIds = [];
    private List<RealEnvironment> _environments = [];
    private Organization _organization = null!;
    private Api _api = null!;
    private JsonElement _older;
    private JsonElement _newer;

    [OneTimeSetUp]
    public async Task LogAllAsync()
    {
        _environments = RealEnvironments.Read();
        _organization = await Organization.CreateAsync(SharedPlatform.Platform);
        _api = SharedPlatform.Platform.Client(_organization.Token);
        foreach (var environment in _environments)
        {
            var answer = await _api.PostAsync($"{_organization.Path}/environment-logs", environment.ToLog(_organization.MachineId));
            _environmentIds[environment.Id] = answer.GetProperty("environment_id").GetString()!;
            Assert.That(answer.GetProperty("created").GetBoolean(), Is.True);
        }

        await WaitUntilAllScannedAsync();
        _older = await ImportAsync("pypa-osv-2024-10.zip");
        _newer = await ImportAsync("pypa-osv.zip");
    }

    [OneTimeTearDown]
    public void Dispose() => _api?.Dispose();

    [Test]
    public async Task Every_environment_is_scanned_by_itself()
    {
        var listed = await _api.ListAsync($"{_organization.Path}/environments", limit: 50);
        Assert.That(listed.Select(item => item.GetProperty("id").GetString()), Is.EquivalentTo(_environmentIds.Values));
    }

    [Test]
    public async Task Logging_again_changes_nothing_and_needs_no_packages()
    {
        foreach (var environment in _environments.Take(20))
        {
            var answer = await _api.PostAsync(
                $"{_organization.Path}/environment-logs", environment.ToLog(_organization.MachineId, digestOnly: true));
            Assert.That(answer.GetProperty("changed").GetBoolean(), Is.False);
            Assert.That(answer.GetProperty("environment_id").GetString(), Is.EqualTo(_environmentIds[environment.Id]));
        }
    }

    [Test]
    public async Task After_the_older_feed_and_then_the_newer_one_findings_are_those_of_the_newer()
    {
        Assert.That(_older.GetProperty("advisories").GetInt32(), Is.GreaterThan(2_000));
        Assert.That(_newer.GetProperty("added").GetInt32(), Is.GreaterThan(0));
        Assert.That(_newer.GetProperty("changed").GetInt32(), Is.GreaterThan(0));
        var again = await ImportAsync("pypa-osv.zip");
        Assert.That((again.GetProperty("added").GetInt32(), again.GetProperty("changed").GetInt32()), Is.EqualTo((0, 0)));

        var identity = Expectations.Read("expected-findings.jsonl");
        var mapped = Expectations.Read("expected-findings-mapped.jsonl");
        var wrong = new List<string>();
        foreach (var environment in _environments)
        {
            var found = Findings.ByPackage(
                await _api.ListAsync($"{_organization.Path}/environments/{_environmentIds[environment.Id]}/vulnerabilities?status=all"));
            foreach (var (package, expected) in identity[environment.Id].Findings.Where(
                row => mapped[environment.Id].Findings.TryGetValue(row.Key, out var other) && other.SetEquals(row.Value)))
            {
                var items = found.GetValueOrDefault(package, []);
                wrong.AddRange(expected.Where(id => !items.Any(item => item.Contains(id)))
                    .Select(id => $"{environment.Id} {package}: {id} is missing"));
                wrong.AddRange(
                    items.Where(item => item.Any(id => id.StartsWith("PYSEC-", StringComparison.Ordinal)) && !item.Overlaps(expected))
                        .Select(item => $"{environment.Id} {package}: {string.Join(' ', item)} is not expected"));
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public async Task Policy_knows_of_every_environment_what_was_found_in_which_package()
    {
        var settings = await SharedPlatform.Platform.EnvironmentAsync("policy");
        await using var db = NpgsqlDataSource.Create(settings["ConnectionStrings__policy"]);
        await Eventually.BecomesTrueAsync(
            async () => await db.ScalarAsync<long>("select count(*) from facts_to_fetch") == 0, "all facts are fetched", 120);
        foreach (var environment in _environments)
        {
            var id = _environmentIds[environment.Id];
            var found =
                (await _api.ListAsync($"{_organization.Path}/environments/{id}/vulnerabilities?status=all")).SelectMany(
                    item => item.GetProperty("packages").EnumerateArray().Select(
                        package => $"{NameOf(package)} {package.GetProperty("version").GetString()} {item.GetProperty("id").GetString()}"));
            var known = await db.ScalarAsync<string[]>(
                """
                select array(
                    select distinct concat_ws(' ', p.manager, p.name, p.version, f.vulnerability_id)
                    from environment_status e join scan_facts s using (org_id, package_set_id)
                    join package_sets h on h.package_set_id = e.package_set_id
                    join packages p on p.package_id = any(h.package_ids)
                    join package_findings f on f.package_id = p.package_id and f.gone_at is null
                    join vulnerabilities v using (vulnerability_id)
                    where e.environment_id = @id and s.facts_at is not null)
                """, new { id = Guid.Parse(id) });
            Assert.That(known, Is.EquivalentTo(found.Distinct()), environment.Id);
        }
    }

    [Test]
    public async Task Counts_of_the_list_are_those_of_the_findings()
    {
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                foreach (var environment in (await _api.ListAsync($"{_organization.Path}/environments?sort=-max_cvss")).Take(10))
                {
                    var items = await _api.ListAsync(
                        $"{_organization.Path}/environments/{environment.GetProperty("id").GetString()}/vulnerabilities");
                    if (items.Count != environment.GetProperty("vulnerabilities").GetProperty("total").GetInt32())
                    {
                        return false;
                    }
                }

                return true;
            }, "counts and findings agree");
    }

    [Test]
    public async Task A_CVE_leads_to_every_environment_that_it_affects()
    {
        var vulnerability =
            (await _api.ListAsync($"{_organization.Path}/environments/{_environmentIds[_environments[0].Id]}/vulnerabilities")).First()
                .GetProperty("id").GetString()!;
        var affected = (await _api.ListAsync($"{_organization.Path}/vulnerabilities/{vulnerability}/environments"))
            .Select(item => item.GetProperty("id").GetString()).ToHashSet();
        foreach (var environment in _environments.Take(40))
        {
            var has =
                (await _api.ListAsync($"{_organization.Path}/environments/{_environmentIds[environment.Id]}/vulnerabilities?status=all"))
                    .Any(item => item.GetProperty("id").GetString() == vulnerability);
            Assert.That(affected.Contains(_environmentIds[environment.Id]), Is.EqualTo(has), environment.Id);
        }
    }

    [Test]
    public async Task An_environment_that_is_upgraded_as_the_platform_says_keeps_only_what_it_said_would_be_left()
    {
        foreach (var environment in _environments.Where((_, number) => number % 10 == 0))
        {
            var path = $"{_organization.Path}/environments/{_environmentIds[environment.Id]}";
            var found = (await _api.ListAsync($"{path}/vulnerabilities")).SelectMany(item => item.GetProperty("packages").EnumerateArray()
                .Select(package => (Package: NameOf(package), Id: item.GetProperty("id").GetString()!))).Distinct().ToArray();
            var answer = await _api.GetAsync($"{path}/upgrades");
            var to = answer.GetProperty("items").EnumerateArray().ToDictionary(NameOf, item => item.GetProperty("to").GetString()!);
            var left = answer.GetProperty("unfixed").EnumerateArray()
                .Select(item => (NameOf(item), item.GetProperty("vulnerability").GetString()!)).ToArray();
            var cleared = answer.GetProperty("items").EnumerateArray()
                .SelectMany(item => Texts(item, "clears").Select(id => (NameOf(item), id)));
            Assert.That(cleared.Concat(left), Is.EquivalentTo(found), $"{environment.Id}: each finding is cleared or said to be left");

            var scan = await _api.PostAsync($"{_organization.Path}/scans", new
            {
                packages = environment.Packages.Select(package => new
                {
                    manager = package.Manager,
                    name = package.Name,
                    version = to.GetValueOrDefault($"{package.Manager} {package.Name}", package.Version),
                    build = package.Build,
                    subdir = package.Subdir,
                    channel = package.Channel,
                }),
            });
            var after = scan.GetProperty("packages").EnumerateArray()
                .SelectMany(package => package.GetProperty("vulnerabilities").EnumerateArray()
                    .Where(item => item.GetProperty("status").GetString() != "not_affected")
                    .Select(item => (NameOf(package), item.GetProperty("id").GetString()!))).Distinct();
            var announced = answer.GetProperty("items").EnumerateArray()
                .SelectMany(item => Texts(item, "remaining").Select(id => (NameOf(item), id)));
            Assert.That(after, Is.EquivalentTo(left.Union(announced)), environment.Id);
        }
    }

    private static string NameOf(JsonElement package) =>
        $"{package.GetProperty("manager").GetString()} {package.GetProperty("name").GetString()}";

    private static IEnumerable<string> Texts(JsonElement item, string property) =>
        item.GetProperty(property).EnumerateArray().Select(text => text.GetString()!);

    private async Task WaitUntilAllScannedAsync() =>
        await Eventually.BecomesTrueAsync(
            async () => (await _api.ListAsync($"{_organization.Path}/environments"))
                .All(item => item.GetProperty("scanned_at").ValueKind == JsonValueKind.String),
            "every environment is scanned", seconds: 90);

    /// <summary>Imports a feed as the operator and waits for its end, and until the list no longer changes.</summary>
    private static async Task<JsonElement> ImportAsync(string file)
    {
        using var operatorApi = SharedPlatform.Platform.Administrator();
        await using var stream = File.OpenRead(TestData.File("advisories", file));
        using var content = new StreamContent(stream) { Headers = { ContentType = new MediaTypeHeaderValue("application/zip") } };
        using var response = await operatorApi.Http.PostAsync(new Uri("/api/v1/advisories/imports?format=osv", UriKind.Relative), content);
        var text = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(202), text);
        var id = JsonDocument.Parse(text).RootElement.GetProperty("id").GetString();
        var ended = await Eventually.GetAsync(
            async () => await operatorApi.GetAsync($"/api/v1/advisories/imports/{id}") is var import
                && import.GetProperty("status").GetString() != "running" ? import.ToString() : null,
            $"the import of {file} ends", seconds: 180);
        var result = JsonDocument.Parse(ended).RootElement;
        Assert.That(result.GetProperty("status").GetString(), Is.EqualTo("completed"), ended);
        return result;
    }
}

/// <summary>The findings of the API: per package the advisories of each vulnerability.</summary>
internal static class Findings
{
    public static Dictionary<string, List<HashSet<string>>> ByPackage(IEnumerable<JsonElement> vulnerabilities)
    {
        var byPackage = new Dictionary<string, List<HashSet<string>>>();
        foreach (var item in vulnerabilities)
        {
            var advisories = item.GetProperty("advisories").EnumerateArray().Select(id => id.GetString()!).ToHashSet();
            // What was read out of a bound that is no version: the independent tools ignore such ranges.
            foreach (var package in item.GetProperty("packages").EnumerateArray()
                .Where(package => !package.GetRawText().Contains("\"bounds_read\"", StringComparison.Ordinal)))
            {
                var manager = package.GetProperty("manager").GetString() == "pypi" ? "pip" : "conda";
                var key = Expectations.Key(
                    manager, package.GetProperty("name").GetString(), package.GetProperty("version").GetString(),
                    package.GetProperty("build").GetString());
                (byPackage.TryGetValue(key, out var items) ? items : byPackage[key] = []).Add(advisories);
            }
        }

        return byPackage;
    }
}

/// <summary>What independent tools expect of an environment: per package the advisories that affect it.</summary>
internal sealed record Expectations(Dictionary<string, HashSet<string>> Findings)
{
    public static Dictionary<string, Expectations> Read(string file) =>
        File.ReadLines(TestData.File("oracles", file)).Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(row => row.GetProperty("env").GetString()!, row => new Expectations(
                row.GetProperty("findings").EnumerateArray()
                    .Where(finding => !finding.TryGetProperty("how", out var how) || how.GetString() != "map-multi")
                    .GroupBy(
                        finding => Key(Text(finding, "manager"), Text(finding, "name"), Text(finding, "version"), Text(finding, "build")))
                    .ToDictionary(group => group.Key, group => group.SelectMany(finding => finding.GetProperty("ids").EnumerateArray())
                        .Select(id => id.GetString()!).ToHashSet())));

    public static string Key(string? manager, string? name, string? version, string? build) =>
        string.Create(CultureInfo.InvariantCulture, $"{manager} {name} {version} {build ?? ""}").TrimEnd();

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;
}
