using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests;

public sealed class ListAuditLogsTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private AuditPlatform _platform = null!;
    private AuditEventOccurred[] _events = [];

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _platform = await AuditPlatform.StartAsync();
        (string Action, string Actor, string Target, string Service, string Message)[] table =
        [
            ("environment_logged", "ada", "e1", "ingest", "Ada logged science."),
            ("environment_updated", "ada", "e1", "ingest", "Ada changed science."),
            ("environment_status_changed", "grace", "e1", "policy", "Grace blocked science: 100% sure."),
            ("token_created", "grace", "t1", "identity", "Grace created token ci_deploy."),
            ("token_revoked", "ada", "t1", "identity", "Ada revoked token ci_deploy."),
            ("advisories_imported", "system", "i1", "scanner", "OSV was imported for \u00DCn\u00EFcode."),
        ];
        // Days apart; stored one by one in another order than they happened.
        _events = [.. table.Select((row, day) => _platform.NewEvent(row.Action) with
        {
            Actor = new(row.Actor, row.Actor == "system" ? null : row.Actor + "@example.org", row.Actor == "system" ? "system" : "user"),
            Target = new(row.Target, null, "thing"),
            Service = row.Service, Message = row.Message, OccurredAt = Start.AddDays(day),
        })];
        for (var i = _events.Length; i-- > 0;)
        {
            await _platform.PublishAsync(_events[i]);
            await _platform.UntilSizeAsync(_platform.Organization.Id, _events.Length - i);
        }
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [TestCase("", "543210")]
    [TestCase("?sort=occurred_at", "012345")]
    [TestCase("?sort=seq", "543210")]
    [TestCase("?sort=-seq", "012345")]
    [TestCase("?sort=-created_at", "012345")]
    [TestCase("?sort=action_key", "502134")]
    [TestCase("?q=action_key:token_created", "3")]
    [TestCase("?q=action_key:token_created,token_revoked", "43")]
    [TestCase("?q=action_key:token_*", "43")]
    [TestCase("?q=action_verb:created&q=actor_id:ada", "4310")]
    [TestCase("?q=action_verb:revoked&q=actor_id:ada&search_operator=and", "4")]
    [TestCase("?q=actor_email:grace%40example.org", "32")]
    [TestCase("?q=actor_type:system", "5")]
    [TestCase("?q=category:environment", "210")]
    [TestCase("?q=-category:environment", "543")]
    [TestCase("?q=-actor_email:ada@example.org", "532")]
    [TestCase("?q=category:environment,token&q=-actor_id:ada", "32")]
    [TestCase("?q=target_id:e1&q=service_name:policy&search_operator=and", "2")]
    [TestCase("?q=target_type:nothing", "")]
    [TestCase("?q=message:SCIENCE", "210")]
    [TestCase("?q=message:100%25", "2")]
    [TestCase("?q=message:ci_dep", "43")]
    [TestCase("?q=message:ci%25dep", "")]
    [TestCase("?q=message:%C3%BCN%C3%8FCODE", "5")]
    [TestCase("?q=message:u%CC%88ni%CC%88*.", "5")]
    [TestCase("?from_date=2026-03-03&to_date=2026-03-05", "432")]
    [TestCase("?from_date=2026-03-03T00:00:00Z&to_date=2026-03-05T00:00:00Z", "432")]
    [TestCase("?from_date=2026-03-03T00:00:01Z&to_date=2026-03-04T23:59:59.999999%2B00:00", "3")]
    [TestCase("?to_date=2026-03-01T01:00:00%2B01:00", "0")]
    [TestCase("?limit=2", "54", 6)]
    [TestCase("?limit=2&offset=4", "10", 6)]
    [TestCase("?limit=2&offset=100", "", 6)]
    [TestCase("?limit=1&q=category:token", "4", 2)]
    public async Task A_query_finds(string query, string expected, int? total = null)
    {
        var page = await _platform.GetAsync(query);
        var found = string.Concat(page.GetProperty("items").EnumerateArray()
            .Select(item => Array.FindIndex(_events, occurred => occurred.EventId == item.GetProperty("id").GetGuid())));
        Assert.That(found, Is.EqualTo(expected));
        Assert.That(page.GetProperty("total_count").GetInt64(), Is.EqualTo(total ?? expected.Length));
    }

    [Test]
    public async Task An_item_has_every_member_of_the_API()
    {
        var item = (await _platform.GetAsync("?q=action_key:environment_logged")).GetProperty("items")[0];
        Assert.That(item.EnumerateObject().Select(member => member.Name), Is.SupersetOf(new[]
        {
            "id", "org_id", "org_name", "action_key", "action_verb", "actor_id", "actor_email", "actor_type", "target_id", "target_email",
            "target_type", "service_name",
            "message", "meta", "occurred_at", "created_at", "seq", "category", "source_address", "user_agent", "trace_id", "request_id",
        }));
        Assert.Multiple(() =>
        {
            Assert.That(item.GetProperty("org_id").GetGuid(), Is.EqualTo(_platform.Organization.Id.Value));
            Assert.That(item.GetProperty("org_name").GetString(), Is.EqualTo(_platform.Organization.Slug));
            Assert.That(item.GetProperty("action_verb").GetString(), Is.EqualTo("logged"));
            Assert.That(item.GetProperty("meta").GetProperty("packages").GetInt32(), Is.EqualTo(3));
            Assert.That(item.GetProperty("occurred_at").GetDateTimeOffset(), Is.EqualTo(Start));
        });
        var same = await _platform.GetAsync("/" + item.GetProperty("id").GetGuid());
        Assert.That(same.GetRawText(), Is.EqualTo(item.GetRawText()));
    }

    [TestCase("")]
    [TestCase("sort=action_key")]
    [TestCase("sort=seq&to_date=2027-01-01")]
    [TestCase("sort=-seq&q=category:token,environment")]
    public async Task Cursors_lead_through_every_event_once_and_back(string query)
    {
        var all = Ids(await _platform.GetAsync("?" + query));
        var url = $"?limit=2&{query}";
        var forward = new List<Guid>();
        string? previous = null;
        while (url is not null)
        {
            using var response = await _platform.Auditor().GetAsync(new Uri("/api/audit-logs" + url, UriKind.Relative));
            var page = await response.Content.ReadFromJsonAsync<JsonElement>();
            forward.AddRange(Ids(page));
            Assert.That(page.GetProperty("total_count").GetInt32(), Is.EqualTo(all.Count));
            url = LinkOf(response, "next");
            previous = LinkOf(response, "prev") ?? previous;
        }

        Assert.That(forward, Is.EqualTo(all));
        var before = await _platform.GetAsync(previous!);
        Assert.That(Ids(before), Is.EqualTo(all.Skip((all.Count - 1) / 2 * 2 - 2).Take(2)));
    }

    [Test]
    public async Task A_reader_who_follows_the_log_sees_later_events_and_skips_none()
    {
        var membership = TestCaller.NewOrganization(Roles.Auditor);
        var client = _platform.Instances[0].As(TestCaller.Of(membership));
        async Task<(List<Guid> Ids, string Next)> ReadAsync(string query)
        {
            using var response = await client.GetAsync(new Uri("/api/audit-logs" + query, UriKind.Relative));
            return (Ids(await response.Content.ReadFromJsonAsync<JsonElement>()), LinkOf(response, "next")!);
        }

        var (ids, next) = await ReadAsync("?sort=seq&limit=3");
        Assert.That(ids, Is.Empty);
        var published = new List<Guid>();
        var seen = new List<Guid>();
        for (var round = 0; round < 4; round++)
        {
            var some = Enumerable.Range(0, round * 2).Select(_ => _platform.NewEvent(organization: membership.Id)).ToList();
            published.AddRange(some.Select(occurred => occurred.EventId));
            await _platform.PublishAsync(some);
            if (published.Count > 0)
            {
                await _platform.UntilSizeAsync(membership.Id, published.Count);
            }

            do
            {
                (ids, next) = await ReadAsync(next);
                seen.AddRange(ids);
            }
            while (ids.Count > 0);
        }

        Assert.That(seen, Is.EquivalentTo(published));
    }

    [Test]
    public async Task Words_are_found_in_the_message_and_in_what_it_was_done_to()
    {
        var membership = TestCaller.NewOrganization(Roles.Auditor);
        await _platform.PublishAsync(
            _platform.NewEvent(organization: membership.Id) with { Message = "Grace blocked the science environment." },
            _platform.NewEvent(organization: membership.Id) with { Message = "Grace let science go.", Target = new("e77", null, "thing") },
            _platform.NewEvent(organization: membership.Id) with { Message = "x", Target = new("t", "alan@example.org", "user") });
        await _platform.UntilSizeAsync(membership.Id, 3);
        async Task<long> CountAsync(string search) =>
            (await _platform.Instances[0].As(TestCaller.Of(membership)).GetFromJsonAsync<JsonElement>(
                $"/api/audit-logs?search={Uri.EscapeDataString(search)}")).GetProperty("total_count").GetInt64();
        Assert.That(
            (await CountAsync("Science"), await CountAsync("blocked science"), await CountAsync("science -blocked"),
                await CountAsync("\"science environment\""), await CountAsync("e77"), await CountAsync("alan@example.org"),
                await CountAsync("blocked or alan@example.org"), await CountAsync("nothing")),
            Is.EqualTo((2, 1, 1, 1, 1, 1, 2, 0)));
    }

    [TestCase("jsonl", "application/jsonl")]
    [TestCase("csv", "text/csv")]
    [TestCase("cloudevents", "application/jsonl")]
    [TestCase("ocsf", "application/jsonl")]
    [TestCase("cef", "text/plain")]
    public async Task A_page_is_given_in_other_formats_with_the_same_links(string format, string type)
    {
        using var plain = await _platform.Auditor().GetAsync(new Uri("/api/audit-logs?limit=2", UriKind.Relative));
        using var response = await _platform.Auditor().GetAsync(new Uri($"/api/audit-logs?limit=2&format={format}", UriKind.Relative));
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo(type));
        Assert.That(lines, Has.Length.EqualTo(format == "csv" ? 3 : 2));
        Assert.That(LinkOf(response, "next"), Does.Contain($"format={format}"));
        var ids = Ids(await plain.Content.ReadFromJsonAsync<JsonElement>());
        Assert.That(lines[^2], Does.Contain(ids[0].ToString()));
        Assert.That(lines[^1], Does.Contain(ids[1].ToString()));
    }

    [Test]
    public async Task The_catalogue_counts_what_happened_by_day()
    {
        var membership = TestCaller.NewOrganization(Roles.Auditor);
        var day = new DateTimeOffset(2026, 3, 1, 23, 59, 59, TimeSpan.Zero);
        await _platform.PublishAsync(
            _platform.NewEvent(organization: membership.Id) with { OccurredAt = day },
            _platform.NewEvent(organization: membership.Id) with { OccurredAt = day },
            _platform.NewEvent(organization: membership.Id) with { OccurredAt = day.AddSeconds(1) },
            _platform.NewEvent("token_created", membership.Id) with { OccurredAt = day.AddDays(-9) });
        await _platform.UntilSizeAsync(membership.Id, 4);
        var reader = _platform.Instances[0].As(TestCaller.Of(membership));
        var actions = (await reader.GetFromJsonAsync<JsonElement>("/api/audit-logs/actions?from_date=2026-02-25&to_date=2026-03-02"))
            .GetProperty("items").EnumerateArray().ToDictionary(action => action.GetProperty("action_key").GetString()!);
        Assert.That(actions["environment_logged"].GetProperty("count").GetInt64(), Is.EqualTo(3));
        Assert.That(
            actions["environment_logged"].GetProperty("days").EnumerateArray()
                .Select(one => (one.GetProperty("date").GetString(), one.GetProperty("count").GetInt64())),
            Is.EqualTo(new[] { ("2026-03-01", 2L), ("2026-03-02", 1L) }));
        Assert.That(actions["token_created"].GetProperty("count").GetInt64(), Is.Zero);
        using var tooLong = await reader.GetAsync(new Uri("/api/audit-logs/actions?from_date=2020-01-01", UriKind.Relative));
        Assert.That((int)tooLong.StatusCode, Is.EqualTo(422));
    }

    [TestCase("?format=xml", "query", "format")]
    [TestCase("?search=", "query", "search")]
    [TestCase("?search=!!", "query", "search")]
    [TestCase("?limit=0", "query", "limit")]
    [TestCase("?limit=1001", "query", "limit")]
    [TestCase("?limit=-1", "query", "limit")]
    [TestCase("?limit=ten", "query", "limit")]
    [TestCase("?offset=-1", "query", "offset")]
    [TestCase("?offset=100001", "query", "offset")]
    [TestCase("?offset=99999999999999999999", "query", "offset")]
    [TestCase("?sort=meta", "query", "sort")]
    [TestCase("?sort=", "query", "sort")]
    [TestCase("?search_operator=xor", "query", "search_operator")]
    [TestCase("?q=", "query", "q")]
    [TestCase("?q=nocolon", "query", "q")]
    [TestCase("?q=password:x", "query", "q")]
    [TestCase("?q=actor_id:", "query", "q")]
    [TestCase("?q=actor_id:,,", "query", "q")]
    [TestCase("?q=actor_id:a%00b", "query", "q")]
    [TestCase("?from_date=yesterday", "query", "from_date")]
    [TestCase("?to_date=2026-13-01", "query", "to_date")]
    [TestCase("?to_date=9999-12-31T23:59:59Z", "query", "to_date")]
    [TestCase("?after=forged", "query", "after")]
    [TestCase("?before=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "query", "before")]
    [TestCase("/not-a-uuid", "path", "id")]
    public async Task Invalid_input_is_422_and_says_where(string query, string place, string name)
    {
        using var response = await _platform.Auditor().GetAsync(new Uri("/api/audit-logs" + query, UriKind.Relative));
        var text = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(422), text);
        using var json = JsonDocument.Parse(text);
        var detail = json.RootElement.GetProperty("detail")[0];
        Assert.That(detail.GetProperty("loc").EnumerateArray().Select(part => part.GetString()), Is.EqualTo(new[] { place, name }));
        Assert.That(detail.GetProperty("msg").GetString(), Is.Not.Empty);
        Assert.That(detail.GetProperty("type").GetString(), Is.Not.Empty);
    }

    [Test]
    public async Task A_cursor_serves_only_the_list_that_it_was_made_for()
    {
        var cursor = (await _platform.GetAsync("?limit=1")).GetProperty("next_cursor").GetString();
        async Task<int> StatusAsync(string query, HttpClient? client = null) =>
            (int)(await (client ?? _platform.Auditor()).GetAsync(new Uri("/api/audit-logs" + query, UriKind.Relative))).StatusCode;
        Assert.That(await StatusAsync($"?limit=5&after={cursor}"), Is.EqualTo(200));
        Assert.That(await StatusAsync($"?after={cursor}&sort=seq"), Is.EqualTo(422));
        Assert.That(await StatusAsync($"?after={cursor}&q=actor_id:ada"), Is.EqualTo(422));
        Assert.That(await StatusAsync($"?after={cursor}&offset=1"), Is.EqualTo(422));
        Assert.That(
            await StatusAsync($"?after={cursor}", _platform.Instances[0].As(TestCaller.Of(TestCaller.NewOrganization()))), Is.EqualTo(422));
    }

    [Test]
    public async Task Who_may_read_which_log()
    {
        var own = _platform.Organization;
        var other = TestCaller.NewOrganization();
        var two = TestCaller.Of(own) with { Memberships = [own, other] };
        var operatorOnly = TestCaller.Of(own) with { Memberships = [], IsOperator = true };
        await _platform.PublishAsync(_platform.NewEvent("authentication_failure") with { OrganizationId = null, OrganizationName = null });
        await Eventually.BecomesTrueAsync(
            async () => await ReadAsync(operatorOnly, "platform") == (200, 1), "the operator's log has the event");
        async Task<(int, long?)> ReadAsync(TestCaller? caller, string? org, string version = "v1")
        {
            var client = _platform.Instances[0].As(caller);
            client.DefaultRequestHeaders.Add("X-API-Version", version);
            if (org is not null)
            {
                client.DefaultRequestHeaders.Add("X-Org-Name", org);
            }

            // The key that signs checkpoints is made when there is something to sign.
            using var response = await client.GetAsync(new Uri("/api/audit-logs?q=-action_key:audit_log_key_created", UriKind.Relative));
            return ((int)response.StatusCode, response.StatusCode == HttpStatusCode.OK
                ? (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("total_count").GetInt64()
                : null);
        }

        (TestCaller? Caller, string? Org, int Status, long? Total)[] expected =
        [
            (null, own.Slug, 401, null),
            (TestCaller.Of(own), own.Slug, 200, 6),
            (TestCaller.Of(own), own.Id.ToString(), 200, 6),
            (TestCaller.Of(own), null, 200, 6),
            (TestCaller.Of(own with { Role = Roles.Administrator }), null, 200, 6),
            (TestCaller.Of(own with { Role = Roles.Member }), null, 403, null),
            (TestCaller.Of(own with { Role = Roles.Member }), own.Slug, 403, null),
            (TestCaller.Of(own with { Products = ["environments"] }), own.Slug, 403, null),
            (TestCaller.Of(own with { Products = null }), null, 403, null),
            (TestCaller.Of(other), own.Slug, 404, null),
            (TestCaller.Of(own), "no-such-organization", 404, null),
            (two, null, 422, null),
            (two, own.Slug, 200, 6),
            (two, other.Slug, 200, 0),
            (TestCaller.Of(own), "platform", 404, null),
            (operatorOnly, "platform", 200, 1),
            (operatorOnly, Guid.Empty.ToString(), 200, 1),
            (operatorOnly, own.Slug, 404, null),
            (operatorOnly, null, 422, null),
        ];
        foreach (var (caller, org, status, total) in expected)
        {
            Assert.That(
                await ReadAsync(caller, org), Is.EqualTo((status, total)), $"{caller?.Memberships.FirstOrDefault()?.Role} asks for {org}");
        }

        Assert.That(await ReadAsync(TestCaller.Of(own), own.Slug, "v2"), Is.EqualTo((422, (long?)null)));
    }

    [Test]
    public async Task Anothers_event_is_404_by_its_id()
    {
        var stranger = _platform.Instances[0].As(TestCaller.Of(TestCaller.NewOrganization()));
        using var response = await stranger.GetAsync(new Uri($"/api/audit-logs/{_events[0].EventId}", UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task The_catalogue_names_every_action_with_its_category()
    {
        var actions = await _platform.GetAsync("/actions");
        var item = actions.GetProperty("items").EnumerateArray()
            .Single(action => action.GetProperty("action_key").GetString() == "user_added_to_group");
        Assert.That(actions.GetProperty("total_count").GetInt32(), Is.EqualTo(AuditActions.CategoryOf.Count));
        Assert.That((item.GetProperty("category").GetString(), item.GetProperty("display_name").GetString()),
            Is.EqualTo(("group", "User Added To Group")));
        var since = actions.GetProperty("items").EnumerateArray().ToDictionary(
            action => action.GetProperty("action_key").GetString()!, action => action.GetProperty("since").GetString());
        Assert.That((since["channel_created"], since["channel_updated"]), Is.EqualTo(((string?)null, "0.1.0")));
    }

    private static List<Guid> Ids(JsonElement page) =>
        [.. page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetGuid())];

    private static string? LinkOf(HttpResponseMessage response, string rel)
    {
        if (!response.Headers.TryGetValues("Link", out var values))
        {
            return null;
        }

        var link = string.Join(',', values).Split(", <").FirstOrDefault(part => part.EndsWith($"rel=\"{rel}\"", StringComparison.Ordinal));
        return link?.TrimStart('<').Split('>')[0]["/api/audit-logs".Length..];
    }
}
