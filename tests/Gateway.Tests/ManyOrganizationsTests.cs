using System.Net;

namespace EnvPlatform.Gateway.Tests;

/// <summary>A user of more organizations than the headers of a request could hold.</summary>
[TestFixture]
public sealed class ManyOrganizationsTests
{
    private const int Organizations = 10_000;
    private Platform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _platform = await Platform.StartAsync();
        await _platform.ExecuteAsync(
            $"""
            insert into organizations (id, slug, name, created_at)
            select gen_random_uuid(), 'many-' || n, 'Organization ' || n, now() from generate_series(1, {Organizations - 1}) as n;
            insert into organization_settings (org_id, updated_at) select id, now() from organizations where slug like 'many-%';
            insert into memberships (org_id, subject_id, role, created_at)
            select o.id, s.id, 'administrator', now() from organizations o, subjects s where o.slug like 'many-%'
            """);
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [TestCase("default")]
    [TestCase("many-1")]
    [TestCase("many-9999")]
    public async Task A_service_is_told_of_the_organization_that_the_request_is_about_and_of_no_other(string org)
    {
        using var client = _platform.AsOperator();
        using var byPath = await client.GetAsync(new Uri($"/api/v1/orgs/{org}/environments", UriKind.Relative));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/audit-logs");
        request.Headers.Add("X-Org-Name", org);
        using var byHeader = await client.SendAsync(request);
        foreach (var response in new[] { byPath, byHeader })
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            var memberships = (await response.JsonAsync())["assertion"]!["memberships"]!.AsArray();
            Assert.That(
                memberships.Select(m => ((string?)m!["slug"], (string?)m["role"])), Is.EqualTo(new[] { (org, "administrator") }));
        }
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("no-such-organization")]
    [TestCase("many-1 many-2")]
    public async Task Of_none_when_the_request_is_about_none(string? org)
    {
        using var client = _platform.AsOperator();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/audit-logs");
        if (org is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Org-Name", org);
        }

        using var response = await client.SendAsync(request);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await response.JsonAsync())["assertion"]!["memberships"]!.AsArray(), Is.Empty);
    }

    [Test]
    public async Task Who_has_one_organization_need_not_name_it()
    {
        var (_, token) = await _platform.CreateTokenAsync();
        using var client = _platform.With(token);
        using var response = await client.GetAsync(new Uri("/api/audit-logs", UriKind.Relative));
        Assert.That((string?)(await response.JsonAsync())["assertion"]!["memberships"]!.AsArray().Single()!["slug"], Is.EqualTo("default"));
    }

    [Test]
    public async Task All_of_them_are_listed_page_by_page()
    {
        using var client = _platform.AsOperator();
        var me = await (await client.GetAsync(new Uri("/api/v1/me", UriKind.Relative))).JsonAsync();
        Assert.That((int)me["organization_count"]!, Is.EqualTo(Organizations));
        Assert.That(me["organizations"]!.AsArray(), Has.Count.EqualTo(100));
        Assert.That((string?)me["organizations"]![0]!["slug"], Is.EqualTo("default"), "The one that was joined first.");
        var slugs = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await (await client.GetAsync(
                new Uri($"/api/v1/me/organizations?limit=1000&cursor={cursor}", UriKind.Relative))).JsonAsync();
            Assert.That((int)page["total_count"]!, Is.EqualTo(Organizations));
            slugs.AddRange(page["items"]!.AsArray().Select(item => (string)item!["slug"]!));
            cursor = (string?)page["next_cursor"];
        }

        Assert.That(slugs.Distinct().Count(), Is.EqualTo(Organizations));
        var one = await (await client.GetAsync(new Uri("/api/v1/me/organizations?slug=many-77", UriKind.Relative))).JsonAsync();
        Assert.That((string?)one["items"]!.AsArray().Single()!["slug"], Is.EqualTo("many-77"));
    }

    [Test]
    public async Task A_token_that_was_used_for_many_is_forgotten_for_all_of_them_when_it_is_revoked()
    {
        var session = await _platform.SignInAsync();
        using var client = _platform.With(session);
        for (var i = 1; i <= 100; i++)
        {
            using var response = await client.GetAsync(new Uri($"/api/v1/orgs/many-{i}/environments", UriKind.Relative));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), $"many-{i}");
        }

        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = session });
        using var revoked = await client.PostAsync(new Uri("/oauth/revoke", UriKind.Relative), form);
        Assert.That(revoked.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        foreach (var i in new[] { 1, 50, 64, 100 })
        {
            await Testing.Eventually.BecomesTrueAsync(
                async () => (await client.GetAsync(new Uri($"/api/v1/orgs/many-{i}/environments", UriKind.Relative))).StatusCode
                    == HttpStatusCode.Unauthorized, $"many-{i} is closed");
        }
    }
}
