using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;

using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.ServiceDefaults.Addresses;

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace EnvPlatform.Identity.Tests;

/// <summary>Jobs of a CI act as a service account by the token that the CI gives them (RFC 8693).</summary>
[TestFixture]
public sealed class TokenExchangeTests
{
    private const string Audience = "https://envplatform.example.org";
    private const string Subject = "repo:acme/app:ref:refs/heads/main";
    private CiIssuer _issuer = null!;
    private CiIssuer _other = null!;
    private IdentityHost _host = null!;
    private HttpClient _nobody = null!;
    private HttpClient _operator = null!;
    private string _org = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        (_issuer, _other) = (await CiIssuer.StartAsync(), await CiIssuer.StartAsync());
        foreach (var issuer in new[] { _issuer, _other })
        {
            issuer.AddRsa("rsa");
            issuer.AddRsa("weak", 1_024);
            issuer.AddEc("ec");
        }

        _host = await IdentityHost.StartAsync(
            settings: [("Identity:PrivateIssuers:0", _issuer.Issuer), ("Identity:PrivateIssuers:1", _other.Issuer)]);
        _org = await _host.CreateOrganizationAsync();
        (_nobody, _operator) = (_host.Service.AsForwarded(), await _host.AsOperatorAsync());
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _operator.Dispose();
        _nobody.Dispose();
        await _host.DisposeAsync();
        await _issuer.DisposeAsync();
        await _other.DisposeAsync();
    }

    [TestCase("rsa", "RS256")]
    [TestCase("rsa", "PS256")]
    [TestCase("ec", "ES256")]
    public async Task A_job_that_is_trusted_gets_an_access_token_for_a_quarter_of_an_hour(string key, string algorithm)
    {
        var (id, trust) = await TrustAsync("repo:acme/app:*");
        using var response = await ExchangeAsync(id, _issuer.Sign(Audience, Subject, key, algorithm));
        var answer = await response.JsonAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), answer.ToJsonString());
        Assert.Multiple(() =>
        {
            Assert.That((string?)answer["token_type"], Is.EqualTo("Bearer"));
            Assert.That((string?)answer["issued_token_type"], Is.EqualTo("urn:ietf:params:oauth:token-type:access_token"));
            Assert.That((int)answer["expires_in"]!, Is.EqualTo(900));
            Assert.That(response.Headers.CacheControl?.NoStore, Is.True);
        });
        var reply = await _host.IntrospectAsync((string)answer["access_token"]!);
        Assert.That((reply.SubjectId, reply.Memberships.Single().Role), Is.EqualTo((id, "member")));
        var signedIn = (await _host.AuditAsync("authentication_success")).Single(e => (string?)e["actor"]!["id"] == id
            && (string?)e["meta"]!["method"] == "token_exchange");
        Assert.Multiple(() =>
        {
            Assert.That((string?)signedIn["meta"]!["trust_id"], Is.EqualTo(trust));
            Assert.That((string?)signedIn["meta"]!["issuer"], Is.EqualTo(_issuer.Issuer));
            Assert.That((string?)signedIn["meta"]!["subject"], Is.EqualTo(Subject));
        });

        // A trust that is taken away takes with it what was made by it.
        using var removed = await _operator.DeleteAsync(
            new Uri($"/api/v1/orgs/{_org}/service-accounts/{id}/trusts/{trust}", UriKind.Relative));
        Assert.That(removed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await _host.IntrospectAsync((string)answer["access_token"]!)).Active, Is.False);
        using var again = await ExchangeAsync(id, _issuer.Sign(Audience, Subject));
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(
            (await _host.AuditAsync("service_account_trust_removed")).Single(e => (string?)e["target"]!["id"] == id)["meta"]!["trust_id"]!
                .GetValue<string>(), Is.EqualTo(trust));
    }

    private static readonly TestCaseData[] Bad =
    [
        Case("expired", "expired_token", (i, now) => i.Sign(Audience, Subject, change: With("exp", now - 61))),
        Case("without an end", "expired_token", (i, _) => i.Sign(Audience, Subject, change: With("exp", null))),
        Case("not yet good", "expired_token", (i, now) => i.Sign(Audience, Subject, change: With("nbf", now + 90))),
        Case("of the future", "expired_token", (i, now) => i.Sign(Audience, Subject, change: With("iat", now + 90))),
        Case("for another audience", "wrong_audience", (i, _) => i.Sign("https://other.example.org", Subject)),
        Case("for the audience with a slash", "wrong_audience", (i, _) => i.Sign(Audience + "/", Subject)),
        Case("for no audience", "wrong_audience", (i, _) => i.Sign(Audience, Subject, change: With("aud", null))),
        Case("of another issuer", "untrusted_issuer", (i, _) => i.Sign(Audience, Subject, change: With("iss", i.Issuer + "/"))),
        Case("of no issuer", "malformed_token", (i, _) => i.Sign(Audience, Subject, change: With("iss", null))),
        Case("of no subject", "malformed_token", (i, _) => i.Sign(Audience, Subject, change: With("sub", null))),
        Case("of another repository", "untrusted_subject", (i, _) => i.Sign(Audience, "repo:acme/app-evil:ref:refs/heads/main")),
        Case("of another owner", "untrusted_subject", (i, _) => i.Sign(Audience, "repo:evil/repo:acme/app:x")),
        Case("of another case", "untrusted_subject", (i, _) => i.Sign(Audience, "repo:Acme/app:ref:refs/heads/main")),
        Case("of a short RSA key", "unknown_key", (i, _) => i.Sign(Audience, Subject, "weak")),
        Case("with something critical", "algorithm_not_allowed",
            (i, _) => i.Sign(Audience, Subject, header: new() { ["crit"] = new[] { "x" }, ["x"] = 1 })),
        Case("signed with a public key as a secret", "algorithm_not_allowed", (i, _) => i.Sign(
            Audience, Subject, algorithm: "HS256", with: new SymmetricSecurityKey(i.PublicKey("rsa")) { KeyId = "rsa" })),
        Case("not signed", "malformed_token", (i, _) => Unsigned(i, "none")),
        Case("that says it is signed", "malformed_token", (i, _) => Unsigned(i, "RS256")),
        Case("changed", "bad_signature", (i, _) => Tampered(i)),
        Case("that is none", "malformed_token", (_, _) => "nonsense"),
        Case("of five parts", "malformed_token", (_, _) => "eyJhbGciOiJSUzI1NiJ9.e30.e30.e30.e30"),
    ];

    [TestCaseSource(nameof(Bad))]
    public async Task A_token_that_is_not_good_is_refused_and_why_is_in_the_audit_log(
        string reason, Func<CiIssuer, long, string> token)
    {
        var (id, _) = await TrustAsync("repo:acme/app:*");
        using var response = await ExchangeAsync(id, token(_issuer, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()));
        var answer = await response.JsonAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), answer.ToJsonString());
        Assert.That((string?)answer["error"], Is.EqualTo("invalid_request"));
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Where(e => (string?)e["actor"]!["id"] == id)
                .Select(e => (string?)e["meta"]!["reason"]),
            Is.EqualTo(new[] { reason }));
    }

    [Test]
    public async Task Clocks_may_differ_by_less_than_a_minute()
    {
        var (id, _) = await TrustAsync("repo:acme/app:*");
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        foreach (var (claim, value) in new[] { ("exp", now - 20), ("nbf", now + 20), ("iat", now + 20) })
        {
            using var response = await ExchangeAsync(id, _issuer.Sign(Audience, Subject, change: With(claim, value)));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), claim);
        }
    }

    [Test]
    public async Task A_key_of_another_issuer_signs_nothing_here()
    {
        var (id, _) = await TrustAsync("repo:acme/app:*");
        using var response = await ExchangeAsync(id, _other.Sign(Audience, Subject, change: With("iss", _issuer.Issuer)));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(
            (await _host.AuditAsync("authentication_failure")).Where(e => (string?)e["actor"]!["id"] == id)
                .Select(e => (string?)e["meta"]!["reason"]),
            Is.EqualTo(new[] { "bad_signature" }));
    }

    [Test]
    public async Task Another_account_s_trust_is_nobody_else_s()
    {
        var (trusting, _) = await TrustAsync("repo:acme/app:*");
        var other = await CreateAccountAsync();
        var token = _issuer.Sign(Audience, Subject);
        using var refused = await ExchangeAsync(other, token);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        using var unknown = await ExchangeAsync(Guid.CreateVersion7().ToString(), token);
        var (one, another) = (await refused.JsonAsync(), await unknown.JsonAsync());
        Assert.That(one.ToJsonString(), Is.EqualTo(another.ToJsonString()), "Whether there is such an account does not show.");
        using var taken = await ExchangeAsync(trusting, token);
        Assert.That(taken.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")]
    [TestCase("subject_token_type", null)]
    [TestCase("subject_token", null)]
    [TestCase("client_id", null)]
    [TestCase("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")]
    [TestCase("actor_token", "x")]
    public async Task A_request_that_is_not_complete_is_refused(string field, string? value)
    {
        var (id, _) = await TrustAsync("repo:acme/app:*");
        using var response = await ExchangeAsync(id, _issuer.Sign(Audience, Subject), (field, value));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((string?)(await response.JsonAsync())["error"], Is.EqualTo("invalid_request"));
    }

    [TestCase("*")]
    [TestCase("repo:*")]
    [TestCase("repo:acme/*")]
    [TestCase("repo:acme/app*")]
    [TestCase("repo:acme/app")]
    [TestCase("repo:*/app:ref:x")]
    [TestCase("repo:/app:x")]
    [TestCase("project_path:acme/app*:ref_type:branch:ref:main")]
    [TestCase("organization:acme:*")]
    [TestCase("organization:acme:pipeline:app*")]
    [TestCase("a*")]
    [TestCase("repo:acme/app:******")]
    public async Task A_trust_must_fix_the_repository(string pattern)
    {
        var id = await CreateAccountAsync();
        using var response = await AddTrustAsync(id, _issuer.Issuer, pattern);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(e => e.Key), Is.EqualTo(new[] { "subject_pattern" }));
    }

    [TestCase("repo:acme/app:*", "repo:acme/app:ref:refs/heads/main", true)]
    [TestCase("repo:acme/app:*", "repo:acme/app:", true)]
    [TestCase("repo:acme/app:ref:refs/heads/*", "repo:acme/app:ref:refs/heads/release/1", true)]
    [TestCase("repo:acme/app:ref:refs/heads/*", "repo:acme/app:pull_request", false)]
    [TestCase("repo:acme/app:environment:production", "repo:acme/app:environment:production", true)]
    [TestCase("repo:acme/app:environment:production", "repo:acme/app:environment:production2", false)]
    [TestCase("project_path:acme/team/app:ref_type:branch:ref:*", "project_path:acme/team/app:ref_type:branch:ref:main", true)]
    [TestCase("project_path:acme/app:ref_type:*:ref:main", "project_path:acme/app:ref_type:branch:ref:main", true)]
    [TestCase("project_path:acme/app:ref_type:*:ref:main", "project_path:acme/app:ref_type:branch:ref:mainly", false)]
    [TestCase("organization:acme:pipeline:app:*", "organization:acme:pipeline:app:ref:refs/heads/main:commit:abc:step:x", true)]
    [TestCase("org/123/project/456/*", "org/123/project/456/user/7", true)]
    [TestCase("exactly this", "exactly this", true)]
    [TestCase("repo:acme/app:*a*a*a*a*b", "repo:acme/app:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void A_pattern_means_its_subjects(string pattern, string subject, bool matches)
    {
        Assert.That(SubjectPattern.Refuse(pattern), Is.Null);
        Assert.That(SubjectPattern.Matches(pattern, subject), Is.EqualTo(matches));
    }

    [TestCase("http://ci.example.org")]
    [TestCase("http://127.0.0.1:1")]
    [TestCase("https://user@ci.example.org")]
    [TestCase("https://ci.example.org?x=y")]
    [TestCase("ftp://ci.example.org")]
    [TestCase("ci.example.org")]
    public async Task An_issuer_is_an_https_address(string issuer)
    {
        using var response = await AddTrustAsync(await CreateAccountAsync(), issuer, "repo:acme/app:*");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(e => e.Key), Is.EqualTo(new[] { "issuer" }));
    }

    [Test]
    public async Task A_trust_is_added_once_by_an_administrator_and_audited()
    {
        var id = await CreateAccountAsync();
        using var added = await AddTrustAsync(id, _issuer.Issuer, "repo:acme/app:*");
        using var again = await AddTrustAsync(id, _issuer.Issuer, "repo:acme/app:*");
        Assert.That((added.StatusCode, again.StatusCode), Is.EqualTo((HttpStatusCode.Created, HttpStatusCode.Conflict)));
        Assert.That((string?)(await again.JsonAsync())["code"], Is.EqualTo("trust_exists"));
        var found = (await _host.AuditAsync("service_account_trust_added")).Where(e => (string?)e["target"]!["id"] == id).ToArray();
        Assert.That(found, Has.Length.EqualTo(1));
        Assert.That((string?)found[0]["meta"]!["subject_pattern"], Is.EqualTo("repo:acme/app:*"));
    }

    [Test]
    public async Task Keys_are_fetched_once_for_many_and_again_for_a_new_one()
    {
        await using var issuer = await CiIssuer.StartAsync();
        issuer.AddRsa("one");
        var clock = new ManualClock();
        using var keys = KeysFor(issuer.Issuer, clock);
        var found = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => keys.FindAsync(issuer.Issuer, "one", default)));
        Assert.That(found.Select(set => set!.Single().KeyId), Is.All.EqualTo("one"));
        Assert.That(issuer.Asked, Is.EqualTo(1));
        issuer.AddRsa("two");
        await keys.FindAsync(issuer.Issuer, "two", default);
        Assert.That(issuer.Asked, Is.EqualTo(1), "Whoever names keys that are none makes nobody ask.");
        clock.Advance(TimeSpan.FromSeconds(31));
        Assert.That((await keys.FindAsync(issuer.Issuer, "two", default))!.Select(key => key.KeyId), Does.Contain("two"));
        Assert.That(issuer.Asked, Is.EqualTo(2));
        clock.Advance(TimeSpan.FromMinutes(11));
        issuer.IsAway = true;
        Assert.That(await keys.FindAsync(issuer.Issuer, "one", default), Is.Null, "Keys are not good for ever.");
        issuer.IsAway = false;
        Assert.That(await keys.FindAsync(issuer.Issuer, "one", default), Is.Null, "A failure is remembered for a moment.");
        clock.Advance(TimeSpan.FromSeconds(31));
        Assert.That(await keys.FindAsync(issuer.Issuer, "one", default), Is.Not.Null);
    }

    [Test]
    public async Task A_document_of_another_issuer_a_redirect_a_large_one_and_keys_elsewhere_are_not_taken()
    {
        Action<CiIssuer>[] wrongs =
        [
            issuer => issuer.DiscoveredIssuer = issuer.Issuer + "/",
            issuer => issuer.RedirectTo = "/ci/keys",
            issuer => issuer.Padding = 300_000,
            issuer => issuer.KeysAddress = _other.Issuer + "/keys",
            issuer => issuer.KeysAddress = "file:///etc/passwd",
        ];
        foreach (var wrong in wrongs)
        {
            await using var issuer = await CiIssuer.StartAsync();
            issuer.AddRsa("one");
            wrong(issuer);
            using var keys = KeysFor(issuer.Issuer, TimeProvider.System);
            Assert.That(await keys.FindAsync(issuer.Issuer, "one", default), Is.Null);
            Assert.That(issuer.Asked, Is.EqualTo(1));
        }
    }

    [TestCase("127.0.0.1")]
    [TestCase("localhost")]
    public async Task An_issuer_that_the_operator_has_not_listed_is_not_even_connected_to_at_a_private_address(string host)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var issuer = $"https://{host}:{((IPEndPoint)listener.LocalEndpoint).Port}";
        using var keys = KeysFor("https://listed.example.org", TimeProvider.System);
        Assert.That(await keys.FindAsync(issuer, "one", default), Is.Null);
        Assert.That(listener.Pending(), Is.False);
    }

    [TestCase("8.8.8.8", true)]
    [TestCase("2606:4700::1111", true)]
    [TestCase("10.1.2.3", false)]
    [TestCase("172.31.0.1", false)]
    [TestCase("172.32.0.1", true)]
    [TestCase("192.168.1.1", false)]
    [TestCase("169.254.169.254", false)]
    [TestCase("100.64.0.1", false)]
    [TestCase("0.0.0.0", false)]
    [TestCase("::1", false)]
    [TestCase("::", false)]
    [TestCase("fd00::1", false)]
    [TestCase("fe80::1", false)]
    [TestCase("::ffff:127.0.0.1", false)]
    [TestCase("::ffff:8.8.8.8", true)]
    [TestCase("64:ff9b::a00:1", false)]
    [TestCase("2002:7f00:1::", false)]
    [TestCase("224.0.0.1", false)]
    [TestCase("255.255.255.255", false)]
    public void An_address_is_public_or_not(string address, bool isPublic) =>
        Assert.That(PublicAddress.Is(IPAddress.Parse(address)), Is.EqualTo(isPublic));

    [Test]
    public async Task A_job_that_asks_for_less_gets_less_and_none_gets_more_than_the_account()
    {
        var (id, _) = await TrustAsync("repo:acme/app:*");
        using var response = await ExchangeAsync(id, _issuer.Sign(Audience, Subject), ("scope", "environments:log audit:read"));
        var answer = await response.JsonAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), answer.ToJsonString());
        Assert.That((string?)answer["scope"], Is.EqualTo("environments:log audit:read"));
        var access = (string)answer["access_token"]!;
        Assert.That((await _host.IntrospectAsync(access)).Scopes.Names, Is.EqualTo(new[] { "environments:log", "audit:read" }));
        using var bearer = await _host.AsBearerOfAsync(access);
        using var beyond = await bearer.GetAsync(new Uri($"/api/v1/orgs/{_org}/members", UriKind.Relative));
        Assert.That(beyond.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden), "It is left out.");
        using var unknown = await ExchangeAsync(id, _issuer.Sign(Audience, Subject), ("scope", "environments:everything"));
        Assert.That((string?)(await unknown.JsonAsync())["error"], Is.EqualTo("invalid_scope"));
    }

    [TestCase("audience", "https://elsewhere.example.org", "invalid_target")]
    [TestCase("resource", "https://elsewhere.example.org", "invalid_target")]
    [TestCase("audience", "http://127.0.0.1:8080", null)]
    [TestCase("resource", "http://127.0.0.1:8080/", null)]
    public async Task A_token_for_somebody_else_is_not_to_be_had(string field, string value, string? error)
    {
        var (id, _) = await TrustAsync("repo:acme/app:*");
        using var response = await ExchangeAsync(id, _issuer.Sign(Audience, Subject), (field, value));
        Assert.That((string?)(await response.JsonAsync())["error"], Is.EqualTo(error));
    }

    [TestCase("https://ci.example.org/a\nWARN forged")]
    [TestCase("https://ci.example.org/a\u0085b")]
    [TestCase("https://ci.example.org/a b")]
    [TestCase("https://ci.example.org/a\u2028b")]
    public async Task An_issuer_that_would_forge_lines_of_a_log_is_none(string issuer)
    {
        using var response = await AddTrustAsync(await CreateAccountAsync(), issuer, "repo:acme/app:*");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), await response.Content.ReadAsStringAsync());
    }

    private static TestCaseData Case(string name, string reason, Func<CiIssuer, long, string> token) =>
        new TestCaseData(reason, token).SetArgDisplayNames(name);

    private static Dictionary<string, object?> With(string claim, object? value) => new(StringComparer.Ordinal) { [claim] = value };

    private static string Unsigned(CiIssuer issuer, string algorithm)
    {
        var parts = issuer.Sign(Audience, Subject).Split('.');
        var header = Base64UrlEncoder.Encode($$"""{"alg":"{{algorithm}}","kid":"rsa","typ":"JWT"}""");
        return $"{header}.{parts[1]}.";
    }

    private static string Tampered(CiIssuer issuer)
    {
        var parts = issuer.Sign(Audience, "repo:evil/app:x").Split('.');
        var body = Base64UrlEncoder.Decode(parts[1]).Replace("repo:evil/app:x", Subject, StringComparison.Ordinal);
        return $"{parts[0]}.{Base64UrlEncoder.Encode(Encoding.UTF8.GetBytes(body))}.{parts[2]}";
    }

    private static IssuerKeys KeysFor(string privateIssuer, TimeProvider clock) =>
        new(Options.Create(new IdentityOptions { PrivateIssuers = [privateIssuer] }), clock, NullLogger<IssuerKeys>.Instance);

    private async Task<string> CreateAccountAsync()
    {
        using var response = await _operator.PostAsJsonAsync(
            $"/api/v1/orgs/{_org}/service-accounts", new { name = $"ci-{Guid.CreateVersion7():N}", role = "member" });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        return (string)(await response.JsonAsync())["client_id"]!;
    }

    private Task<HttpResponseMessage> AddTrustAsync(string account, string issuer, string pattern) => _operator.PostAsJsonAsync(
        $"/api/v1/orgs/{_org}/service-accounts/{account}/trusts", new { issuer, audience = Audience, subject_pattern = pattern });

    /// <summary>A new account that trusts the issuer, and the trust.</summary>
    private async Task<(string Account, string Trust)> TrustAsync(string pattern)
    {
        var account = await CreateAccountAsync();
        using var response = await AddTrustAsync(account, _issuer.Issuer, pattern);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created), await response.Content.ReadAsStringAsync());
        return (account, (string)(await response.JsonAsync())["id"]!);
    }

    private async Task<HttpResponseMessage> ExchangeAsync(string account, string token, (string Field, string? Value)? change = null)
    {
        var form = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["grant_type"] = TokenExchange.Grant,
            ["client_id"] = account,
            ["subject_token"] = token,
            ["subject_token_type"] = "urn:ietf:params:oauth:token-type:jwt",
        };
        if (change is { } changed)
        {
            form.Remove(changed.Field);
            if (changed.Value is { } value)
            {
                form[changed.Field] = value;
            }
        }

        using var content = new FormUrlEncodedContent(form);
        return await _nobody.PostAsync(new Uri("/oauth/token", UriKind.Relative), content);
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;
    }
}
