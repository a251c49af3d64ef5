using System.Text.Json;

using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests.Environments;

public sealed class RealEnvironmentsTests : IngestFixture
{
    [Test]
    public async Task Every_real_environment_is_stored_as_it_was_logged()
    {
        var environments = (await File.ReadAllLinesAsync(TestData.File("environments", "environments.jsonl")))
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Select(environment =>
                (Id: environment.GetProperty("id").GetString()!, Packages: environment.GetProperty("packages").EnumerateArray()
                    .Where(package => Text(package, "version") is { Length: > 0 }).Select(Entry).ToArray()))
            .ToArray();
        Assert.That(environments, Is.Not.Empty);
        await Parallel.ForEachAsync(environments, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (environment, _) =>
        {
            var logged = await LoggedAsync(
                Bob, Body(environment.Packages, "/real/" + environment.Id, name: environment.Id[^Math.Min(200, environment.Id.Length)..]));
            Assert.That(logged.GetProperty("created").GetBoolean(), Is.True, environment.Id);
        });

        Assert.That((await GetAllAsync(Ada, "environments", 50)).Count, Is.EqualTo(environments.Length));
        foreach (var environment in environments.Where((_, i) => i % 10 == 0))
        {
            var again = await LoggedAsync(Bob, Body(environment.Packages, "/real/" + environment.Id,
                name: environment.Id[^Math.Min(200, environment.Id.Length)..], digestOnly: true));
            Assert.That(again.GetProperty("changed").GetBoolean(), Is.False);
            var stored = await GetAllAsync(Ada, $"environments/{again.GetProperty("environment_id").GetString()}/packages", 300);
            Assert.That(stored.Select(Key), Is.EquivalentTo(environment.Packages.Select(KeyOf).Distinct()), environment.Id);
        }
    }

    private static PackageEntry Entry(JsonElement package) =>
        new(
            // The data name the tool, the log names the index.
            Text(package, "manager") == "pip" ? "pypi" : Text(package, "manager"), Text(package, "name"), Text(package, "version"),
            Text(package, "build"), Text(package, "subdir"), Text(package, "channel"), null, null, null);

    private static PackageKey Key(JsonElement item) => item.Deserialize<PackageKey>(EnvPlatform.ServiceDefaults.Json.Options);

    private static string? Text(JsonElement package, string member) =>
        package.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
