using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Tests;

/// <summary>What an administrator says of service accounts, and the rotation of their secrets.</summary>
[TestFixture]
public sealed class ServiceAccountSettingsTests
{
    private IdentityHost _host = null!;
    private HttpClient _nobody = null!;
    private HttpClient _operator = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        (_nobody, _operator) = (_host.Service.AsForwarded(), await _host.AsOperatorAsync());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _operator.Dispose();
        _nobody.Dispose();
        await _host.DisposeAsync();
    }

    [Test]
    public async Task An_administrator_describes_limits_and_changes_a_service_account()
    {
        var org = await NewOrganizationAsync();
        var expires = new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var created = await _operator.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new
        {
            name = "  Build farm ",
            description = "logs what CI builds",
            role = "member",
            scopes = new[] { "environments:read", "environments:log" },
            expires_at = expires,
            allowed_ips = new[] { "192.0.2.9/24", "2001:db8::1" },
        });
        Assert.That(created.StatusCode, Is.EqualTo(HttpStatusCode.Created), await created.Content.ReadAsStringAsync());
        var account = await created.JsonAsync();
        var path = $"/api/v1/orgs/{org}/service-accounts/{account["client_id"]}";
        var seen = await GetAsync(path);
        Assert.Multiple(() =>
        {
            Assert.That((string?)seen["name"], Is.EqualTo("Build farm"));
            Assert.That((string?)seen["description"], Is.EqualTo("logs what CI builds"));
            Assert.That(Texts(seen["scopes"]), Is.EqualTo(new[] { "environments:log", "environments:read" }));
            Assert.That((DateTimeOffset)seen["expires_at"]!, Is.EqualTo(expires));
            Assert.That(Texts(seen["allowed_ips"]), Is.EqualTo(new[] { "192.0.2.0/24", "2001:db8::1/128" }));
            Assert.That((string?)seen["state"], Is.EqualTo("active"));
            Assert.That(seen["secrets"]!.AsArray(), Has.Count.EqualTo(1));
            Assert.That(seen.ToJsonString(), Does.Not.Contain((string)account["client_secret"]!));
        });

        // What is left out stays, and null takes a limit away.
        using var changed = await _operator.PatchAsJsonAsync(path, Json("""{"role": "auditor", "scopes": null, "allowed_ips": null}"""));
        Assert.That(changed.StatusCode, Is.EqualTo(HttpStatusCode.OK), await changed.Content.ReadAsStringAsync());
        var after = await changed.JsonAsync();
        Assert.Multiple(() =>
        {
            Assert.That((string?)after["role"], Is.EqualTo("auditor"));
            Assert.That(after["scopes"], Is.Null);
            Assert.That(after["allowed_ips"], Is.Null);
            Assert.That((DateTimeOffset)after["expires_at"]!, Is.EqualTo(expires));
            Assert.That((long)after["version"]!, Is.EqualTo(2));
        });
        using var same = await _operator.PatchAsJsonAsync(path, new { role = "auditor" });
        Assert.That((long)(await same.JsonAsync())["version"]!, Is.EqualTo(2));
        var events = (await _host.AuditAsync("service_account_updated"))
            .Where(e => (string?)e["target"]!["id"] == (string?)account["client_id"]).ToArray();
        Assert.That(events, Has.Length.EqualTo(1), "A change that changes nothing has no event.");
        var meta = events[0]["meta"]!;
        Assert.Multiple(() =>
        {
            Assert.That(Texts(meta["changed"]), Is.EquivalentTo(new[] { "role", "scopes", "allowed_ips" }));
            Assert.That((string?)meta["before"]!["role"], Is.EqualTo("member"));
            Assert.That((string?)meta["after"]!["role"], Is.EqualTo("auditor"));
            Assert.That(meta["before"]!.AsObject().ContainsKey("name"), Is.False, "Only what changed.");
        });
        var list = await GetAsync($"/api/v1/orgs/{org}/service-accounts");
        Assert.That((string?)list["items"]![0]!["description"], Is.EqualTo("logs what CI builds"));
    }

    [TestCase("""{"name": "x", "role": "member", "scopes": ["audit:read"]}""", "scopes")]
    [TestCase("""{"name": "x", "role": "member", "scopes": ["environments:everything"]}""", "scopes")]
    [TestCase("""{"name": "x", "role": "member", "scopes": []}""", "scopes")]
    [TestCase("""{"name": "   ", "role": "member"}""", "name")]
    [TestCase("""{"name": "x", "role": "member", "expires_at": "2020-01-01T00:00:00Z"}""", "expires_at")]
    [TestCase("""{"name": "x", "role": "member", "secret_expires_at": "2020-01-01T00:00:00Z"}""", "secret_expires_at")]
    [TestCase("""{"name": "x", "role": "member", "allowed_ips": ["192.0.2.0/33"]}""", "allowed_ips")]
    [TestCase("""{"name": "x", "role": "member", "allowed_ips": ["localhost"]}""", "allowed_ips")]
    [TestCase("""{"name": "x", "role": "member", "allowed_ips": []}""", "allowed_ips")]
    public async Task What_makes_no_sense_is_bad_input(string body, string field)
    {
        using var response = await _operator.PostAsJsonAsync("/api/v1/orgs/default/service-accounts", Json(body));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Is.EqualTo(new[] { field }));
    }

    [Test]
    public async Task A_name_is_taken_whatever_its_case()
    {
        var org = await NewOrganizationAsync();
        await CreateAsync(org, "farm");
        var (other, _) = await CreateAsync(org, "other");
        using var again = await _operator.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "FARM", role = "member" });
        using var renamed = await _operator.PatchAsJsonAsync($"/api/v1/orgs/{org}/service-accounts/{other}", new { name = "Farm" });
        foreach (var response in new[] { again, renamed })
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
            Assert.That((string?)(await response.JsonAsync())["code"], Is.EqualTo("name_taken"));
        }
    }

    [Test]
    public async Task Rotation_adds_a_second_secret_shows_when_the_first_was_last_used_and_deletes_it()
    {
        var org = await NewOrganizationAsync();
        var (id, first) = await CreateAsync(org, "rotated");
        var path = $"/api/v1/orgs/{org}/service-accounts/{id}";
        using var added = await _operator.PostAsJsonAsync($"{path}/secrets", new { expires_at = "2099-01-01T00:00:00Z" });
        Assert.That(added.StatusCode, Is.EqualTo(HttpStatusCode.Created), await added.Content.ReadAsStringAsync());
        Assert.That(added.Headers.CacheControl?.NoStore, Is.True);
        var second = (string)(await added.JsonAsync())["client_secret"]!;
        using var third = await _operator.PostAsJsonAsync($"{path}/secrets", new { });
        Assert.That((string?)(await third.JsonAsync())["code"], Is.EqualTo("secret_limit"));

        var byFirst = await SignInAsync(id, first);
        var secrets = (await GetAsync(path))["secrets"]!.AsArray();
        Assert.That(secrets.Select(secret => secret!["last_used_at"] is null), Is.EqualTo(new[] { false, true }));
        var bySecond = await SignInAsync(id, second);
        Assert.That((await GetAsync(path))["secrets"]![1]!["last_used_at"], Is.Not.Null);

        var firstId = (string)secrets[0]!["id"]!;
        using var deleted = await _operator.DeleteAsync(new Uri($"{path}/secrets/{firstId}", UriKind.Relative));
        using var again = await _operator.DeleteAsync(new Uri($"{path}/secrets/{firstId}", UriKind.Relative));
        Assert.That((deleted.StatusCode, again.StatusCode), Is.EqualTo((HttpStatusCode.NoContent, HttpStatusCode.NotFound)));
        Assert.That((await _host.IntrospectAsync(byFirst!)).Active, Is.False, "What was made with the deleted secret ends with it.");
        Assert.That((await _host.IntrospectAsync(bySecond!)).Active, Is.True);
        Assert.That(await SignInAsync(id, first), Is.Null);
        Assert.That(await SignInAsync(id, second), Is.Not.Null);
        foreach (var (action, count) in new[] { ("service_account_secret_created", 1), ("service_account_secret_deleted", 1) })
        {
            var events = (await _host.AuditAsync(action)).Where(e => (string?)e["target"]!["id"] == id).ToArray();
            Assert.That(events, Has.Length.EqualTo(count), action);
            Assert.That(events[0].ToJsonString(), Does.Not.Contain(first).And.Not.Contain(second));
        }
    }

    [Test]
    public async Task Two_secrets_at_a_time_are_all_however_many_ask_at_once()
    {
        var org = await NewOrganizationAsync();
        var (id, _) = await CreateAsync(org, "contested");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(
            _ => _operator.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts/{id}/secrets", new { })));
        Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.Created), Is.EqualTo(1));
        Assert.That((await GetAsync($"/api/v1/orgs/{org}/service-accounts/{id}"))["secrets"]!.AsArray(), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task An_expired_secret_or_account_opens_nothing()
    {
        var org = await NewOrganizationAsync();
        var (id, secret) = await CreateAsync(org, "expiring");
        var token = (await SignInAsync(id, secret))!;
        await _host.ExecuteAsync($"update service_accounts set expires_at = now() - interval '1 second' where id = '{id}'");
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        Assert.That(await SignInAsync(id, secret), Is.Null);
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Where(e => (string?)e["actor"]!["id"] == id)
                .Select(e => (string?)e["meta"]!["reason"]),
            Does.Contain("expired_account"));
        using var extended = await _operator.PatchAsJsonAsync(
            $"/api/v1/orgs/{org}/service-accounts/{id}", Json("""{"expires_at": null}"""));
        Assert.That((string?)(await extended.JsonAsync())["state"], Is.EqualTo("active"));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.True);
        await _host.ExecuteAsync(
            $"update service_account_secrets set expires_at = now() - interval '1 second' where account_id = '{id}'");
        Assert.That(await SignInAsync(id, secret), Is.Null);
        using var room = await _operator.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts/{id}/secrets", new { });
        Assert.That(room.StatusCode, Is.EqualTo(HttpStatusCode.Created));
    }

    [Test]
    public async Task An_access_token_ends_with_its_account_at_the_latest()
    {
        var org = await NewOrganizationAsync();
        var expires = TimeProvider.System.GetUtcNow().AddMinutes(5);
        var (id, secret) = await CreateAsync(org, "short", new { name = "short", role = "member", expires_at = expires });
        var token = (await SignInAsync(id, secret))!;
        Assert.That((await _host.IntrospectAsync(token)).ExpiresAtUnixSeconds, Is.EqualTo(expires.ToUnixTimeSeconds()).Within(1));
    }

    [Test]
    public async Task A_service_account_signs_in_from_the_networks_that_it_was_given_only()
    {
        var org = await NewOrganizationAsync();
        var (id, secret) = await CreateAsync(
            org, "elsewhere", new { name = "elsewhere", role = "member", allowed_ips = new[] { "198.51.100.0/24" } });
        Assert.That(await SignInAsync(id, secret), Is.Null);
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Where(e => (string?)e["actor"]!["id"] == id)
                .Select(e => (string?)e["meta"]!["reason"]),
            Is.EqualTo(new[] { "address_not_allowed" }));
        using var moved = await _operator.PatchAsJsonAsync(
            $"/api/v1/orgs/{org}/service-accounts/{id}", new { allowed_ips = new[] { "192.0.2.0/24" } });
        Assert.That(await SignInAsync(id, secret), Is.Not.Null);
    }

    [Test]
    public async Task The_secret_of_an_account_that_a_previous_version_makes_is_good_and_is_deleted_for_it_too()
    {
        var org = await NewOrganizationAsync();
        var id = Guid.CreateVersion7();
        var secret = SecretFormat.New(SecretFormat.ClientSecretPrefix);
        await _host.ExecuteAsync(
            $"""
            insert into subjects (id, type, display_name, created_at) values ('{id}', 'service_account', 'old', now());
            insert into service_accounts (org_id, id, name, secret_sha256, created_by, created_at)
            select o.id, '{id}', 'old', '\x{Convert.ToHexString(SecretFormat.Sha256(secret))}', s.id, now()
            from organizations o, subjects s where o.slug = '{org}' and s.operator;
            insert into memberships (org_id, subject_id, role, created_at)
            select id, '{id}', 'member', now() from organizations where slug = '{org}'
            """);
        Assert.That(await SignInAsync(id.ToString(), secret), Is.Not.Null);
        var path = $"/api/v1/orgs/{org}/service-accounts/{id}";
        var stored = (string)(await GetAsync(path))["secrets"]![0]!["id"]!;
        await _operator.DeleteAsync(new Uri($"{path}/secrets/{stored}", UriKind.Relative));
        Assert.That(await SignInAsync(id.ToString(), secret), Is.Null);
        await using var command = _host.Db.CreateCommand($"select secret_sha256 is null from service_accounts where id = '{id}'");
        Assert.That(await command.ExecuteScalarAsync(), Is.True);
    }

    [Test]
    public async Task A_service_account_makes_no_credentials_whatever_its_role()
    {
        var org = await NewOrganizationAsync();
        var (id, secret) = await CreateAsync(org, "mighty", new { name = "mighty", role = "administrator" });
        var (other, _) = await CreateAsync(org, "small");
        using var mighty = await _host.AsBearerOfAsync((await SignInAsync(id, secret))!);
        foreach (var attempt in new[]
        {
            await mighty.PostAsJsonAsync($"/api/v1/orgs/{org}/tokens", new { name = "own", expires_at = IdentityHost.Tomorrow }),
            await mighty.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "child", role = "member" }),
            await mighty.PostAsJsonAsync(
                $"/api/v1/orgs/{org}/members", new { email = "x@example.org", display_name = "X", role = "administrator" }),
            await mighty.PatchAsJsonAsync($"/api/v1/orgs/{org}/service-accounts/{other}", new { role = "administrator" }),
            await mighty.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts/{other}/secrets", new { }),
        })
        {
            Assert.That(attempt.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden), $"{attempt.RequestMessage!.RequestUri}");
            Assert.That((string?)(await attempt.JsonAsync())["code"], Is.EqualTo("person_required"));
        }

        Assert.That((await GetAsync($"/api/v1/orgs/{org}/service-accounts/{other}"))["secrets"]!.AsArray(), Has.Count.EqualTo(1));
        using var read = await mighty.GetAsync(new Uri($"/api/v1/orgs/{org}/service-accounts", UriKind.Relative));
        Assert.That(read.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task An_account_outlives_whoever_made_it()
    {
        var org = await NewOrganizationAsync();
        var email = $"{Guid.CreateVersion7():N}@example.org";
        using var maker = await _host.AsBearerOfAsync(await _host.AddMemberAsync(org, "administrator", email));
        using var created = await maker.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "heir", role = "member" });
        var account = await created.JsonAsync();
        var members = await GetAsync($"/api/v1/orgs/{org}/members");
        var makerId = (string)members["items"]!.AsArray().Single(item => (string?)item!["email"] == email)!["id"]!;
        using var removed = await _operator.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{makerId}", UriKind.Relative));
        Assert.That(removed.IsSuccessStatusCode, Is.True);
        Assert.That(await SignInAsync((string)account["client_id"]!, (string)account["client_secret"]!), Is.Not.Null);
        Assert.That((string?)(await GetAsync($"/api/v1/orgs/{org}/service-accounts/{account["client_id"]}"))["created_by_id"],
            Is.EqualTo(makerId));
    }

    [Test]
    public async Task A_change_is_for_the_version_that_it_names()
    {
        var org = await NewOrganizationAsync();
        var (id, _) = await CreateAsync(org, "versioned");
        var path = new Uri($"/api/v1/orgs/{org}/service-accounts/{id}", UriKind.Relative);
        using var read = await _operator.GetAsync(path);
        Assert.That(read.Headers.ETag?.Tag, Is.EqualTo("\"1\""));
        Assert.That((await SendAsync(HttpMethod.Patch, "\"1\"")).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await SendAsync(HttpMethod.Patch, "\"1\"")).StatusCode, Is.EqualTo(HttpStatusCode.PreconditionFailed));
        Assert.That((await SendAsync(HttpMethod.Delete, "\"1\"")).StatusCode, Is.EqualTo(HttpStatusCode.PreconditionFailed));
        Assert.That((await SendAsync(HttpMethod.Delete, "\"2\"")).StatusCode, Is.EqualTo(HttpStatusCode.NoContent));

        async Task<HttpResponseMessage> SendAsync(HttpMethod method, string version)
        {
            using var request = new HttpRequestMessage(method, path);
            request.Headers.TryAddWithoutValidation("If-Match", version);
            request.Content = method == HttpMethod.Patch ? JsonContent.Create(new { description = Guid.CreateVersion7() }) : null;
            return await _operator.SendAsync(request);
        }
    }

    [Test]
    public async Task The_scopes_of_an_account_narrow_its_tokens_also_those_that_it_has()
    {
        var org = await NewOrganizationAsync();
        var (id, secret) = await CreateAsync(org, "narrow", new { name = "narrow", role = "auditor", scopes = new[] { "audit:read" } });
        var token = (await SignInAsync(id, secret))!;
        Assert.That((await _host.IntrospectAsync(token)).Scopes.Names, Is.EqualTo(new[] { "audit:read" }));
        using var changed = await _operator.PatchAsJsonAsync(
            $"/api/v1/orgs/{org}/service-accounts/{id}", new { scopes = new[] { "service_accounts:read" } });
        Assert.That(changed.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var reply = await _host.IntrospectAsync(token);
        Assert.That(reply.Scopes.Names, Is.EqualTo(new[] { "service_accounts:read" }));
        Assert.That(
            (await _host.OutboxAsync("TokenRevoked")).SelectMany(message => message["tokens"]!.AsArray()).Select(t => (string?)t),
            Does.Contain(reply.TokenId), "The gateways ask again.");
    }

    [Test]
    public async Task Whoever_holds_a_part_of_the_rights_gets_no_more_by_an_account()
    {
        var org = await NewOrganizationAsync();
        var (id, _) = await CreateAsync(org, "strong", new { name = "strong", role = "administrator" });
        var token = await _host.AddMemberAsync(org, "administrator");
        var tokenId = (await _host.IntrospectAsync(token)).TokenId;
        await _host.ExecuteAsync(
            $"update tokens set scopes = '{{service_accounts:read,service_accounts:write,environments:log}}' where id = '{tokenId}'");
        using var narrow = await _host.AsBearerOfAsync(token);
        foreach (var attempt in new[]
        {
            await narrow.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "x", role = "administrator" }),
            await narrow.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "x", role = "member" }),
            await narrow.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts/{id}/secrets", new { }),
            await narrow.PatchAsJsonAsync($"/api/v1/orgs/{org}/service-accounts/{id}", new { description = "mine" }),
        })
        {
            Assert.That(attempt.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), await attempt.Content.ReadAsStringAsync());
            Assert.That((string?)(await attempt.JsonAsync())["code"], Is.EqualTo("scope_exceeds_caller"));
        }

        using var made = await narrow.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/service-accounts", new { name = "x", role = "member", scopes = new[] { "environments:log" } });
        Assert.That(made.StatusCode, Is.EqualTo(HttpStatusCode.Created));
    }

    [TestCase(null, "203.0.113.5", true)]
    [TestCase(new[] { "192.0.2.0/24" }, "192.0.2.255", true)]
    [TestCase(new[] { "192.0.2.0/24" }, "192.0.3.0", false)]
    [TestCase(new[] { "192.0.2.0/24" }, "::ffff:192.0.2.1", true)]
    [TestCase(new[] { "192.0.2.0/24", "2001:db8::/32" }, "2001:db8:1::1", true)]
    [TestCase(new[] { "2001:db8::/32" }, "192.0.2.1", false)]
    [TestCase(new[] { "0.0.0.0/0" }, "2001:db8::1", false)]
    [TestCase(new[] { "192.0.2.0/24" }, null, false)]
    public void A_network_admits_its_addresses(string[]? networks, string? address, bool admitted)
    {
        Assert.That(AllowedAddresses.TryRead(networks, out var read, out var problem), Is.True, problem);
        Assert.That(AllowedAddresses.Admit(read, address), Is.EqualTo(admitted));
    }

    [TestCase("10")]
    [TestCase("0x7f.0.0.1")]
    [TestCase("010.0.0.1")]
    [TestCase("10.0.0.0/-1")]
    [TestCase("10.0.0.0/")]
    [TestCase("fe80::1%eth0")]
    [TestCase("::ffff:10.0.0.0/8")]
    [TestCase("10.0.0.0/8 ")]
    [TestCase("")]
    public void What_is_no_plain_network_is_refused(string text) =>
        Assert.That(AllowedAddresses.TryRead([text], out _, out _), Is.False);

    [Test]
    public void Two_lists_admit_what_both_admit()
    {
        Assert.That(AllowedAddresses.Both(["10.0.0.0/8", "192.0.2.0/24"], ["10.1.0.0/16", "192.0.0.0/16", "198.51.100.0/24"]),
            Is.EqualTo(new[] { "10.1.0.0/16", "192.0.2.0/24" }));
        Assert.That(AllowedAddresses.Both(["10.0.0.0/8"], null), Is.EqualTo(new[] { "10.0.0.0/8" }));
        Assert.That(AllowedAddresses.Both(["10.0.0.0/8"], ["192.0.2.0/24"]), Is.Empty, "Nothing, not everything.");
        Assert.That(AllowedAddresses.Admit([], "10.0.0.1"), Is.False);
    }

    private async Task<string> NewOrganizationAsync()
    {
        var org = await _host.CreateOrganizationAsync();
        _operator.Dispose();
        _operator = await _host.AsOperatorAsync();
        return org;
    }

    private static JsonNode Json(string text) => JsonNode.Parse(text)!;

    private static IEnumerable<string?> Texts(JsonNode? array) => array!.AsArray().Select(item => (string?)item);

    private async Task<JsonObject> GetAsync(string path)
    {
        using var response = await _operator.GetAsync(new Uri(path, UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), path);
        return await response.JsonAsync();
    }

    private async Task<(string Id, string Secret)> CreateAsync(string org, string name, object? body = null)
    {
        using var response = await _operator.PostAsJsonAsync(
            $"/api/v1/orgs/{org}/service-accounts", body ?? new { name, role = "member" });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created), await response.Content.ReadAsStringAsync());
        var answer = await response.JsonAsync();
        return ((string)answer["client_id"]!, (string)answer["client_secret"]!);
    }

    /// <summary>The access token; null where sign-in is refused as for any wrong secret.</summary>
    private async Task<string?> SignInAsync(string id, string secret)
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = id,
            ["client_secret"] = secret,
        });
        using var response = await _nobody.PostAsync(new Uri("/oauth/token", UriKind.Relative), form);
        var answer = await response.JsonAsync();
        if (response.StatusCode == HttpStatusCode.OK)
        {
            return (string)answer["access_token"]!;
        }

        Assert.That((response.StatusCode, (string?)answer["error"]), Is.EqualTo((HttpStatusCode.Unauthorized, "invalid_client")));
        return null;
    }
}
