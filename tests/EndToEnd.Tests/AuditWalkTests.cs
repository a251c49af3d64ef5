using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// Every operation of the OpenAPI document, once with success and once refused: both leave an event in the audit log, found by the id of
/// the request. An operation that is new fails here until it is in <see cref="SucceedAsync"/> or <see cref="ChangesNothing"/>.
/// </summary>
[NonParallelizable]
public sealed partial class AuditWalkTests
{
    private const int NewPackagesPerDay = 50;
    private const string Password = "a password of a test";
    private static readonly string[] Methods = ["get", "post", "put", "delete", "patch"];

    /// <summary>Operations that write nothing although they are no GET, and why.</summary>
    private static readonly Dictionary<string, string> ChangesNothing = new(StringComparer.Ordinal)
    {
        ["StartDevice"] = "asks for a code; who lets the device in, and that it is signed in, is told",
        ["ScanPackages"] = "answers about packages that it does not store",
        ["PreviewText"] = "explains a document that it does not store",
        ["DryRun"] = "says what a document would do, and stores nothing",
        ["LookUpInvitation"] = "has the token in the body, which an address would show to logs",
    };

    /// <summary>What a caller without a token may ask: its failures are <c>authentication_failure</c>, tested beside sign-in.</summary>
    private static readonly string[] ForAnybody =
        ["/oauth/", "/api/v1/sign-in", "/api/v1/invitations/", "/api/v1/enrol", "/api/v1/token-reports"];

    private readonly List<Sent> _sent = [];
    private FeedServer _publisher = null!;
    private Platform _platform = null!;
    private Organization _mine = null!;
    private Organization _theirs = null!;
    private string _member = null!;
    private string _walked = null!;
    private List<Operation> _operations = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _publisher = await FeedServer.StartAsync();
        _publisher.Publish("/story", FeedStoryTests.Osv("to be walked", 10));
        var settings = await FeedStoryTests.SettingsAsync(_publisher);
        settings["Ingest__NewPackagesPerDay"] = $"{NewPackagesPerDay}";
        settings["Postgres__RefusalSeconds"] = "2";
        _platform = await Platform.StartAsync(settings: settings);
        _mine = await Organization.CreateAsync(_platform);
        _theirs = await Organization.CreateAsync(_platform);
        _member = await Organization.AddServiceAccountAsync(_platform, _mine.Slug, "member");
        _walked = "walked-" + Guid.CreateVersion7().ToString("N")[^10..];
        using var nobody = _platform.Client(null);
        _operations =
        [
            .. from path in (await nobody.GetAsync("/openapi/v1.json")).GetProperty("paths").EnumerateObject()
               from method in path.Value.EnumerateObject()
               where Methods.Contains(method.Name)
               select new Operation(method.Name.ToUpperInvariant(), path.Name, method.Value.GetProperty("operationId").GetString()!),
        ];
        await SucceedAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_platform is not null)
        {
            await _platform.DisposeAsync();
        }

        await _publisher.DisposeAsync();
    }

    [Test]
    public async Task Every_operation_that_changes_something_leaves_an_event()
    {
        var done = _sent.Select(sent => sent.Operation).ToHashSet(StringComparer.Ordinal);
        var changing = _operations.Where(operation => operation.Method != "GET").Select(operation => operation.Id).ToArray();
        Assert.That(changing, Has.Length.GreaterThan(30));
        Assert.That(
            changing.Where(id => !done.Contains(id) && !ChangesNothing.ContainsKey(id)), Is.Empty, "operations that the walk leaves out");
        await HaveEventsAsync(_sent, [_walked, _mine.Slug, _theirs.Slug, _platform.Bootstrap.Organization, "platform"]);
    }

    [Test]
    public async Task Every_refusal_leaves_an_event_in_the_log_of_the_organization_that_was_asked_for()
    {
        var refused = new List<Sent>();
        var ids = await IdsAsync();
        foreach (var operation in _operations.Where(one => !ForAnybody.Any(one.Path.StartsWith)))
        {
            await RefuseAsync(refused, operation, _theirs.Token, _mine.Slug, ids);
            await RefuseAsync(refused, operation, _member, _mine.Slug, ids);
            if (operation.HasId && operation.IsOfOrganization)
            {
                await RefuseAsync(refused, operation, _theirs.Token, _theirs.Slug, ids);
            }
        }

        // An operation that nobody here may call, or that is about an organization, was refused at least once.
        var answered = refused.Select(sent => sent.Operation).ToHashSet(StringComparer.Ordinal);
        Assert.That(_operations.Where(operation => operation.IsOfOrganization && !answered.Contains(operation.Id)).Select(one => one.Id),
            Is.Empty);
        Assert.That(refused, Has.Count.GreaterThan(80));
        var events = await HaveEventsAsync(refused, [_mine.Slug, _theirs.Slug, "platform"]);
        foreach (var sent in refused)
        {
            var found = events[sent.RequestId];
            Assert.Multiple(() =>
            {
                Assert.That(found.GetProperty("action_key").GetString(), Is.EqualTo("permission_denied"), $"{sent}");
                Assert.That(found.GetProperty("org_name").GetString(), Is.EqualTo(sent.Log), $"{sent}");
                Assert.That(found.GetProperty("meta").GetProperty("operation").GetString(), Is.EqualTo(sent.Operation));
                Assert.That(found.GetProperty("meta").GetProperty("status").GetInt32(), Is.EqualTo(sent.Status), $"{sent}");
                Assert.That(found.GetProperty("source_address").GetString(), Is.Not.Empty, $"{sent}");
                Assert.That(found.GetProperty("user_agent").GetString(), Is.EqualTo("walker/1"), $"{sent}");
            });
        }

        // Whoever is no member is known to the organization by its id alone.
        var stranger = events[refused.First(sent => sent.Log == _mine.Slug && sent.Token == _theirs.Token).RequestId];
        Assert.That(stranger.GetProperty("message").GetString(), Does.StartWith("Somebody of another organization was refused "));
        Assert.That(stranger.GetProperty("actor_email").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(stranger.GetProperty("meta").GetProperty("reason").GetString(), Is.EqualTo("not_a_member"));
    }

    [Test]
    public async Task A_refused_import_and_an_exceeded_quota_leave_an_event()
    {
        var imports = _operations
            .Where(operation => operation.Method == "POST" && operation.Id.StartsWith("Import", StringComparison.Ordinal)).ToArray();
        Assert.That(imports, Has.Length.GreaterThanOrEqualTo(2));
        var refused = new List<Sent>();
        foreach (var import in imports)
        {
            var path = import.Path.Replace("{org}", _mine.Slug, StringComparison.Ordinal);
            var log = import.IsOfOrganization ? _mine.Slug : "platform";
            refused.Add(await SendAsync(
                import.Id, _platform.Bootstrap.Token, "POST", path + (import.IsOfOrganization ? "" : "?format=osv"),
                JsonContent.Create("no file that anybody takes"), log));
            Assert.That(refused[^1].Status, Is.EqualTo(400), import.Id);
            var id = "walk-" + Guid.CreateVersion7().ToString("N");
            var large = await RawConnection.AskAsync(
                _platform.Address,
                $"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {_platform.Bootstrap.Token}\r\nX-Request-Id: {id}\r\n"
                + "Content-Type: application/json\r\nContent-Length: 2147483648\r\nConnection: close\r\n\r\n");
            Assert.That(large!.Status, Is.EqualTo(413), large.Head);
            refused.Add(new(import.Id, id, _platform.Bootstrap.Token, log, 413));
        }

        var packages = Enumerable.Range(0, NewPackagesPerDay + 1)
            .Select(i => new PackageKey("conda", "conda-forge", "linux-64", $"walk-quota-{i}", "1.0", "0")).ToArray();
        refused.Add(await SendAsync(
            "LogEnvironment", _mine.Token, "POST", $"{_mine.Path}/environment-logs",
            JsonContent.Create(new RealEnvironment("quota", "quota", "linux-64", packages).ToLog(_mine.MachineId)), _mine.Slug));
        Assert.That(refused[^1].Status, Is.EqualTo(429));
        var events = await HaveEventsAsync(refused, [_mine.Slug, "platform"]);
        foreach (var sent in refused)
        {
            var found = events[sent.RequestId];
            var expected = sent.Status == 429 ? "quota_exceeded"
                : sent.Operation == "ImportVex" ? "vex_import_refused" : "advisories_import_refused";
            Assert.That(found.GetProperty("action_key").GetString(), Is.EqualTo(expected), $"{sent}");
            Assert.That(found.GetProperty("org_name").GetString(), Is.EqualTo(sent.Log), $"{sent}");
            Assert.That(found.GetProperty("meta").GetProperty("detail").GetString(), Is.Not.Empty, $"{sent}");
        }
    }

    [Test]
    public async Task Refusals_that_come_again_are_counted_and_none_is_lost()
    {
        const int Times = 25;
        var member = await Organization.AddServiceAccountAsync(_platform, _mine.Slug, "member");
        for (var i = 0; i < Times; i++)
        {
            await SendAsync("InviteMember", member, "POST", $"{_mine.Path}/members", JsonContent.Create(new { email = "x" }), _mine.Slug);
        }

        using var me = _platform.Client(member);
        var subject = (await me.GetAsync("/api/v1/me")).GetProperty("id").GetString();
        var counts = Array.Empty<int>();
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                counts = [.. (await EventsAsync(_mine.Slug))
                    .Where(one => one.GetProperty("action_key").GetString() == "permission_denied"
                        && one.GetProperty("actor_id").GetString() == subject)
                    .Select(one => one.GetProperty("meta").GetProperty("count").GetInt32())];
                return counts.Sum() >= Times;
            },
            "all refusals are counted", seconds: 60);
        Assert.That((counts.Sum(), counts[^1], counts.Length < Times), Is.EqualTo((Times, 1, true)), "the first is an event of its own");
    }

    [Test]
    public async Task Every_event_names_its_trace()
    {
        string[] expected = ["advisories_imported", "feed_sync_requested", "feed_sync_started", "feed_sync_completed"];
        foreach (var log in new[] { _walked, _mine.Slug, _theirs.Slug, _platform.Bootstrap.Organization, "platform" })
        {
            var events = await EventsAsync(log);
            Assert.That(events, Is.Not.Empty, log);
            Assert.That(
                events.Where(one => one.GetProperty("trace_id") is not { ValueKind: JsonValueKind.String } id
                        || id.GetString()!.Length != 32)
                    .Select(one => $"{log}: {one.GetProperty("action_key").GetString()}").Distinct(), Is.Empty);
            if (log == "platform")
            {
                Assert.That(events.Select(one => one.GetProperty("action_key").GetString()), Is.SupersetOf(expected));
                // A sync, the import of its file and its end are one trace.
                var imported = events.First(one => one.GetProperty("action_key").GetString() == "feed_sync_completed"
                    && one.GetProperty("meta").GetProperty("outcome").GetString() == "imported");
                Assert.That(
                    events.Where(one => one.GetProperty("trace_id").GetString() == imported.GetProperty("trace_id").GetString())
                        .Select(one => one.GetProperty("action_key").GetString()),
                    Is.SupersetOf(new[] { "feed_sync_started", "advisories_imported", "feed_sync_completed" }));
            }
        }
    }

    /// <summary>Each operation that changes something, with all that it needs, through a life of an organization.</summary>
    private async Task SucceedAsync()
    {
        var boot = _platform.Bootstrap.Token;
        var org = $"/api/v1/orgs/{_walked}";
        var address = $"walker-{_walked}@example.org";
        await DoAsync(
            "CreateOrganization", boot, "POST", "/api/v1/orgs", new { slug = _walked, name = "Walked", environments_enabled = true });
        await DoAsync("UpdateOrganization", boot, "PATCH", org, new { name = "Walked on" });
        await DoAsync("UpdateSettings", boot, "PATCH", $"{org}/settings", new { token_max_days = 364 });
        var account = await DoAsync(
            "CreateServiceAccount", boot, "POST", $"{org}/service-accounts", new { name = "walker", role = "member" });
        var client = account.GetProperty("client_id").GetString()!;
        var access = await DoAsync("IssueAccessToken", null, "POST", "/oauth/token", Form(
            ("grant_type", "client_credentials"), ("client_id", client), ("client_secret", Text(account, "client_secret"))));
        var token = await DoAsync(
            "CreateToken", boot, "POST", $"{org}/tokens",
            new { name = "walked", expires_at = TimeProvider.System.GetUtcNow().AddDays(1) });
        await DoAsync("RevokeToken", boot, "DELETE", $"{org}/tokens/{Text(token, "id")}");
        await DoAsync("RevokeAnyToken", null, "POST", "/oauth/revoke", Form(("token", Text(access, "access_token"))));
        await DoAsync("UpdateServiceAccount", boot, "PATCH", $"{org}/service-accounts/{client}", new { description = "walks" });
        var secret = await DoAsync("AddSecret", boot, "POST", $"{org}/service-accounts/{client}/secrets", new { });
        await DoAsync("DeleteSecret", boot, "DELETE", $"{org}/service-accounts/{client}/secrets/{Text(secret, "id")}");
        var trust = await DoAsync("AddTrust", boot, "POST", $"{org}/service-accounts/{client}/trusts", new
        {
            issuer = "https://ci.example.org",
            audience = "walked",
            subject_pattern = "repo:acme/app:*",
        });
        await DoAsync("RemoveTrust", boot, "DELETE", $"{org}/service-accounts/{client}/trusts/{Text(trust, "id")}");
        var enrolment = await DoAsync("CreateEnrolmentKey", boot, "POST", $"{org}/enrolment-keys", new
        {
            name = "walked",
            owner = client,
            expires_at = TimeProvider.System.GetUtcNow().AddDays(1),
            max_uses = 2,
        });
        var enrolled = Guid.CreateVersion7();
        await DoAsync("EnrolMachine", null, "POST", "/api/v1/enrol", new
        {
            key = Text(enrolment, "key"),
            machine_id = enrolled,
            hostname = "enrolled",
            platform = "linux-64",
            agent_version = "0.1.0",
        });
        using (var me = _platform.Administrator())
        {
            await DoAsync(
                "TransferMachine", boot, "POST", $"{org}/machines/{enrolled}/transfer",
                new { owner = (await me.GetAsync("/api/v1/me")).GetProperty("id").GetString() });
        }

        await DoAsync("RevokeEnrolmentKey", boot, "DELETE", $"{org}/enrolment-keys/{Text(enrolment, "id")}");
        var reported = await DoAsync(
            "CreateToken", boot, "POST", $"{org}/tokens",
            new { name = "reported", expires_at = TimeProvider.System.GetUtcNow().AddDays(1) });
        await DoAsync("ReportTokens", null, "POST", "/api/v1/token-reports", new { tokens = new[] { Text(reported, "token") } });
        await DoAsync(
            "CreateToken", boot, "POST", $"{org}/tokens",
            new { name = "filtered", expires_at = TimeProvider.System.GetUtcNow().AddDays(9) });
        using (var lowered = _platform.Administrator())
        {
            using var request = new HttpRequestMessage(HttpMethod.Patch, $"{org}/settings")
            {
                Content = JsonContent.Create(new { token_max_days = 2 }),
            };
            request.Headers.TryAddWithoutValidation("If-Match", "*");
            using var settings = await lowered.Http.SendAsync(request);
            Assert.That(settings.IsSuccessStatusCode, Is.True);
        }

        await DoAsync("EnforceTokenLimit", boot, "POST", $"{org}/tokens/enforce-limit");
        await DoAsync("RevokeTokens", boot, "POST", $"{org}/tokens/revoke", new { kind = "personal" });
        await DoAsync("DeleteServiceAccount", boot, "DELETE", $"{org}/service-accounts/{client}");

        var session = await SignInAsync(_platform.Bootstrap.Email, _platform.Bootstrap.Password);
        using (var mine = _platform.Client(session))
        {
            var current = (await mine.GetAsync("/api/v1/me/sessions")).GetProperty("items").EnumerateArray()
                .First(one => one.GetProperty("current").GetBoolean());
            await DoAsync("RevokeSession", session, "DELETE", $"/api/v1/me/sessions/{Text(current, "id")}");
        }

        var invited = await InviteAsync(boot, org, address);
        var again = await DoAsync("ResendInvitation", boot, "POST", $"{org}/invitations/{Text(invited, "id")}/resend");
        await DoAsync(
            "JoinByInvitation", null, "POST", "/api/v1/invitations/accept", new { token = Text(again, "token"), password = Password });
        var withdrawn = await InviteAsync(boot, org, "x" + address);
        await DoAsync("RevokeInvitation", boot, "DELETE", $"{org}/invitations/{Text(withdrawn, "id")}");

        var many = await DoAsync("CreateInvitations", boot, "POST", $"{org}/invitations", new
        {
            emails = new[] { "y" + address, "z" + address },
            role = "member",
        });
        var made = many.GetProperty("results").EnumerateArray().ToArray();
        await DoAsync("DeclineInvitationByToken", null, "POST", "/api/v1/invitations/decline", new { token = Text(made[0], "token") });
        await DoAsync(
            "ChangeInvitations", boot, "POST", $"{org}/invitations/bulk", new { ids = new[] { Text(made[1], "id") }, action = "revoke" });

        var walker = await SignInAsync(address, Password);
        var accepted = await InviteAsync(boot, _mine.Path, address);
        await DoAsync("AcceptInvitationByToken", walker, "POST", "/api/v1/me/invitations/accept", new { token = Text(accepted, "token") });
        var declined = await InviteAsync(boot, _theirs.Path, address);
        await DoAsync("DeclineInvitation", walker, "POST", $"/api/v1/me/invitations/{Text(declined, "id")}/decline");

        await GroupsChannelsAndSeatsAsync(boot, org, address);
        using (var operatorApi = _platform.Administrator())
        {
            var members = (await operatorApi.GetAsync($"{org}/members")).GetProperty("items").EnumerateArray().ToArray();
            string MemberOf(string email) => Text(members.Single(one => one.GetProperty("email").GetString() == email), "id");
            var person = $"{org}/members/{MemberOf(address)}";
            await DoAsync("SuspendMember", boot, "POST", $"{person}/suspend");
            await DoAsync("ResumeMember", boot, "POST", $"{person}/resume");
            await DoAsync("LeaveOrganization", walker, "POST", $"/api/v1/me/orgs/{_walked}/leave");
            await DoAsync("ReinstateMember", boot, "POST", $"{person}/reinstate");
            await DoAsync("ChangeMember", boot, "PATCH", person, new { role = "administrator" });
            await SignInAsync(_platform.Bootstrap.Email, _platform.Bootstrap.Password);
            await DoAsync("RevokeMemberSessions", boot, "DELETE", $"{org}/members/{MemberOf(_platform.Bootstrap.Email)}/sessions");
            await DoAsync("RemoveMember", walker, "DELETE", $"{org}/members/{MemberOf(_platform.Bootstrap.Email)}");
        }

        var back = await InviteAsync(walker, org, _platform.Bootstrap.Email, "administrator");
        await DoAsync("AcceptInvitation", boot, "POST", $"/api/v1/me/invitations/{Text(back, "id")}/accept");

        var machine = Guid.CreateVersion7();
        await DoAsync(
            "RegisterMachine", boot, "PUT", $"{org}/machines/{machine}",
            new { hostname = "walked", platform = "linux-64", agent_version = "0.1.0" });
        await DoAsync(
            "ReportRegistrationFailure", boot, "POST", $"{org}/machines/registration-failures",
            new { hostname = "walked", platform = "linux-64", agent_version = "0.1.0", reason = "no" });
        var logged = await DoAsync("LogEnvironment", boot, "POST", $"{org}/environment-logs", new RealEnvironment(
            "walked", "walked", "linux-64", [new("conda", "conda-forge", "linux-64", "openssl", "1.1.1k", "h27cfd23_0")]).ToLog(machine));
        var environment = $"{org}/environments/{Text(logged, "environment_id")}";
        using (var operatorApi = _platform.Administrator())
        {
            await Eventually.BecomesTrueAsync(
                async () => (await operatorApi.GetAsync(environment)).GetProperty("scanned_at").ValueKind == JsonValueKind.String,
                "scanned");
        }

        await DoAsync("ScanNow", boot, "POST", $"{environment}/scan");
        await DoAsync("ExportSbom", boot, "GET", $"{environment}/sbom?format=cyclonedx&vulnerabilities=true");
        await DoAsync("SetStatus", boot, "PUT", $"{environment}/status", new { status = "block", message = "no" });
        await DoAsync("ClearStatus", boot, "DELETE", $"{environment}/status");
        await DoAsync("ArchiveEnvironment", boot, "POST", $"{environment}/archive");
        await DoAsync("UnarchiveEnvironment", boot, "POST", $"{environment}/unarchive");
        var curation = $"{org}/vulnerabilities/CVE-2022-0778/curation";
        await DoAsync("CurateVulnerability", boot, "PUT", curation, new { status = "cleared", reason = "walked" });
        var vex = await DoAsync("ExportVex", boot, "GET", $"{org}/vulnerabilities/vex?format=openvex");
        await DoAsync("ImportVex", boot, "POST", $"{org}/vulnerabilities/vex", vex);
        await DoAsync("TakeBackCuration", boot, "DELETE", curation);
        await DoAsync("RemoveEnvironment", boot, "DELETE", environment);
        await DoAsync("RemoveMachine", boot, "DELETE", $"{org}/machines/{machine}");

        await DoAsync("StartExport", _mine.Token, "POST", "/api/audit-logs/export", new { });

        await SinksAsync(boot, org);
        await PoliciesAsync(boot, org);
        await ExceptionsAsync(boot, $"{org}/exceptions");
        await DoAsync("RequestSyncOfAll", boot, "POST", "/api/v1/advisories/feeds/sync");
        await DoAsync("RequestSync", boot, "POST", "/api/v1/advisories/feeds/story/sync");
        using var file = new ByteArrayContent(FeedStoryTests.Osv("imported by hand", 10));
        await DoAsync("ImportAdvisories", boot, "POST", "/api/v1/advisories/imports?format=osv", file);

        await DoAsync("DeleteOrganization", boot, "DELETE", org);
        await DoAsync("RestoreOrganization", boot, "POST", $"{org}/restore");
    }

    private async Task PoliciesAsync(string boot, string org)
    {
        const string Document = "name: walked\nrules:\n  - name: r\n    when: { severity: critical }\n    then: warn\n";
        await DoAsync("CreatePolicy", boot, "POST", $"{org}/policies", new { text = Document });
        var policy = $"{org}/policies/walked";
        await DoAsync("ReplacePolicy", boot, "PUT", policy, new { text = Document.Replace("critical", "high", StringComparison.Ordinal) });
        await DoAsync("RestorePolicyVersion", boot, "POST", $"{policy}/versions/1/restore", new { });
        await DoAsync("DisablePolicy", boot, "POST", $"{policy}/disable");
        await DoAsync("EnablePolicy", boot, "POST", $"{policy}/enable", new { });
        var assignment = $"{policy}/assignments/organization/{_walked}";
        await DoAsync("AssignPolicy", boot, "PUT", assignment, new { });
        await DoAsync("UnassignPolicy", boot, "DELETE", assignment);
        await DoAsync("DeletePolicy", boot, "DELETE", policy);
    }

    private async Task ExceptionsAsync(string boot, string exceptions)
    {
        var ids = new List<string>();
        foreach (var vulnerability in new[] { "CVE-2022-0778", "CVE-2022-0779", "CVE-2022-0780" })
        {
            var asked = await DoAsync("RequestException", boot, "POST", exceptions, new
            {
                scope_type = "organization",
                vulnerability,
                reason = "walked",
                until = TimeProvider.System.GetUtcNow().AddDays(1),
            });
            ids.Add(Text(asked, "id"));
        }

        await DoAsync("GrantException", boot, "POST", $"{exceptions}/{ids[0]}/grant", new { reason = "walked" });
        await DoAsync("RevokeException", boot, "POST", $"{exceptions}/{ids[0]}/revoke", new { reason = "walked" });
        await DoAsync("RefuseException", boot, "POST", $"{exceptions}/{ids[1]}/refuse", new { reason = "walked" });
        await DoAsync("WithdrawException", boot, "POST", $"{exceptions}/{ids[2]}/withdraw", new { });
    }

    private async Task SinksAsync(string boot, string org)
    {
        var made = await DoAsync(
            "CreateAuditSink", boot, "POST", $"{org}/audit-sinks",
            new { name = "walked", kind = "webhook", address = "https://127.0.0.1:1/" });
        var sink = $"{org}/audit-sinks/{Text(made, "id")}";
        await DoAsync("UpdateAuditSink", boot, "PATCH", sink, new { name = "walked on" });
        await DoAsync("RotateAuditSinkSecret", boot, "POST", $"{sink}/secret");
        await DoAsync("TestAuditSink", boot, "POST", $"{sink}/test");
        await DoAsync("ReplayAuditSink", boot, "POST", $"{sink}/replay", new { from_seq = 1 });
        await DoAsync("PauseAuditSink", boot, "POST", $"{sink}/pause");
        await DoAsync("ResumeAuditSink", boot, "POST", $"{sink}/resume");
        await DoAsync("DeleteAuditSink", boot, "DELETE", sink);
    }

    /// <param name="address">Of a member.</param>
    private async Task GroupsChannelsAndSeatsAsync(string boot, string org, string address)
    {
        using var operatorApi = _platform.Administrator();
        var member = Text((await operatorApi.GetAsync($"{org}/members")).GetProperty("items").EnumerateArray()
            .Single(one => one.GetProperty("email").GetString() == address), "id");
        var group = $"{org}/groups/{Text(await DoAsync("CreateGroup", boot, "POST", $"{org}/groups", new { name = "walked" }), "id")}";
        await DoAsync("UpdateGroup", boot, "PATCH", group, new { description = "walks" });
        await DoAsync("AddGroupMember", boot, "PUT", $"{group}/members/{member}");
        await DoAsync("RemoveGroupMember", boot, "DELETE", $"{group}/members/{member}");
        await DoAsync("ChangeGroupMembers", boot, "POST", $"{group}/members/bulk", new { ids = new[] { member }, action = "add" });
        var channel = Text(
            await DoAsync("CreateChannel", boot, "POST", $"{org}/channels", new { name = "walked", kind = "private" }), "id");
        await DoAsync("UpdateChannel", boot, "PATCH", $"{org}/channels/{channel}", new { description = "walked" });
        var grant = $"{org}/channels/{channel}/groups/{group.Split('/')[^1]}";
        await DoAsync("GrantChannel", boot, "PUT", grant, new { access = "read" });
        await DoAsync("WithdrawChannel", boot, "DELETE", grant);
        await DoAsync("DeleteChannel", boot, "DELETE", $"{org}/channels/{channel}");
        await DoAsync("DeleteGroup", boot, "DELETE", group);
        await DoAsync("RevokeSeat", boot, "DELETE", $"{org}/products/audit_api/seats/{member}");
        await DoAsync("AssignSeat", boot, "PUT", $"{org}/products/audit_api/seats/{member}");
        await DoAsync(
            "ChangeSeats", boot, "POST", $"{org}/products/environments/seats/bulk", new { ids = new[] { member }, action = "revoke" });
        await DoAsync(
            "SetProducts", boot, "PATCH", $"{org}/products",
            new { products = new[] { new { product = "environments", limit = 10, auto_assign = true } } });
    }

    private static FormUrlEncodedContent Form(params (string Name, string Value)[] fields) =>
        new(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));

    private static string Text(JsonElement json, string member) => json.GetProperty(member).GetString()!;

    private async Task<string> SignInAsync(string email, string password) =>
        Text(await DoAsync("SignInByPassword", null, "POST", "/api/v1/sign-in", new { email, password }), "token");

    private Task<JsonElement> InviteAsync(string token, string org, string email, string role = "member") =>
        DoAsync("InviteMember", token, "POST", $"{org}/members", new { email, display_name = "Invited", role });

    private async Task<JsonElement> DoAsync(string operation, string? token, string method, string path, object? body = null)
    {
        var content = body as HttpContent ?? (body is null ? null : JsonContent.Create(body));
        var answer = default(JsonElement);
        _sent.Add(await SendAsync(operation, token, method, path, content, "", async response =>
        {
            var text = await response.Content.ReadAsStringAsync();
            Assert.That(response.IsSuccessStatusCode, Is.True, $"{operation}: {(int)response.StatusCode} {text}");
            answer = text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
        }));
        return answer;
    }

    private async Task RefuseAsync(
        List<Sent> refused, Operation operation, string token, string org, Dictionary<string, string> ids)
    {
        var path = operation.Fill(org, ids);
        var log = operation.IsOfOrganization ? org
            : operation.Path.StartsWith("/api/v1/me", StringComparison.Ordinal) ? token == _member ? _mine.Slug : _theirs.Slug
            : "platform";
        var body = operation.Method is "POST" or "PUT" or "PATCH" ? JsonContent.Create(new
        {
            status = "block",
            reason = "x",
            name = "stolen",
            slug = "stolen",
            role = "member",
            hostname = "stolen",
            platform = "linux-64",
            agent_version = "1",
            email = "x@example.org",
            display_name = "x",
            token = "envi_x",
            packages = Array.Empty<object>()
        }) : null;
        var sent = await SendAsync(operation.Id, token, operation.Method, path, body, log, null, operation.IsAuditLog ? org : null);
        var foreign = operation.IsOfOrganization && org == _mine.Slug && token == _theirs.Token;
        if (foreign)
        {
            Assert.That(sent.Status, Is.EqualTo(404).Or.EqualTo(403), $"{operation}");
        }

        if (sent.Status == 403 || (sent.Status == 404 && (foreign || operation.HasId)))
        {
            refused.Add(sent);
        }
    }

    private async Task<Sent> SendAsync(
        string operation, string? token, string method, string path, HttpContent? body, string log,
        Func<HttpResponseMessage, Task>? read = null, string? header = null)
    {
        using var api = _platform.Client(token);
        var id = "walk-" + Guid.CreateVersion7().ToString("N");
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body };
        request.Headers.Add("X-Request-Id", id);
        request.Headers.UserAgent.ParseAdd("walker/1");
        if (method == "PATCH" || path.Contains("/policies/", StringComparison.Ordinal))
        {
            request.Headers.Add("If-Match", "*");
        }

        if (header is not null)
        {
            request.Headers.Add("X-Org-Name", header);
        }

        using var response = await api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (read is not null)
        {
            await read(response);
        }

        return new(operation, id, token, log, (int)response.StatusCode);
    }

    /// <summary>Waits until each request has an event in one of the logs.</summary>
    private async Task<Dictionary<string, JsonElement>> HaveEventsAsync(IReadOnlyList<Sent> sent, string[] logs)
    {
        var found = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        Sent[] missing = [.. sent];
        try
        {
            await Eventually.BecomesTrueAsync(
                async () =>
                {
                    foreach (var log in logs)
                    {
                        foreach (var one in await EventsAsync(log))
                        {
                            if (one.GetProperty("request_id").GetString() is { } id)
                            {
                                found[id] = one;
                            }
                        }
                    }

                    missing = [.. missing.Where(one => !found.ContainsKey(one.RequestId))];
                    return missing.Length == 0;
                },
                "all are in the log", seconds: 60);
        }
        catch (AssertionException)
        {
            Assert.Fail("no event: " + string.Join(", ", missing.Select(one => $"{one.Operation} {one.Status} ({one.Log})")));
        }

        return found;
    }

    private async Task<List<JsonElement>> EventsAsync(string log)
    {
        using var api = _platform.Administrator();
        api.Http.DefaultRequestHeaders.Add("X-Org-Name", log);
        return [.. (await api.GetAsync("/api/audit-logs?limit=1000")).GetProperty("items").EnumerateArray()];
    }

    /// <summary>Of things of the organization that is asked for, by a part of the path before them.</summary>
    private async Task<Dictionary<string, string>> IdsAsync()
    {
        using var api = _platform.Client(_mine.Token);
        var logged = await api.PostAsync($"{_mine.Path}/environment-logs", new RealEnvironment(
            "refused", "refused", "linux-64", [new("conda", "conda-forge", "linux-64", "openssl", "1.1.1k", "h27cfd23_0")])
            .ToLog(_mine.MachineId));
        using var operatorApi = _platform.Administrator();
        var token = await operatorApi.PostAsync(
            $"{_mine.Path}/tokens", new { name = "mine", expires_at = TimeProvider.System.GetUtcNow().AddDays(1) });
        var group = await operatorApi.PostAsync($"{_mine.Path}/groups", new { name = "mine" });
        var channel = await operatorApi.PostAsync($"{_mine.Path}/channels", new { name = "mine", kind = "private" });
        var sink = await operatorApi.PostAsync(
            $"{_mine.Path}/audit-sinks", new { name = "mine", kind = "syslog", address = "tls://127.0.0.1:1" });
        var policy = await operatorApi.PostAsync(
            $"{_mine.Path}/policies",
            new { text = "name: mine\nrules:\n  - name: r\n    when: { severity: critical }\n    then: warn\n" });
        var exception = await operatorApi.PostAsync($"{_mine.Path}/exceptions", new
        {
            scope_type = "organization",
            vulnerability = "CVE-2022-0778",
            reason = "mine",
            until = TimeProvider.System.GetUtcNow().AddDays(1),
        });
        return new(StringComparer.Ordinal)
        {
            ["/exceptions/{id"] = Text(exception, "id"),
            ["/groups/{id"] = Text(group, "id"),
            ["/channels/{id"] = Text(channel, "id"),
            ["/audit-sinks/{id"] = Text(sink, "id"),
            ["/policies/{id"] = Text(policy, "id"),
            ["/environments/{"] = Text(logged, "environment_id"),
            ["/tokens/{"] = Text(token, "id"),
            ["/machines/{"] = _mine.MachineId.ToString(),
            ["/vulnerabilities/{"] = "CVE-2022-0778",
            ["/feeds/{"] = "story",
        };
    }

    private sealed record Sent(string Operation, string RequestId, string? Token, string Log, int Status)
    {
        public override string ToString() => $"{Operation} {Status} ({Log})";
    }

    private sealed partial record Operation(string Method, string Path, string Id)
    {
        public bool IsAuditLog => Path.StartsWith("/api/audit-logs", StringComparison.Ordinal);

        /// <summary>The catalogue of actions is everybody's who reads a log, but reads none.</summary>
        public bool IsOfOrganization => Path.Contains("{org}", StringComparison.Ordinal) || IsAuditLog;

        /// <summary>Whether its path has an id that belongs to somebody.</summary>
        public bool HasId => Placeholder().Matches(Path).Any(match => match.Groups["name"].Value is not ("org" or "name"))
            && !Path.Contains("/vulnerabilities/{", StringComparison.Ordinal);

        public string Fill(string org, Dictionary<string, string> ids) => Placeholder().Replace(
            Path.Replace("{org}", org, StringComparison.Ordinal), match => match.Groups["name"].Value == "name"
                && Path.Contains("/packages/{", StringComparison.Ordinal)
                ? "openssl"
                : ids.FirstOrDefault(id => Path.Contains(id.Key, StringComparison.Ordinal)).Value ?? Guid.CreateVersion7().ToString());

        [GeneratedRegex(@"\{(?<name>[a-z_]+)(:[^}]*)?\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
        private static partial Regex Placeholder();
    }
}
