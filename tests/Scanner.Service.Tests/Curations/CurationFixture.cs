using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>What tests of curations share.</summary>
public abstract class CurationFixture : ScannerFixture
{
    protected MachineId Machine { get; private set; }

    protected TestCaller Aud => People.Aud;

    protected override async Task PrepareAsync() => Machine = await RegisterMachineAsync(Bob);

    protected Task<HttpResponseMessage> PutAsync(string vulnerability, object body, TestCaller? caller = null) =>
        SendAsync(
            HttpMethod.Put, caller ?? Ada, $"vulnerabilities/{vulnerability}/curation", JsonContent.Create(body, options: Json.Options));

    protected async Task CurateAsync(
        string vulnerability, string status, string? package = null, string? version = null, string? build = null,
        DateTimeOffset? until = null, string reason = "looked at it")
    {
        using var response = await PutAsync(vulnerability, new { status, package, version, build, reason, expires_at = until });
        Assert.That(
            response.StatusCode, Is.EqualTo(status == "reported" ? HttpStatusCode.NoContent : HttpStatusCode.OK),
            await response.Content.ReadAsStringAsync());
    }

    /// <summary>The statuses of a vulnerability in an environment: over all, and by package.</summary>
    protected async Task<(string? Status, Dictionary<string, string> Packages)> StatusAsync(EnvironmentId environment, string vulnerability)
    {
        var items = await GetAllAsync(Ada, $"environments/{environment}/vulnerabilities?status=all", 100);
        var item = items.Single(one => Id(one) == vulnerability);
        return (item.GetProperty("status").GetString(), item.GetProperty("packages").EnumerateArray().ToDictionary(
            package => $"{package.GetProperty("name")} {package.GetProperty("version")}",
            package => package.GetProperty("status").GetString()!));
    }

    /// <summary>The vulnerabilities that an environment shows by default.</summary>
    protected async Task<string?[]> ShownAsync(EnvironmentId environment) =>
        [.. (await GetAllAsync(Ada, $"environments/{environment}/vulnerabilities", 100)).Select(Id)];

    /// <summary>The counts that Ingest keeps of an environment.</summary>
    protected async Task<(int Total, decimal? MaxCvss, int Kev)> CountsAsync(EnvironmentId environment)
    {
        using var client = Ingest.As(Ada);
        var item = await client.GetFromJsonAsync<JsonElement>(
            new Uri($"/api/v1/orgs/{Organization.Slug}/environments/{environment}", UriKind.Relative));
        return item.GetProperty("vulnerabilities") is { ValueKind: JsonValueKind.Object } counts
            ? (counts.GetProperty("total")
                .GetInt32(), item.GetProperty("max_cvss") is { ValueKind: JsonValueKind.Number } cvss ? cvss.GetDecimal() : null,
                item.GetProperty("kev") is { ValueKind: JsonValueKind.Number } kev ? kev.GetInt32() : 0)
            : (-1, null, 0);
    }

    protected Task CountsBecomeAsync(EnvironmentId environment, int total, decimal? maxCvss) => Eventually.BecomesTrueAsync(
        async () => await CountsAsync(environment) is var (count, cvss, _) && count == total && cvss == maxCvss,
        $"{total} vulnerabilities, CVSS {maxCvss}", 10);

    protected AuditEventOccurred[] Audits(string action, string vulnerability) =>
        [
            .. Events.Heard<AuditEventOccurred>().Where(e => e.ActionKey == action && e.Target.Id == vulnerability)
                .DistinctBy(e => e.EventId)
        ];

    protected static string? Id(JsonElement item) => item.GetProperty("id").GetString();
}
