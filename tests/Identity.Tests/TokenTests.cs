using System.Net;
using System.Net.Http.Json;

using EnvPlatform.Contracts.Identity;
using EnvPlatform.ServiceDefaults.Callers;

using Grpc.Core;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class TokenTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public void A_secret_has_a_prefix_and_a_checksum_that_any_one_wrong_character_breaks()
    {
        // The checksum was computed by another implementation of CRC-32.
        Assert.That(SecretFormat.IsWellFormed("envp_0123456789ABCDEFGHIJabcdefghij4Us3aw", "envp_"), Is.True);
        var secret = SecretFormat.New(SecretFormat.TokenPrefix);
        Assert.That(SecretFormat.IsWellFormed(secret, SecretFormat.TokenPrefix), Is.True);
        Assert.That(SecretFormat.IsWellFormed(secret, SecretFormat.ClientSecretPrefix), Is.False);
        for (var i = 0; i < secret.Length; i++)
        {
            var wrong = secret[..i] + (secret[i] == 'x' ? 'y' : 'x') + secret[(i + 1)..];
            Assert.That(SecretFormat.IsWellFormed(wrong, SecretFormat.TokenPrefix), Is.False, wrong);
        }
    }

    [Test]
    public async Task A_token_is_shown_once_is_good_for_its_organization_and_void_when_revoked()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        using var created = await client.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/tokens", new { name = "laptop", expires_at = IdentityHost.Tomorrow });
        Assert.That(created.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        var answer = await created.JsonAsync();
        var (id, token) = ((string)answer["id"]!, (string)answer["token"]!);
        var reply = await _host.IntrospectAsync(token);
        Assert.Multiple(() =>
        {
            Assert.That(reply.TokenId, Is.EqualTo(id));
            Assert.That(reply.Memberships.Select(m => m.Slug), Is.EqualTo(new[] { org }));
            Assert.That(reply.Operator, Is.False, "An operator's power is asked for expressly.");
        });
        var list = await client.GetStringAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative));
        Assert.That(list, Does.Contain(id).And.Not.Contain(token));
        using var revoked = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/tokens/{id}", UriKind.Relative));
        using var again = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/tokens/{id}", UriKind.Relative));
        Assert.That(revoked.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        Assert.That((await _host.OutboxAsync("TokenRevoked")).SelectMany(message => message["tokens"]!.AsArray()).Select(t => (string?)t),
            Does.Contain(id));
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Select(e => (string?)e["meta"]!["reason"]), Does.Contain("revoked_token"));
    }

    [Test]
    public async Task A_token_of_somebody_else_or_for_another_organization_is_not_there()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        using var ada = await _host.AsNewMemberAsync(org);
        using var created = await ada.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/tokens", new { name = "laptop", expires_at = IdentityHost.Tomorrow });
        var id = (string)(await created.JsonAsync())["id"]!;
        using var administrator = await _host.AsOperatorAsync();
        using var stranger = await _host.AsNewMemberAsync(other);
        using var eve = await _host.AsNewMemberAsync(org);
        Assert.That((await eve.DeleteAsync(new Uri($"/api/v1/orgs/{org}/tokens/{id}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await eve.GetStringAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative)), Does.Not.Contain(id));
        Assert.That((await administrator.DeleteAsync(new Uri($"/api/v1/orgs/{other}/tokens/{id}", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await stranger.GetAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative))).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await stranger.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/tokens", new { name = "x", expires_at = IdentityHost.Tomorrow })).StatusCode,
            Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task An_administrator_sees_and_voids_the_tokens_of_the_organizations_members()
    {
        var org = await _host.CreateOrganizationAsync();
        using var ada = await _host.AsNewMemberAsync(org);
        using var created = await ada.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/tokens", new { name = "laptop", expires_at = IdentityHost.Tomorrow });
        var answer = await created.JsonAsync();
        var (id, token) = ((string)answer["id"]!, (string)answer["token"]!);
        using var administrator = await _host.AsNewMemberAsync(org, "administrator");
        var list = await (await administrator.GetAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative))).JsonAsync();
        var found = list["items"]!.AsArray().Single(item => (string?)item!["id"] == id)!;
        Assert.That((string?)found["owner_name"], Is.Not.Empty);
        Assert.That((long)list["total_count"]!, Is.EqualTo(list["items"]!.AsArray().Count));
        using var revoked = await administrator.DeleteAsync(new Uri($"/api/v1/orgs/{org}/tokens/{id}", UriKind.Relative));
        Assert.That(revoked.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        Assert.That(
            (await _host.AuditAsync("token_revoked")).Where(e => (string?)e["target"]!["id"] == id)
                .Select(e => (string?)e["meta"]!["owner"]),
            Is.EqualTo(new[] { (string?)found["owner_id"] }));
    }

    [Test]
    public async Task The_bootstrap_token_shows_itself_and_nothing_less_shows_or_revokes_it()
    {
        var bootstrap = (string)_host.Bootstrap["token"]!;
        var id = (await _host.IntrospectAsync(bootstrap)).TokenId;
        using var first = await _host.AsOperatorAsync();
        Assert.That(await first.GetStringAsync(new Uri("/api/v1/orgs/default/tokens", UriKind.Relative)), Does.Contain("\"bootstrap\""));
        using var own = await first.PostAsJsonAsync(
            "/api/v1/orgs/default/tokens", new { name = "own", expires_at = IdentityHost.Tomorrow, @operator = true });
        foreach (var token in new[]
        {
            (string)(await own.JsonAsync())["token"]!,
            await _host.SignInAsync((string)_host.Bootstrap["email"]!, (string)_host.Bootstrap["password"]!),
            await _host.AddMemberAsync("default", "administrator"),
        })
        {
            using var client = await _host.AsBearerOfAsync(token);
            Assert.That(
                await client.GetStringAsync(new Uri("/api/v1/orgs/default/tokens", UriKind.Relative)), Does.Not.Contain("\"bootstrap\""));
            Assert.That((await client.DeleteAsync(new Uri($"/api/v1/orgs/default/tokens/{id}", UriKind.Relative))).StatusCode,
                Is.EqualTo(HttpStatusCode.NotFound));
        }

        Assert.That((await _host.IntrospectAsync(bootstrap)).Active, Is.True);
    }

    [Test]
    public async Task A_token_neither_shows_nor_revokes_those_of_its_bearer_for_another_organization()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        using var client = await _host.AsOperatorAsync();
        async Task<(string Id, string Token)> CreateAsync(string slug)
        {
            using var created = await client.PostAsJsonAsync(
                $"/api/v1/orgs/{slug}/tokens", new { name = "own", expires_at = IdentityHost.Tomorrow });
            var answer = await created.JsonAsync();
            return ((string)answer["id"]!, (string)answer["token"]!);
        }

        var (mine, theirs) = (await CreateAsync(org), await CreateAsync(other));
        using var scoped = await _host.AsBearerOfAsync(mine.Token);
        Assert.That(await scoped.GetStringAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative)),
            Does.Contain(mine.Id).And.Not.Contain(theirs.Id));
        foreach (var slug in new[] { org, other })
        {
            Assert.That((await scoped.DeleteAsync(new Uri($"/api/v1/orgs/{slug}/tokens/{theirs.Id}", UriKind.Relative))).StatusCode,
                Is.EqualTo(HttpStatusCode.NotFound));
        }

        Assert.That((await _host.IntrospectAsync(theirs.Token)).Active, Is.True);
        using var sessions = await scoped.GetAsync(new Uri("/api/v1/me/sessions", UriKind.Relative));
        Assert.That((string?)(await sessions.JsonAsync())["code"], Is.EqualTo("token_too_narrow"));
    }

    [Test]
    public async Task A_session_makes_tokens_for_a_year_at_most_and_a_token_none_that_outlives_it()
    {
        var org = await _host.CreateOrganizationAsync();
        var address = $"{Guid.CreateVersion7():N}@example.org";
        var initial = await _host.AddMemberAsync(org, "member", address);
        var now = TimeProvider.System.GetUtcNow();
        foreach (var token in new[] { initial, await _host.SignInAsync(address) })
        {
            using var client = await _host.AsBearerOfAsync(token);
            using var endless = await CreateAsync(client, null);
            Assert.That((await endless.JsonAsync())["errors"]!["expires_at"], Is.Not.Null, "Every token has an end.");
            using var year = await CreateAsync(client, now.AddDays(365));
            Assert.That(year.StatusCode, Is.EqualTo(HttpStatusCode.Created));
            using var tooLong = await CreateAsync(client, now.AddDays(366));
            Assert.That((await tooLong.JsonAsync())["errors"]!["expires_at"], Is.Not.Null);
            using var month = await CreateAsync(client, now.AddDays(30));
            using var narrow = await _host.AsBearerOfAsync((string)(await month.JsonAsync())["token"]!);
            using var longer = await CreateAsync(narrow, now.AddDays(31));
            Assert.That(longer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            using var same = await CreateAsync(narrow, now.AddDays(30).AddMilliseconds(-1));
            Assert.That(
                (DateTimeOffset)(await same.JsonAsync())["expires_at"]!, Is.EqualTo(now.AddDays(30)).Within(TimeSpan.FromMilliseconds(2)));
        }

        Task<HttpResponseMessage> CreateAsync(HttpClient client, DateTimeOffset? expiresAt) =>
            client.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens", new { name = "laptop", expires_at = expiresAt });
    }

    [Test]
    public async Task A_token_that_was_revoked_a_moment_ago_makes_no_other()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsNewMemberAsync(org);
        var list = await (await client.GetAsync(new Uri($"/api/v1/orgs/{org}/tokens", UriKind.Relative))).JsonAsync();
        await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/tokens/{list["items"]![0]!["id"]}", UriKind.Relative));
        using var late = await client.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/tokens", new { name = "late", expires_at = IdentityHost.Tomorrow });
        Assert.That(late.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), "The assertion of the gateway is good for a minute more.");
    }

    [Test]
    public async Task Sessions_are_listed_and_ended_by_who_signed_in_and_by_nobody_else()
    {
        var org = await _host.CreateOrganizationAsync();
        var address = $"{Guid.CreateVersion7():N}@example.org";
        await _host.AddMemberAsync(org, "member", address);
        var (one, two) = (await _host.SignInAsync(address), await _host.SignInAsync(address));
        var (first, second) = ((await _host.IntrospectAsync(one)).TokenId, (await _host.IntrospectAsync(two)).TokenId);
        using var client = await _host.AsBearerOfAsync(one);
        var list = await (await client.GetAsync(new Uri("/api/v1/me/sessions", UriKind.Relative))).JsonAsync();
        Assert.That(
            list["items"]!.AsArray().Select(item => ((string?)item!["id"], (bool)item["current"]!)),
            Is.EqualTo(new[] { (first, true), (second, false) }));
        using var administrator = await _host.AsOperatorAsync();
        var path = new Uri($"/api/v1/me/sessions/{second}", UriKind.Relative);
        Assert.That((await administrator.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await _host.IntrospectAsync(two)).Active, Is.True);
        Assert.That((await client.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await client.DeleteAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await _host.IntrospectAsync(two)).Active, Is.False);
        Assert.That((await _host.OutboxAsync("TokenRevoked")).SelectMany(message => message["tokens"]!.AsArray()).Select(t => (string?)t),
            Does.Contain(second));
        var noted = (await _host.AuditAsync("session_revoked")).Single(e => (string?)e["target"]!["id"] == second);
        Assert.That((string?)noted["organization_name"], Is.EqualTo(org));
    }

    [Test]
    public async Task An_expired_token_is_void_and_a_past_expiry_is_refused()
    {
        using var client = await _host.AsOperatorAsync();
        using var refused = await client.PostAsJsonAsync(
            "/api/v1/orgs/default/tokens", new { name = "late", expires_at = "2020-01-01T00:00:00Z" });
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await refused.JsonAsync())["errors"]!["expires_at"], Is.Not.Null);
        using var created = await client.PostAsJsonAsync(
            "/api/v1/orgs/default/tokens", new { name = "short", expires_at = TimeProvider.System.GetUtcNow().AddSeconds(2) });
        var token = (string)(await created.JsonAsync())["token"]!;
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.True);
        await Task.Delay(2_100);
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
    }

    [Test]
    public async Task Only_an_operator_makes_a_token_with_an_operators_power()
    {
        using var client = await _host.AsOperatorAsync();
        using var created = await client.PostAsJsonAsync(
            "/api/v1/orgs/default/tokens", new { name = "import", expires_at = IdentityHost.Tomorrow, @operator = true });
        Assert.That((await _host.IntrospectAsync((string)(await created.JsonAsync())["token"]!)).Operator, Is.True);
        using var member = await _host.AsNewMemberAsync("default", "administrator");
        using var refused = await member.PostAsJsonAsync(
            "/api/v1/orgs/default/tokens", new { name = "import", expires_at = IdentityHost.Tomorrow, @operator = true });
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task The_list_is_paged_without_gaps_and_counts_exactly()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        for (var i = 0; i < 5; i++)
        {
            using var created = await client.PostAsJsonAsync(
                $"/api/v1/orgs/{org}/tokens", new { name = $"token {i}", expires_at = IdentityHost.Tomorrow });
        }

        var names = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await (await client.GetAsync(
                new Uri($"/api/v1/orgs/{org}/tokens?limit=2&sort=-created_at&cursor={cursor}", UriKind.Relative))).JsonAsync();
            Assert.That((long)page["total_count"]!, Is.EqualTo(6));
            names.AddRange(page["items"]!.AsArray().Select(item => (string)item!["name"]!));
            cursor = (string?)page["next_cursor"];
        }

        Assert.That(names, Is.EqualTo(new[] { "token 4", "token 3", "token 2", "token 1", "token 0", "bootstrap" }));
    }

    [TestCase("limit=0", "limit")]
    [TestCase("limit=-1", "limit")]
    [TestCase("cursor=forged", "cursor")]
    [TestCase("sort=token", "sort")]
    public async Task A_bad_page_is_refused_by_field(string query, string field)
    {
        using var client = await _host.AsOperatorAsync();
        using var response = await client.GetAsync(new Uri($"/api/v1/orgs/default/tokens?{query}", UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Is.EqualTo(new[] { field }));
    }

    [Test]
    public async Task The_use_of_a_token_is_audited_once_and_its_time_kept_to_the_minute()
    {
        var token = await _host.AddMemberAsync("default", "member");
        var first = await _host.IntrospectAsync(token);
        for (var i = 0; i < 5; i++)
        {
            await _host.IntrospectAsync(token);
        }

        Assert.That(
            (await _host.AuditAsync("authentication_success")).Count(e => (string?)e["target"]!["id"] == first.TokenId), Is.EqualTo(1));
        using var client = await _host.AsBearerOfAsync(token);
        var list = await (await client.GetAsync(new Uri("/api/v1/orgs/default/tokens", UriKind.Relative))).JsonAsync();
        Assert.That((DateTimeOffset)list["items"]![0]!["last_used_at"]!, Is.EqualTo(TimeProvider.System.GetUtcNow())
            .Within(TimeSpan.FromMinutes(1)));
    }

    [Test]
    public async Task Introspection_is_for_services_only()
    {
        var call = await Assert.ThrowsAsync<RpcException>(
            async () => await _host.TokensGrpc.IntrospectAsync(new IntrospectRequest { Token = "x" }));
        Assert.That(call!.StatusCode, Is.EqualTo(StatusCode.Unauthenticated));
    }
}
