using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>A request for which the database is away is told to come again.</summary>
public sealed class DatabaseAwayTests
{
    private readonly TestCaller _ada = TestCaller.Of(TestCaller.NewOrganization());
    private TestDatabase _database = null!;
    private TestHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _host = await TestHost.StartAsync(_database, "aw" + Guid.CreateVersion7().ToString("N")[^12..], map: Map);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
            await _database.DisposeAsync();
        }
    }

    [TestCase("/unreachable", "application/json")]
    [TestCase("/unreachable", "text/html")]
    [TestCase("/ended", "application/json")]
    public async Task It_is_503_with_a_time_to_come_again(string path, string accept)
    {
        using var client = _host.As(_ada);
        client.DefaultRequestHeaders.Accept.ParseAdd(accept);
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable), problem.ToString());
        Assert.That(response.Headers.RetryAfter?.Delta, Is.EqualTo(TimeSpan.FromSeconds(1)));
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        Assert.That(problem.GetProperty("code").GetString(), Is.EqualTo("service_unavailable"));
        Assert.That(problem.GetProperty("trace_id").GetString(), Is.Not.Empty);
    }

    [Test]
    public async Task A_statement_that_is_wrong_is_a_fault()
    {
        using var client = _host.As(_ada);
        using var response = await client.GetAsync(new Uri("/wrong", UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Not.Contain("nothing_of_this_name"));
    }

    private static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/unreachable", async (CancellationToken ct) =>
        {
            // Nobody listens there.
            await using var db = NpgsqlDataSource.Create("Host=127.0.0.1;Port=9;Username=nobody");
            return TypedResults.Ok(await db.QuerySingleAsync<int>("select 1", null, ct));
        }).RequireAuthorization(Access.Anyone);
        app.MapGet("/ended", async (NpgsqlDataSource db, CancellationToken ct) =>
            TypedResults.Ok(await db.QuerySingleAsync<bool>("select pg_terminate_backend(pg_backend_pid())", null, ct)))
            .RequireAuthorization(Access.Anyone);
        app.MapGet("/wrong", async (NpgsqlDataSource db, CancellationToken ct) =>
            TypedResults.Ok(await db.QuerySingleAsync<int>("select nothing_of_this_name", null, ct)))
            .RequireAuthorization(Access.Anyone);
    }
}
