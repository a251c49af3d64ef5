using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Idempotency;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

using Npgsql;

namespace EnvPlatform.Postgres.Tests;

/// <summary>A write that is sent twice with one Idempotency-Key happens once.</summary>
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
        Assert.That((await PostAsync(_ada, "k2", "other")).StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
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

    private static void Map(IEndpointRouteBuilder app) =>
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
}
