using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;

using EnvPlatform.Idempotency;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>A write that is sent twice with the same Idempotency-Key takes effect once.</summary>
public sealed class IdempotencyTests
{
    private readonly TestCaller _ada = TestCaller.Of(TestCaller.NewOrganization());
    private TestDatabase _database = null!;
    private TestHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _database = await TestDatabase.CreateAsync();
        _host = await TestHost.StartAsync(_database, "id" + Guid.CreateVersion7().ToString("N")[^12..], map: Map);
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

    [Test]
    public async Task The_second_request_gets_the_first_answer_and_has_no_effect()
    {
        var first = await PostAsync(_ada, "k1", "one");
        var second = await PostAsync(_ada, "k1", "one");
        Assert.That(first.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(second.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(await second.Content.ReadAsStringAsync(), Is.EqualTo(await first.Content.ReadAsStringAsync()));
        Assert.That(await CountAsync("one"), Is.EqualTo(1));
    }

    [Test]
    public async Task The_key_belongs_to_its_request_and_its_sender()
    {
        await PostAsync(_ada, "k2", "two");
        var other = await PostAsync(_ada, "k2", "other");
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity));
        Assert.That(await other.Content.ReadAsStringAsync(), Does.Contain("idempotency_key_reused"));
        Assert.That(
            (await PostAsync(TestCaller.Of(TestCaller.NewOrganization()), "k2", "two")).StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(await CountAsync("two"), Is.EqualTo(2));
    }

    [Test]
    public async Task A_request_that_failed_before_it_took_effect_may_be_sent_again()
    {
        Assert.That((await PostAsync(_ada, "k3", "fail")).StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That((await PostAsync(_ada, "k3", "fail")).StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await CountAsync("fail"), Is.Zero);
    }

    [Test]
    public async Task A_request_whose_answer_was_lost_after_the_commit_is_not_run_again()
    {
        Assert.That((await PostAsync(_ada, "k4", "late")).StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        var again = await PostAsync(_ada, "k4", "late");
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await again.Content.ReadAsStringAsync(), Does.Contain("idempotent_answer_lost"));
        Assert.That(await CountAsync("late"), Is.EqualTo(1));
    }

    [Test]
    public async Task Ten_at_once_have_one_effect()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => PostAsync(_ada, "k5", "many")));
        Assert.That(answers.Select(answer => answer.StatusCode), Has.All.AnyOf(HttpStatusCode.Created, HttpStatusCode.Conflict));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.Created), Is.GreaterThan(0));
        Assert.That(await CountAsync("many"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_key_must_have_a_sensible_length() =>
        Assert.That((await PostAsync(_ada, new string('x', 201), "long")).StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));

    [Test]
    public async Task The_kept_answer_cannot_be_read_from_the_database()
    {
        await PostAsync(_ada, "k6", "secret");
        var bodies = await _host.Db.QueryAsync<byte[]>(
            "select body from idempotency_keys where body is not null", null, CancellationToken.None);
        Assert.That(bodies, Is.Not.Empty);
        Assert.That(bodies.Select(body => System.Text.Encoding.UTF8.GetString(body)), Has.None.Contains("secret"));
    }

    [Test]
    public async Task Another_query_is_another_request()
    {
        await PostAsync(_ada, "k7", "seven a");
        await PostAsync(_ada, "k7", "seven b");
        var path = $"/orgs/{_ada.Memberships[0].Slug}/notes";
        using var first = await DeleteAsync(_ada, "k8", $"{path}?text=seven%20a");
        using var second = await DeleteAsync(_ada, "k8", $"{path}?text=seven%20b");
        using var again = await DeleteAsync(_ada, "k8", $"{path}?text=seven%20a");
        Assert.That(first.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(second.StatusCode, Is.EqualTo(HttpStatusCode.UnprocessableEntity));
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
    }

    [Test]
    public async Task An_answer_without_a_body_is_answered_again_without_one()
    {
        var path = $"/orgs/{_ada.Memberships[0].Slug}/notes?text=nothing";
        for (var i = 0; i < 3; i++)
        {
            using var answer = await DeleteAsync(_ada, "k9", path);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
            Assert.That(await answer.Content.ReadAsByteArrayAsync(), Is.Empty);
        }
    }

    [Test]
    public async Task An_answer_that_is_given_again_is_kept_by_nobody()
    {
        await PostAsync(_ada, "k10", "ten");
        var again = await PostAsync(_ada, "k10", "ten");
        Assert.That(again.Headers.CacheControl?.NoStore, Is.True);
    }

    [Test]
    public async Task However_a_path_is_written_its_resource_is_one()
    {
        var organization = _ada.Memberships[0];
        var id = Guid.CreateVersion7();
        var answers = new List<string>();
        foreach (var path in new[]
        {
            $"/orgs/{organization.Slug}/notes/{id}", $"/orgs/{organization.Id}/notes/{id}", $"/orgs/{organization.Slug}/notes/{id:N}",
            $"/ORGS/{organization.Slug}/notes/{id.ToString().ToUpperInvariant()}/"
        })
        {
            using var client = _host.As(_ada);
            using var request = new HttpRequestMessage(HttpMethod.Put, path);
            request.Headers.Add(IdempotencyKeys.Header, "k11");
            using var answer = await client.SendAsync(request);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), path);
            answers.Add(await answer.Content.ReadAsStringAsync());
        }

        Assert.That(answers.Distinct().ToArray(), Has.Length.EqualTo(1));
        Assert.That(await CountAsync(id.ToString()), Is.EqualTo(1));
    }

    [Test]
    public async Task A_key_that_the_version_before_has_answered_is_answered_again()
    {
        // As it was written until now: the path as it came, and of the request the body's hash alone.
        var path = $"/orgs/{_ada.Memberships[0].Slug}/notes";
        using (var first = await DeleteAsync(_ada, "k12", path))
        {
            Assert.That(first.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        }

        var row = await _host.Db.QuerySingleAsync<Kept>(
            "select scope, request_sha256 from idempotency_keys where key_sha256 = @Key",
            new { Key = SHA256.HashData("k12"u8) }, CancellationToken.None);
        Assert.That(row.Scope, Is.EqualTo($"{_ada.SubjectId} DELETE {path}"));
        Assert.That(row.RequestSha256, Is.EqualTo(SHA256.HashData([])));
    }

    private static void Map(IEndpointRouteBuilder app)
    {
        var org = app.MapGroup("/orgs/{org}/notes");
        org.MapDelete("", async (string? text, NpgsqlDataSource db, CancellationToken ct) =>
        {
            await using var tx = await db.BeginAsync(ct);
            await tx.ExecuteAsync("delete from notes where text = @text", new { text });
            await tx.CommitAsync();
            return TypedResults.NoContent();
        }).RequireAuthorization(Permission.MembersWrite);
        org.MapPut("/{id:guid}", async (Guid id, NpgsqlDataSource db, CancellationToken ct) =>
        {
            await using var tx = await db.BeginAsync(ct);
            var note = await tx.QuerySingleAsync<long>(
                "insert into notes (text) values (@Text) returning id", new { Text = id.ToString() });
            await tx.CommitAsync();
            return TypedResults.Ok(new { note });
        }).RequireAuthorization(Permission.MembersWrite);
        app.MapPost("/notes", async (Note note, NpgsqlDataSource db, CancellationToken ct) =>
        {
            await using var tx = await db.BeginAsync(ct);
            var id = await tx.QuerySingleAsync<long>("insert into notes (text) values (@Text) returning id", note);
            if (note.Text == "fail")
            {
                throw new InvalidOperationException("before the commit");
            }

            await tx.CommitAsync();
            return note.Text == "late"
                ? throw new InvalidOperationException("after the commit")
                : TypedResults.Created($"/notes/{id}", new { id, note.Text });
        }).RequireAuthorization(Access.Anyone);
    }

    private async Task<HttpResponseMessage> DeleteAsync(TestCaller caller, string key, string path)
    {
        using var client = _host.As(caller);
        using var request = new HttpRequestMessage(HttpMethod.Delete, path);
        request.Headers.Add(IdempotencyKeys.Header, key);
        return await client.SendAsync(request);
    }

    private async Task<HttpResponseMessage> PostAsync(TestCaller caller, string key, string text)
    {
        using var client = _host.As(caller);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/notes") { Content = JsonContent.Create(new { text }) };
        request.Headers.Add(IdempotencyKeys.Header, key);
        return await client.SendAsync(request);
    }

    private Task<long> CountAsync(string text) =>
        _host.Db.QuerySingleAsync<long>("select count(*) from notes where text = @text", new { text }, CancellationToken.None);

    private sealed record Note(string Text);

    private sealed record Kept(string Scope, byte[] RequestSha256);
}
