using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>A query parameter that an operation does not have is refused and not ignored.</summary>
public sealed class UnknownParametersTests
{
    private readonly TestCaller _ada = TestCaller.Of(TestCaller.NewOrganization());
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _app = await TestApp.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _app.DisposeAsync();

    [TestCase("list", "cursr=x", "cursr", "The nearest is cursor;", TestName = "A mistyped one")]
    [TestCase("list", "limit=1&page=2", "page", "all are cursor, limit, search, sort.", TestName = "Beside a known one")]
    [TestCase("list", "from", "from", "There is no such parameter.", TestName = "Without a value")]
    [TestCase("things", "q=1", "q", "the operation has none.", TestName = "Where there are none")]
    public async Task It_is_named_with_the_nearest(string path, string query, string name, string message)
    {
        using var client = _app.As(_ada);
        using var response = await client.GetAsync(Uri($"{path}?{query}"));
        var problem = (await response.Content.ReadFromJsonAsync<JsonObject>())!;
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem.ToJsonString());
        Assert.That((string?)problem["code"], Is.EqualTo("invalid_request"));
        Assert.That((string?)problem["errors"]![name]![0], Does.Contain(message));
    }

    [Test]
    public async Task It_is_refused_for_writes_too()
    {
        using var client = _app.As(_ada);
        using var response = await client.PostAsJsonAsync(Uri("notes?dry_run=true"), new { text = "a", stars_given = 1 });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [TestCase("list?limit=3&sort=a")]
    [TestCase("list?LIMIT=3")]
    [TestCase("typed?count=1")]
    [TestCase("list?")]
    public async Task Those_that_it_has_are_taken(string path)
    {
        using var client = _app.As(_ada);
        using var response = await client.GetAsync(Uri(path));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task Who_may_not_call_is_told_that_first()
    {
        using var member = _app.As(TestCaller.Of(TestCaller.NewOrganization(Roles.Member)) with { Memberships = [] });
        using var response = await member.GetAsync(Uri("list?unknown=1"));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [TestCase("limi", "limit")]
    [TestCase("LIMITS", "limit")]
    [TestCase("srot", "sort")]
    [TestCase("text", "some_text")]
    [TestCase("sme_txt", "some_text")]
    [TestCase("curser", "cursor")]
    public async Task The_nearest_is_the_one_that_was_meant(string given, string meant)
    {
        using var client = _app.As(_ada);
        using var response = await client.GetAsync(Uri($"filtered/{Guid.CreateVersion7()}?{given}=1"));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain($"The nearest is {meant};"));
    }

    [Test]
    public async Task A_name_without_end_is_cut()
    {
        using var client = _app.As(_ada);
        using var response = await client.GetAsync(Uri($"list?{new string('x', 5_000)}=1"));
        var errors = (await response.Content.ReadFromJsonAsync<JsonObject>())!["errors"]!.AsObject();
        Assert.That(errors.Single().Key, Is.EqualTo(new string('x', 64)));
        Assert.That(errors.ToJsonString(), Has.Length.LessThan(400));
    }

    private Uri Uri(string path) => new($"/api/v1/orgs/{_ada.Memberships[0].Slug}/{path}", UriKind.Relative);
}
