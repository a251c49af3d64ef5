using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// Each service in turn, the broker and the database are killed with SIGKILL while environments are being logged. Everything acknowledged
/// is stored and eventually scanned, and nothing is duplicated.
/// </summary>
public sealed class ChaosTests
{
    [Test]
    public async Task Nothing_acknowledged_is_lost_when_processes_are_killed()
    {
        await using var platform = await Platform.StartAsync();
        var organization = await Organization.CreateAsync(platform);
        var environments = RealEnvironments.Read();
        using var api = platform.Client(organization.Token);
        var acknowledged = new ConcurrentDictionary<string, string>();
        var left = new ConcurrentQueue<RealEnvironment>(environments);
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        var loggers = Enumerable.Range(0, 3).Select(_ => LogAllAsync(api, organization, left, acknowledged, stop.Token)).ToArray();

        foreach (var victim in new[]
        {
            "ingest", "scanner", "identity", "messaging", "postgres", "policy", "audit", "gateway", "scanner", "ingest"
        })
        {
            await platform.KillAsync(victim);
        }

        await Task.WhenAll(loggers);
        Assert.That(acknowledged, Has.Count.EqualTo(environments.Count));
        foreach (var service in Platform.Services)
        {
            await platform.WaitUntilReadyAsync(service);
        }

        await AllScannedOnceAsync(api, organization, acknowledged);
        await AuditIsCompleteAsync(platform, organization, acknowledged.Values.ToHashSet());
        await QueuesAreEmptyAsync(platform);
    }

    /// <summary>Retries the remaining logs until they are acknowledged, as an agent does.</summary>
    private static async Task LogAllAsync(
        Api api, Organization organization, ConcurrentQueue<RealEnvironment> left,
        ConcurrentDictionary<string, string> acknowledged, CancellationToken ct)
    {
        while (left.TryDequeue(out var environment))
        {
            await Task.Delay(150, ct);
            try
            {
                using var response = await api.Http.PostAsJsonAsync(
                    $"{organization.Path}/environment-logs", environment.ToLog(organization.MachineId), ct);
                if (response.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK)
                {
                    var id = (await response.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("environment_id").GetString()!;
                    acknowledged[environment.Id] = id;
                    continue;
                }

                Assert.That(
                    (int)response.StatusCode, Is.GreaterThanOrEqualTo(500).Or.EqualTo(429), await response.Content.ReadAsStringAsync(ct));
            }
            catch (HttpRequestException)
            {
                // The gateway is being killed.
            }

            left.Enqueue(environment);
            await Task.Delay(200, ct);
        }
    }

    private static async Task AllScannedOnceAsync(Api api, Organization organization, ConcurrentDictionary<string, string> acknowledged)
    {
        await Eventually.BecomesTrueAsync(
            async () => (await api.ListAsync($"{organization.Path}/environments"))
                .All(item => item.GetProperty("scanned_at").ValueKind == JsonValueKind.String),
            "every environment is scanned", seconds: 120);
        var listed = await api.ListAsync($"{organization.Path}/environments");
        Assert.That(listed.Select(item => item.GetProperty("id").GetString()), Is.EquivalentTo(acknowledged.Values));
        foreach (var environment in listed)
        {
            var history = await api.ListAsync($"{organization.Path}/environments/{environment.GetProperty("id").GetString()}/history");
            Assert.That(history, Has.Count.EqualTo(1), "one log each, however often it was sent");
        }
    }

    private static async Task AuditIsCompleteAsync(Platform platform, Organization organization, HashSet<string> environments)
    {
        using var auditor = platform.Client(organization.Token);
        auditor.Http.DefaultRequestHeaders.Add("X-Org-Name", organization.Slug);
        var seen = new List<JsonElement>();
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                var page = await auditor.GetAsync("/api/audit-logs?q=action_key:environment_logged&limit=1000");
                seen = [.. page.GetProperty("items").EnumerateArray()];
                return seen.Count >= environments.Count;
            }, "every log is in the audit log", seconds: 120);
        Assert.That(seen.Select(item => item.GetProperty("target_id").GetString()), Is.EquivalentTo(environments));

        var all = await auditor.GetAsync("/api/audit-logs?limit=1000&sort=seq");
        var numbers = all.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("seq").GetInt64()).ToArray();
        Assert.That(numbers, Is.EqualTo(Enumerable.Range((int)numbers[0], numbers.Length).Select(n => (long)n)), "numbered without a gap");
    }

    /// <summary>Every outbox is empty, and every message was handled rather than moved to an error queue.</summary>
    private static async Task QueuesAreEmptyAsync(Platform platform)
    {
        foreach (var database in new[] { "identity", "ingest", "scanner", "policy", "audit" })
        {
            await using var db = NpgsqlDataSource.Create((await platform.ConnectionStringAsync(database + "-db"))!);
            await Eventually.BecomesTrueAsync(
                async () =>
                {
                    await using var command = db.CreateCommand("select count(*) from outbox");
                    return (long)(await command.ExecuteScalarAsync())! == 0;
                }, $"the outbox of {database} is empty", seconds: 60);
        }
    }
}
