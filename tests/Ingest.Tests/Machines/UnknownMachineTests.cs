using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Identity;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Ingest.Tests.Machines;

/// <summary>
/// A log that arrives before the event of its machine: Ingest and Identity have separate message namespaces, so that the event never
/// arrives.
/// </summary>
public sealed class UnknownMachineTests
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "envplatform-tests", Guid.CreateVersion7().ToString("N"));
    private TestDatabase _identityDatabase = null!;
    private TestDatabase _ingestDatabase = null!;
    private ServiceFixture<IdentityOptions> _identity = null!;
    private ServiceFixture<IngestOptions> _ingest = null!;
    private TestCaller _administrator = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _identityDatabase = await TestDatabase.CreateAsync();
        _ingestDatabase = await TestDatabase.CreateAsync();
        _identity = await ServiceFixture<IdentityOptions>.StartAsync(
            "identity", _identityDatabase, new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["BOOTSTRAP_FILE"] = Path.Combine(_folder, "bootstrap.json"),
                ["PUBLIC_URL"] = "http://127.0.0.1:8080",
            });
        _ingest = await ServiceFixture<IngestOptions>.StartAsync(
            "ingest", _ingestDatabase, new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["services:identity:grpc:0"] = _identity.GrpcAddress.ToString(),
                ["services:scanner:grpc:0"] = "http://127.0.0.1:9",
            });
        await using var db = NpgsqlDataSource.Create(_identityDatabase.ConnectionString);
        var organization = await OneAsync(db, "select id from organizations");
        var subject = await OneAsync(db, "select id from subjects");
        _administrator = new(
            new(subject), "user", "administrator@localhost", true,
            new Membership(
                new(organization), "default", "Default", Roles.Administrator, EnvironmentsEnabled: true, Products: ["environments"]));
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _ingest.DisposeAsync();
        await _identity.DisposeAsync();
        await _ingestDatabase.DisposeAsync();
        await _identityDatabase.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_machine_that_Identity_knows_may_log_at_once()
    {
        var machine = await RegisterAsync();
        using var logged = await LogAsync(_administrator, machine);
        Assert.That(logged.StatusCode, Is.EqualTo(HttpStatusCode.Created), await logged.Content.ReadAsStringAsync());
        using var again = await LogAsync(_administrator, machine);
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task A_machine_that_Identity_does_not_know_is_not_registered()
    {
        using var response = await LogAsync(_administrator, Guid.CreateVersion7());
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(),
            Is.EqualTo("machine_not_registered"));
    }

    [Test]
    public async Task A_machine_that_Identity_knows_as_another_s_is_not_found()
    {
        var machine = await RegisterAsync();
        using var response = await LogAsync(_administrator with { SubjectId = new SubjectId(Guid.CreateVersion7()) }, machine);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task A_machine_of_one_organization_is_unknown_in_another()
    {
        var machine = await RegisterAsync();
        using var response = await LogAsync(_administrator with { Memberships = [TestCaller.NewOrganization()] }, machine);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    private async Task<Guid> RegisterAsync()
    {
        var machine = Guid.CreateVersion7();
        using var client = _identity.As(_administrator);
        using var registered = await client.PutAsJsonAsync(
            new Uri($"/api/v1/orgs/default/machines/{machine}", UriKind.Relative),
            new { hostname = "host", platform = "linux-64", agent_version = "1.0" });
        registered.EnsureSuccessStatusCode();
        return machine;
    }

    private async Task<HttpResponseMessage> LogAsync(TestCaller caller, Guid machine)
    {
        using var client = _ingest.As(caller);
        return await client.PostAsJsonAsync(
            new Uri($"/api/v1/orgs/{caller.Memberships[0].Slug}/environment-logs", UriKind.Relative),
            new
            {
                machine_id = machine,
                prefix = "/opt/env",
                name = "env",
                platform = "linux-64",
                digest = PackageSetDigest.Compute([]),
                packages = Array.Empty<object>()
            });
    }

    private static async Task<Guid> OneAsync(NpgsqlDataSource db, string sql)
    {
        await using var command = db.CreateCommand(sql);
        return (Guid)(await command.ExecuteScalarAsync())!;
    }
}
