using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// Every endpoint of the OpenAPI document, called with another organization's token: 404 or 403, and nothing has changed. New endpoints are
/// covered by being in the document.
/// </summary>
public sealed partial class CrossOrganizationTests
{
    private static readonly string[] Methods = ["get", "post", "put", "delete", "patch"];

    /// <summary>Operations that have no organization in them; what they answer to anybody is tested elsewhere.</summary>
    private static readonly string[] WithoutOrganization =
    [
        "/oauth/", "/api/v1/sign-in", "/api/v1/invitations/", "/api/v1/enrol", "/api/v1/token-reports", "/api/v1/me",
        "/api/v1/roles", "/api/v1/schemas/",
    ];

    private Organization _mine = null!;
    private Organization _theirs = null!;
    private Dictionary<string, string> _myIds = [];

    [OneTimeSetUp]
    public async Task CreateAsync()
    {
        _mine = await Organization.CreateAsync(SharedPlatform.Platform);
        _theirs = await Organization.CreateAsync(SharedPlatform.Platform);
        using var api = SharedPlatform.Platform.Client(_mine.Token);
        var logged = await api.PostAsync($"{_mine.Path}/environment-logs", new RealEnvironment(
            "cross", "cross", "linux-64",
            [new("pypi", "", "", "requests", "2.25.1", ""), new("conda", "conda-forge", "linux-64", "openssl", "1.1.1k", "h27cfd23_0")])
            .ToLog(_mine.MachineId));
        var environment = logged.GetProperty("environment_id").GetString()!;
        await Eventually.BecomesTrueAsync(
            async () => (await api.GetAsync($"{_mine.Path}/environments/{environment}")).GetProperty("scanned_at").ValueKind
                == JsonValueKind.String, "scanned");
        using var curated = await api.Http.PutAsJsonAsync(
            $"{_mine.Path}/vulnerabilities/CVE-2022-0778/curation", new { status = "active", reason = "ours" });
        Assert.That(curated.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var operatorApi = SharedPlatform.Platform.Administrator();
        var token = await operatorApi.PostAsync(
            $"{_mine.Path}/tokens", new { name = "mine", expires_at = TimeProvider.System.GetUtcNow().AddDays(1) });
        var account = await operatorApi.PostAsync($"{_mine.Path}/service-accounts", new { name = "mine", role = "member" });
        var group = await api.PostAsync($"{_mine.Path}/groups", new { name = "mine" });
        var channel = await api.PostAsync($"{_mine.Path}/channels", new { name = "mine", kind = "private" });
        using var granted = await api.Http.PutAsJsonAsync(
            $"{_mine.Path}/channels/{channel.GetProperty("id")}/groups/{group.GetProperty("id")}", new { access = "read" });
        Assert.That(granted.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var sink = await api.PostAsync(
            $"{_mine.Path}/audit-sinks", new { name = "mine", kind = "syslog", address = "tls://127.0.0.1:1" });
        var policy = await api.PostAsync(
            $"{_mine.Path}/policies",
            new { text = "name: mine\nrules:\n  - name: r\n    when: { severity: critical }\n    then: warn\n" });
        var exception = await api.PostAsync($"{_mine.Path}/exceptions", new
        {
            scope_type = "environment",
            scope_id = environment,
            vulnerability = "CVE-2022-0778",
            reason = "mine",
            until = TimeProvider.System.GetUtcNow().AddDays(1),
        });
        _myIds = new()
        {
            ["exception"] = exception.GetProperty("id").GetString()!,
            ["sink"] = sink.GetProperty("id").GetString()!,
            ["policy"] = policy.GetProperty("id").GetString()!,
            ["group"] = group.GetProperty("id").GetString()!,
            ["channel"] = channel.GetProperty("id").GetString()!,
            ["environment"] = environment,
            ["machine"] = _mine.MachineId.ToString(),
            ["token"] = token.GetProperty("id").GetString()!,
            ["service-account"] =
                account.TryGetProperty("id", out var id) ? id.GetString()! : account.GetProperty("client_id").GetString()!,
        };
    }

    [Test]
    public async Task Another_organizations_token_opens_nothing_and_changes_nothing()
    {
        using var api = SharedPlatform.Platform.Client(_mine.Token);
        using var stranger = SharedPlatform.Platform.Client(_theirs.Token);
        var before = await StateAsync(api);
        var operations = await OperationsAsync();
        Assert.That(operations, Has.Count.GreaterThan(25));
        var opened = new List<string>();
        foreach (var (method, path) in operations)
        {
            foreach (var slug in path.Contains("{org}", StringComparison.Ordinal) ? new[] { _mine.Slug, _theirs.Slug } : [_mine.Slug])
            {
                if (slug == _theirs.Slug && !OtherPlaceholder().IsMatch(path.Replace("{org}", "", StringComparison.Ordinal)))
                {
                    continue;
                }

                var url = Fill(path, slug);
                using var response = await SendAsync(stranger, method, url);
                if (response.StatusCode is not (HttpStatusCode.NotFound or HttpStatusCode.Forbidden)
                    && !IsHarmless(method, path, slug, response))
                {
                    opened.Add($"{method} {url}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
                }
            }
        }

        Assert.That(opened, Is.Empty);
        Assert.That(await StateAsync(api), Is.EqualTo(before));
    }

    [Test]
    public async Task Without_a_token_every_operation_is_401()
    {
        using var nobody = SharedPlatform.Platform.Client(null);
        var wrong = new List<string>();
        foreach (var (method, path) in await OperationsAsync())
        {
            using var response = await SendAsync(nobody, method, Fill(path, _mine.Slug));
            if (response.StatusCode != HttpStatusCode.Unauthorized)
            {
                wrong.Add($"{method} {path}: {(int)response.StatusCode}");
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public async Task Another_organizations_package_set_is_asked_for_in_full()
    {
        using var stranger = SharedPlatform.Platform.Client(_theirs.Token);
        var same = new RealEnvironment(
            "cross", "cross", "linux-64",
            [new("pypi", "", "", "requests", "2.25.1", ""), new("conda", "conda-forge", "linux-64", "openssl", "1.1.1k", "h27cfd23_0")]);
        using var response = await stranger.Http.PostAsJsonAsync(
            $"{_theirs.Path}/environment-logs", same.ToLog(_theirs.MachineId, digestOnly: true));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("packages_required"));
    }

    [Test]
    public async Task A_member_sees_its_own_environments_only()
    {
        var token = await Organization.AddServiceAccountAsync(SharedPlatform.Platform, _mine.Slug, "member");
        using var member = SharedPlatform.Platform.Client(token);
        Assert.That((await member.GetAsync($"{_mine.Path}/environments")).GetProperty("total_count").GetInt32(), Is.Zero);
        foreach (var path in new[] { "", "/packages", "/vulnerabilities", "/history" })
        {
            using var response = await member.Http.GetAsync(
                new Uri($"{_mine.Path}/environments/{_myIds["environment"]}{path}", UriKind.Relative));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound), path);
        }

        using var status = await member.Http.PutAsJsonAsync(
            $"{_mine.Path}/environments/{_myIds["environment"]}/status", new { status = "block" });
        Assert.That(status.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    /// <summary>
    /// In its own organization a stranger may read a CVE, which is public knowledge, give its own verdict on it, have a machine with the
    /// same id, since agents choose it, and give its own seats of a product.
    /// </summary>
    private bool IsHarmless(string method, string path, string slug, HttpResponseMessage response) =>
        slug == _theirs.Slug && response.IsSuccessStatusCode
        && ((method == "get" && path.Contains("/vulnerabilities", StringComparison.Ordinal)
            && !path.Contains("/environments/{", StringComparison.Ordinal))
            || (method is "put" or "delete" && path.EndsWith("/vulnerabilities/{id}/curation", StringComparison.Ordinal))
            || (method is "put" or "delete" && path.EndsWith("/machines/{machine_id}", StringComparison.Ordinal))
            || path.Contains("/products/{product}/", StringComparison.Ordinal));

    /// <summary>The owner's view of the resources that the stranger tried to access.</summary>
    private async Task<string> StateAsync(Api api)
    {
        var text = new StringBuilder();
        foreach (var path in new[]
        {
            $"/environments/{_myIds["environment"]}",
            $"/environments/{_myIds["environment"]}/status",
            "/environments",
            "/tokens",
            "/service-accounts",
            "/groups",
            "/channels",
            "/policies",
            $"/channels/{_myIds["channel"]}/groups",
            "/products",
            "/machines",
            "/members",
            "/exceptions",
            "/vulnerabilities/curations?history=true"
        })
        {
            text.AppendLine((await api.GetAsync(_mine.Path + path)).ToString());
        }

        return LastUsed().Replace(text.ToString(), "");
    }

    private static async Task<List<(string Method, string Path)>> OperationsAsync()
    {
        using var nobody = SharedPlatform.Platform.Client(null);
        var document = await nobody.GetAsync("/openapi/v1.json");
        return
        [
            .. from path in document.GetProperty("paths").EnumerateObject()
               where !WithoutOrganization.Any(prefix => path.Name.StartsWith(prefix, StringComparison.Ordinal))
               from method in path.Value.EnumerateObject()
               where Methods.Contains(method.Name)
               select (method.Name, path.Name),
        ];
    }

    private string Fill(string path, string slug) =>
        OtherPlaceholder().Replace(path.Replace("{org}", slug, StringComparison.Ordinal), match => (match.Groups["name"].Value, path) switch
        {
            ("machine_id", _) => _myIds["machine"],
            ("group_id", _) => _myIds["group"],
            ("product", _) => "environments",
            (_, var p) when p.Contains("/groups/{id}", StringComparison.Ordinal) => _myIds["group"],
            (_, var p) when p.Contains("/channels/{id}", StringComparison.Ordinal) => _myIds["channel"],
            (_, var p) when p.Contains("/exceptions/{id}", StringComparison.Ordinal) => _myIds["exception"],
            (_, var p) when p.Contains("/audit-sinks/{id}", StringComparison.Ordinal) => _myIds["sink"],
            (_, var p) when p.Contains("/policies/{id}", StringComparison.Ordinal) => _myIds["policy"],
            ("name", _) => "openssl",
            (_, var p) when p.Contains("/environments/{", StringComparison.Ordinal) => _myIds["environment"],
            (_, var p) when p.Contains("/tokens/{", StringComparison.Ordinal) => _myIds["token"],
            (_, var p) when p.Contains("/service-accounts/{", StringComparison.Ordinal) => _myIds["service-account"],
            (_, var p) when p.Contains("/machines/{", StringComparison.Ordinal) => _myIds["machine"],
            (_, var p) when p.Contains("/vulnerabilities/{", StringComparison.Ordinal) => "CVE-2022-0778",
            _ => Guid.CreateVersion7().ToString(),
        });

    private async Task<HttpResponseMessage> SendAsync(Api api, string method, string url)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), url);
        if (url.StartsWith("/api/audit-logs", StringComparison.Ordinal))
        {
            request.Headers.Add("X-Org-Name", _mine.Slug);
        }

        if (method is "post" or "put" or "patch")
        {
            request.Content = url.EndsWith("/curation", StringComparison.Ordinal)
                ? JsonContent.Create(new { status = "cleared", reason = "x" })
                : JsonContent.Create(new
                {
                    status = "block",
                    message = "x",
                    reason = "x",
                    name = "stolen",
                    slug = "stolen",
                    role = "member",
                    hostname = "stolen",
                    platform = "linux-64",
                    agent_version = "1",
                    email = "x@example.org",
                    packages = Array.Empty<object>(),
                    ids = new[] { Guid.CreateVersion7() },
                    owner = Guid.CreateVersion7(),
                    action = url.Contains("/seats/", StringComparison.Ordinal) ? "assign" : "add",
                    access = "read"
                });
        }

        return await api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    [GeneratedRegex(
        @"\{(?<name>[a-z_]+)(:[^}]*)?\}", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex OtherPlaceholder();

    [GeneratedRegex("\"last_(used|seen)_at\":(null|\"[^\"]*\")", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex LastUsed();
}
