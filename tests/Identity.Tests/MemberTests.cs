using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

using EnvPlatform.Identity.Members;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class MemberTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task A_removed_member_has_no_good_token_left_for_the_organization()
    {
        var org = await _host.CreateOrganizationAsync();
        var token = await _host.AddMemberAsync(org, "member");
        var id = (await _host.IntrospectAsync(token)).SubjectId;
        using var client = await _host.AsOperatorAsync();
        using var changed = await client.PatchAsJsonAsync($"/api/v1/orgs/{org}/members/{id}", new { role = "auditor" });
        Assert.That(changed.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await _host.IntrospectAsync(token)).Memberships.Single().Role, Is.EqualTo("auditor"));
        using var removed = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{id}", UriKind.Relative));
        Assert.That(removed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
    }

    [Test]
    public async Task The_last_administrator_can_neither_leave_nor_step_down()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var members = await (await client.GetAsync(new Uri($"/api/v1/orgs/{org}/members", UriKind.Relative))).JsonAsync();
        var id = (string)members["items"]![0]!["id"]!;
        using var down = await client.PatchAsJsonAsync($"/api/v1/orgs/{org}/members/{id}", new { role = "member" });
        using var leave = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{id}", UriKind.Relative));
        Assert.That(down.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(leave.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
    }

    [TestCase("demote", "demote")]
    [TestCase("demote", "remove")]
    [TestCase("demote", "suspend")]
    [TestCase("demote", "leave")]
    [TestCase("remove", "remove")]
    [TestCase("remove", "suspend")]
    [TestCase("remove", "leave")]
    [TestCase("suspend", "suspend")]
    [TestCase("suspend", "leave")]
    [TestCase("leave", "leave")]
    public async Task Of_two_administrators_who_end_each_other_or_themselves_at_once_one_stays(string first, string second)
    {
        for (var round = 0; round < 5; round++)
        {
            var org = await _host.CreateOrganizationAsync();
            var (one, other) = (await AdministratorAsync(org), await AdministratorAsync(org));
            using var boot = await _host.AsOperatorAsync();
            using var left = await boot.PostAsync(new Uri($"/api/v1/me/orgs/{org}/leave", UriKind.Relative), null);
            Assert.That(left.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
            var answers = await Task.WhenAll(EndAsync(first, org, one, other), EndAsync(second, org, other, one));
            var active = await _host.CountAsync(
                $"""
                select count(*) from active_memberships m join organizations o on o.id = m.org_id
                where o.slug = '{org}' and m.role = 'administrator'
                """);
            Assert.That(active, Is.EqualTo(1), string.Join(", ", answers.Select(answer => answer.StatusCode)));
            foreach (var answer in answers.Where(answer => !answer.IsSuccessStatusCode))
            {
                Assert.That((string?)(await answer.JsonAsync())["code"], Is.EqualTo("last_administrator").Or.EqualTo("not_found"));
            }
        }
    }

    [Test]
    public async Task Who_is_no_administrator_by_now_changes_nobody_whatever_its_token_said_when_the_request_came()
    {
        var org = await _host.CreateOrganizationAsync();
        var (id, stale) = await AdministratorAsync(org);
        using var boot = await _host.AsOperatorAsync();
        await boot.PatchAsJsonAsync($"/api/v1/orgs/{org}/members/{id}", new { role = "member" });
        using var up = await stale.PatchAsJsonAsync($"/api/v1/orgs/{org}/members/{id}", new { role = "administrator" });
        using var suspend = await stale.PostAsync(new Uri($"/api/v1/orgs/{org}/members/{id}/suspend", UriKind.Relative), null);
        await boot.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{id}", UriKind.Relative));
        using var back = await stale.PostAsync(new Uri($"/api/v1/orgs/{org}/members/{id}/reinstate", UriKind.Relative), null);
        Assert.That(
            new[] { up, suspend, back }.Select(response => response.StatusCode), Is.All.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task An_administrator_who_is_suspended_or_a_program_does_not_count_as_the_last()
    {
        var org = await _host.CreateOrganizationAsync();
        using var boot = await _host.AsOperatorAsync();
        var (other, _) = await AdministratorAsync(org);
        await boot.PostAsJsonAsync($"/api/v1/orgs/{org}/service-accounts", new { name = "robot", role = "administrator" });
        using var suspended = await boot.PostAsync(new Uri($"/api/v1/orgs/{org}/members/{other}/suspend", UriKind.Relative), null);
        using var leave = await boot.PostAsync(new Uri($"/api/v1/me/orgs/{org}/leave", UriKind.Relative), null);
        Assert.That(suspended.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((string?)(await leave.JsonAsync())["code"], Is.EqualTo("last_administrator"));
    }

    [Test]
    public async Task A_suspended_member_is_let_in_nowhere_until_it_is_resumed_and_the_gateways_hear_of_both()
    {
        var org = await _host.CreateOrganizationAsync();
        var token = await _host.AddMemberAsync(org, "auditor");
        var reply = await _host.IntrospectAsync(token, org);
        using var boot = await _host.AsOperatorAsync();
        var path = $"/api/v1/orgs/{org}/members/{reply.SubjectId}";
        var told = (await _host.OutboxAsync("TokenRevoked")).Count;
        for (var i = 0; i < 2; i++)
        {
            using var suspended = await boot.PostAsync(new Uri(path + "/suspend", UriKind.Relative), null);
            Assert.That((string?)(await suspended.JsonAsync())["state"], Is.EqualTo("suspended"), "also the second time");
        }

        Assert.That((await _host.IntrospectAsync(token, org)).Memberships, Is.Empty);
        var messages = await _host.OutboxAsync("TokenRevoked");
        Assert.That(messages.Skip(told).Select(one => one.ToJsonString()), Has.Exactly(1).Contains(reply.TokenId));
        using var resumed = await boot.PostAsync(new Uri(path + "/resume", UriKind.Relative), null);
        Assert.That((string?)(await resumed.JsonAsync())["state"], Is.EqualTo("active"));
        Assert.That((await _host.IntrospectAsync(token, org)).Memberships.Single().Role, Is.EqualTo("auditor"));
        foreach (var action in new[] { "organization_user_suspended", "organization_user_resumed" })
        {
            Assert.That((await AboutAsync(action, reply.SubjectId)).Count, Is.EqualTo(1), action + ": what changes nothing is no event");
        }
    }

    [Test]
    public async Task A_removed_member_is_reinstated_as_it_was_and_its_tokens_stay_revoked()
    {
        var org = await _host.CreateOrganizationAsync();
        var address = $"{Guid.CreateVersion7():N}@example.org";
        var token = await _host.AddMemberAsync(org, "security_manager", address);
        var id = (await _host.IntrospectAsync(token)).SubjectId;
        using var boot = await _host.AsOperatorAsync();
        var path = $"/api/v1/orgs/{org}/members/{id}";
        using var removed = await boot.DeleteAsync(new Uri(path, UriKind.Relative));
        Assert.That(removed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(await NamesAsync(boot, org, ""), Has.None.EqualTo(id));
        Assert.That(await NamesAsync(boot, org, "?state=removed"), Is.EqualTo(new[] { id }));
        using var again = await boot.DeleteAsync(new Uri(path, UriKind.Relative));
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var change = await boot.PatchAsJsonAsync(path, new { role = "administrator" });
        Assert.That(change.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        for (var i = 0; i < 2; i++)
        {
            using var back = await boot.PostAsync(new Uri(path + "/reinstate", UriKind.Relative), null);
            Assert.That((string?)(await back.JsonAsync())["role"], Is.EqualTo("security_manager"));
        }

        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        Assert.That((await _host.IntrospectAsync(await _host.SignInAsync(address), org)).Memberships, Has.Count.EqualTo(1));
        var said = await AboutAsync("organization_user_reinstated", id);
        Assert.That(said, Has.Count.EqualTo(1));
        Assert.That(said[0]["meta"]!["changed"]!.ToJsonString(), Is.EqualTo("""["state"]"""));
        await boot.PostAsync(new Uri(path + "/suspend", UriKind.Relative), null);
        using var wrong = await boot.PostAsync(new Uri(path + "/reinstate", UriKind.Relative), null);
        Assert.That((string?)(await wrong.JsonAsync())["code"], Is.EqualTo("member_state"));
    }

    [TestCase("administrator", HttpStatusCode.Forbidden)]
    [TestCase("auditor", HttpStatusCode.OK)]
    public async Task Whoever_lets_an_administrator_back_in_gives_its_password(string role, HttpStatusCode byToken)
    {
        var org = await _host.CreateOrganizationAsync();
        var address = $"{Guid.CreateVersion7():N}@example.org";
        using var token = await _host.AsBearerOfAsync(await _host.AddMemberAsync(org, "administrator", address));
        var id = (await _host.IntrospectAsync(await _host.AddMemberAsync(org, role))).SubjectId;
        var path = $"/api/v1/orgs/{org}/members/{id}";
        using var suspended = await token.PostAsync(new Uri(path + "/suspend", UriKind.Relative), null);
        Assert.That(suspended.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var refused = await token.PostAsync(new Uri(path + "/resume", UriKind.Relative), null);
        Assert.That(refused.StatusCode, Is.EqualTo(byToken));
        Assert.That((string?)(await refused.JsonAsync())["code"], Is.EqualTo(byToken == HttpStatusCode.OK ? null : "step_up_required"));
        using var session = await _host.AsBearerOfAsync(await _host.SignInAsync(address));
        using var resumed = await session.PostAsync(new Uri(path + "/resume", UriKind.Relative), null);
        Assert.That((string?)(await resumed.JsonAsync())["state"], Is.EqualTo("active"));
    }

    [TestCase(89, false, true)]
    [TestCase(91, false, false)]
    [TestCase(89, true, true)]
    [TestCase(91, true, false)]
    public async Task Groups_and_seats_of_who_was_removed_are_given_back_for_ninety_days(int days, bool swept, bool given)
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var id = (await _host.IntrospectAsync(await _host.AddMemberAsync(ada.Org, "member"))).SubjectId;
        var group = (string)(await ada.OkAsync("POST", "groups", new { name = "labs" }))["id"]!;
        await ada.OkAsync("PUT", $"groups/{group}/members/{id}");
        await ada.OkAsync(
            "PATCH", "products", new { products = new[] { new { product = "environments", limit = 9, auto_assign = false } } });
        await ada.SendAsync("PUT", $"products/environments/seats/{id}");
        await ada.OkAsync("DELETE", $"members/{id}");
        await _host.ExecuteAsync($"update memberships set removed_at = now() - interval '{days} days' where subject_id = '{id}'");
        if (swept)
        {
            await _host.Service.Services.GetRequiredService<ForgetFormerMembers>().RunAsync(CancellationToken.None);
            Assert.That(
                await _host.CountAsync($"select count(*) from memberships where subject_id = '{id}' and left_groups <> '{{}}'"),
                Is.EqualTo(given ? 1 : 0));
        }

        await ada.OkAsync("POST", $"members/{id}/reinstate");
        Assert.That(await ada.ListAsync($"groups/{group}/members", "id"), Is.EqualTo(given ? new[] { id } : []));
        Assert.That(await ada.ListAsync("products/environments/seats", "user_id"), given ? Has.Member(id) : Has.No.Member(id));
    }

    [Test]
    public async Task Who_leaves_one_organization_stays_in_the_other_and_its_session_too()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var address = $"{Guid.CreateVersion7():N}@example.org";
        var token = await _host.AddMemberAsync(org, "member", address);
        var session = await _host.SignInAsync(address);
        using var client = await _host.AsBearerOfAsync(session);
        await client.PostAsJsonAsync("/api/v1/me/invitations/accept", new { token = await _host.InviteAsync(other, "member", address) });
        using var both = await _host.AsBearerOfAsync(session);
        using var left = await both.PostAsync(new Uri($"/api/v1/me/orgs/{org}/leave", UriKind.Relative), null);
        Assert.That(left.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await _host.IntrospectAsync(token)).Active, Is.False);
        var reply = await _host.IntrospectAsync(session);
        Assert.That(reply.Memberships.Select(one => one.Slug), Is.EqualTo(new[] { other }));
        Assert.That(await AboutAsync("organization_user_left", reply.SubjectId), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Members_see_names_and_roles_of_the_active_and_auditors_see_all()
    {
        var org = await _host.CreateOrganizationAsync();
        var address = $"{Guid.CreateVersion7():N}@example.org";
        var gone = (await _host.IntrospectAsync(await _host.AddMemberAsync(org, "member", address))).SubjectId;
        using var boot = await _host.AsOperatorAsync();
        await boot.PostAsync(new Uri($"/api/v1/orgs/{org}/members/{gone}/suspend", UriKind.Relative), null);
        using var member = await _host.AsNewMemberAsync(org);
        using var auditor = await _host.AsNewMemberAsync(org, "auditor");
        var path = $"/api/v1/orgs/{org}/members";
        var seen = await GetAsync(member, path);
        Assert.That((int)seen["total_count"]!, Is.EqualTo(3));
        Assert.That(seen.ToJsonString(), Does.Not.Contain("@example.org").And.Not.Contain(gone));
        Assert.That((string?)seen["items"]![0]!["role"], Is.Not.Null);
        Assert.That(seen["items"]!.AsArray().SelectMany(item => item!.AsObject().Where(field => field.Value is not null))
            .Select(field => field.Key).Distinct(), Is.EquivalentTo(new[] { "id", "display_name", "role" }));
        Assert.That((int)(await GetAsync(member, $"{path}?search={address}"))["total_count"]!, Is.Zero, "no address is found out");
        using var one = await member.GetAsync(new Uri($"{path}/{gone}", UriKind.Relative));
        Assert.That(one.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var state = await member.GetAsync(new Uri(path + "?state=suspended", UriKind.Relative));
        Assert.That(state.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        using var sort = await member.GetAsync(new Uri(path + "?sort=email", UriKind.Relative));
        Assert.That(sort.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        var all = await GetAsync(auditor, $"{path}?search={address.ToUpperInvariant()}&state=suspended");
        Assert.That((string?)all["items"]![0]!["id"], Is.EqualTo(gone));
        using var write = await auditor.DeleteAsync(new Uri($"{path}/{gone}", UriKind.Relative));
        Assert.That(write.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [TestCase("name")]
    [TestCase("-name")]
    [TestCase("email")]
    [TestCase("role")]
    [TestCase("-joined_at")]
    [TestCase("-last_active_at")]
    public async Task Pages_in_any_order_hold_everybody_once(string sort)
    {
        var org = await _host.CreateOrganizationAsync();
        await _host.ExecuteAsync(
            $"""
            with people as (
                insert into subjects (id, type, email, display_name, created_at)
                select gen_random_uuid(), 'user', 'page-' || gen_random_uuid() || '@example.org',
                    (array['Zoë', 'Ada', 'ada', 'Émile'])[n % 4 + 1], now()
                from generate_series(1, 25) n
                returning id)
            insert into memberships (org_id, subject_id, role, created_at)
            select o.id, p.id, 'member', now() from people p, organizations o where o.slug = '{org}'
            """);
        using var boot = await _host.AsOperatorAsync();
        var (ids, cursor) = (new List<string>(), "");
        do
        {
            var page = await GetAsync(boot, $"/api/v1/orgs/{org}/members?limit=7&sort={sort}{cursor}");
            Assert.That((int)page["total_count"]!, Is.EqualTo(26));
            ids.AddRange(page["items"]!.AsArray().Select(item => (string)item!["id"]!));
            cursor = (string?)page["next_cursor"] is { } next ? "&cursor=" + Uri.EscapeDataString(next) : "";
        }
        while (cursor.Length > 0);
        Assert.That(ids, Is.Unique.And.Count.EqualTo(26));
        var found = await GetAsync(boot, $"/api/v1/orgs/{org}/members?search={Uri.EscapeDataString("e\u0301MILE")}&role=member");
        Assert.That((int)found["total_count"]!, Is.GreaterThan(0), "case and composition of letters do not matter");
    }

    [Test]
    public async Task Members_show_their_groups_and_seats_and_are_found_by_them()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var (one, two) = (await _host.AddMemberAsync(ada.Org, "member"), await _host.AddMemberAsync(ada.Org, "member"));
        var (id, other) = ((await _host.IntrospectAsync(one)).SubjectId, (await _host.IntrospectAsync(two)).SubjectId);
        var labs = (string)(await ada.OkAsync("POST", "groups", new { name = "Labs" }))["id"]!;
        var apes = (string)(await ada.OkAsync("POST", "groups", new { name = "Apes" }))["id"]!;
        await ada.OkAsync("PUT", $"groups/{labs}/members/{id}");
        await ada.OkAsync("PUT", $"groups/{apes}/members/{id}");
        await ada.OkAsync("DELETE", $"products/environments/seats/{other}");
        var shown = await ada.OkAsync("GET", $"members/{id}");
        Assert.That(
            shown["groups"]!.AsArray().Select(group => $"{group!["id"]} {group["name"]}"),
            Is.EqualTo(new[] { $"{apes} Apes", $"{labs} Labs" }));
        Assert.That(shown["products"]!.AsArray().Select(name => (string?)name), Is.EquivalentTo(new[] { "environments", "audit_api" }));
        var all = (await ada.OkAsync("GET", "members"))["items"]!.AsArray();
        Assert.That(all.Single(item => (string?)item!["id"] == id)!.ToJsonString(), Is.EqualTo(shown.ToJsonString()));
        var without = all.Single(item => (string?)item!["id"] == other)!;
        Assert.That((without["groups"]!.ToJsonString(), without["products"]!.ToJsonString()), Is.EqualTo(("[]", "[\"audit_api\"]")));

        Assert.That(await ada.ListAsync($"members?group={labs}", "id"), Is.EqualTo(new[] { id }));
        Assert.That(await ada.ListAsync("members?group=LABS", "id"), Is.EqualTo(new[] { id }));
        Assert.That(await ada.ListAsync("members?group=nothing", "id"), Is.Empty);
        Assert.That(await ada.ListAsync("members?seat=environments&role=member", "id"), Is.EqualTo(new[] { id }));
        Assert.That(await ada.ListAsync("members?seat=audit_api&role=member", "id"), Is.EquivalentTo(new[] { id, other }));
        Assert.That((await ada.RefusedAsync("GET", "members?seat=books")).Status, Is.EqualTo(400));
        await ada.OkAsync("DELETE", $"members/{id}");
        var gone = await ada.OkAsync("GET", $"members/{id}");
        Assert.That((gone["groups"]!.ToJsonString(), gone["products"]!.ToJsonString()), Is.EqualTo(("[]", "[]")));
        Assert.That(await ada.ListAsync("members?seat=audit_api&state=removed", "id"), Is.Empty);

        using var member = await _host.AsBearerOfAsync(two);
        foreach (var filter in new[] { $"group={labs}", "seat=environments" })
        {
            using var refused = await member.GetAsync(new Uri($"/api/v1/orgs/{ada.Org}/members?{filter}", UriKind.Relative));
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden), "who is in a group is not everybody's to know");
        }
    }

    [Test]
    public async Task Lists_find_and_sort_people_by_the_name_that_they_have_now()
    {
        var org = await _host.CreateOrganizationAsync();
        using var boot = await _host.AsOperatorAsync();
        var (id, _) = await AdministratorAsync(org);
        await _host.ExecuteAsync($"update subjects set display_name = 'Ångström', email = 'å-' || email where id = '{id}'");
        var found = await GetAsync(boot, $"/api/v1/orgs/{org}/members?search={Uri.EscapeDataString("ÅNGS")}");
        Assert.That((string?)found["items"]!.AsArray().Single()!["id"], Is.EqualTo(id));
        Assert.That((int)found["total_count"]!, Is.EqualTo(1));
        foreach (var sort in new[] { "name", "email" })
        {
            var sorted = await GetAsync(boot, $"/api/v1/orgs/{org}/members?sort={sort}");
            Assert.That((string?)sorted["items"]![1]!["id"], Is.EqualTo(id), $"by {sort} behind all that is ASCII");
        }
    }

    [Test]
    public async Task A_name_that_changes_while_the_person_joins_is_not_missed()
    {
        var org = await _host.CreateOrganizationAsync();
        var id = Guid.CreateVersion7();
        await _host.ExecuteAsync(
            $"insert into subjects (id, type, email, display_name, created_at) values ('{id}', 'user', '{id}@example.org', 'Old', now())");
        await using var connection = await _host.Db.OpenConnectionAsync();
        await using var joining = await connection.BeginTransactionAsync();
        await using var join = new Npgsql.NpgsqlCommand(
            $"""
            insert into memberships (org_id, subject_id, role, created_at)
            select id, '{id}', 'member', now() from organizations where slug = '{org}'
            """, connection, joining);
        await join.ExecuteNonQueryAsync();
        var renaming = _host.ExecuteAsync($"update subjects set display_name = 'New' where id = '{id}'");
        const string waiting =
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like 'update subjects%'
            """;
        await Eventually.BecomesTrueAsync(
            async () => await _host.CountAsync(waiting) == 1 || renaming.IsCompleted, "The change waits for who joins.");
        await joining.CommitAsync();
        await renaming;
        using var boot = await _host.AsOperatorAsync();
        Assert.That((int)(await GetAsync(boot, $"/api/v1/orgs/{org}/members?search=new"))["total_count"]!, Is.EqualTo(1));
    }

    [Test]
    public async Task A_member_shows_the_day_on_which_it_was_last_active_in_the_organization()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        var token = await _host.AddMemberAsync(org, "member");
        using var boot = await _host.AsOperatorAsync();
        var id = (await GetAsync(boot, $"/api/v1/orgs/{org}/members?role=member"))["items"]![0]!["id"];
        Assert.That((await GetAsync(boot, $"/api/v1/orgs/{org}/members/{id}"))["last_active_at"], Is.Null);
        await _host.IntrospectAsync(token, other);
        Assert.That((await GetAsync(boot, $"/api/v1/orgs/{org}/members/{id}"))["last_active_at"], Is.Null, "used elsewhere");
        var before = TimeProvider.System.GetUtcNow().UtcDateTime.Date;
        await _host.IntrospectAsync(token, org);
        var shown = (DateTimeOffset)(await GetAsync(boot, $"/api/v1/orgs/{org}/members/{id}"))["last_active_at"]!;
        Assert.That(shown.UtcDateTime, Is.EqualTo(before).Or.EqualTo(before.AddDays(1)));
    }

    [Test]
    public async Task A_change_that_is_meant_for_an_older_version_is_refused()
    {
        var org = await _host.CreateOrganizationAsync();
        var (id, _) = await AdministratorAsync(org);
        using var boot = await _host.AsOperatorAsync();
        using var first = await ChangeAsync("\"1\"", "auditor");
        using var stale = await ChangeAsync("\"1\"", "member");
        Assert.That(first.Headers.ETag!.Tag, Is.EqualTo("\"2\""));
        Assert.That(stale.StatusCode, Is.EqualTo(HttpStatusCode.PreconditionFailed));

        async Task<HttpResponseMessage> ChangeAsync(string version, string role)
        {
            using var request = new HttpRequestMessage(HttpMethod.Patch, $"/api/v1/orgs/{org}/members/{id}");
            request.Content = JsonContent.Create(new { role });
            request.Headers.TryAddWithoutValidation("If-Match", version);
            return await boot.SendAsync(request);
        }
    }

    [Test]
    public async Task Other_organizations_are_kept_out()
    {
        var org = await _host.CreateOrganizationAsync();
        using var stranger = await _host.AsNewMemberAsync(await _host.CreateOrganizationAsync(), "administrator");
        var path = new Uri($"/api/v1/orgs/{org}/members", UriKind.Relative);
        Assert.That((await stranger.GetAsync(path)).StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [TestCase("""{"email":"no address","display_name":"x","role":"member"}""", "email")]
    [TestCase("""{"email":"a@b.c","display_name":"x","role":"owner"}""", "role")]
    [TestCase("""{"email":"a@b.c","role":"member"}""", "display_name")]
    public async Task Bad_input_is_refused_by_field(string body, string field)
    {
        using var client = await _host.AsOperatorAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri("/api/v1/orgs/default/members", UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await response.JsonAsync())["errors"]!.AsObject().Select(member => member.Key), Is.EqualTo(new[] { field }));
    }

    private static async Task<JsonObject> GetAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return await response.JsonAsync();
    }

    private static async Task<string[]> NamesAsync(HttpClient client, string org, string query) =>
    [
        .. (await GetAsync(client, $"/api/v1/orgs/{org}/members{query}"))["items"]!.AsArray().Select(item => (string)item!["id"]!),
    ];

    /// <summary>How one administrator ends another, or itself.</summary>
    private static Task<HttpResponseMessage> EndAsync(
        string how, string org, (string Id, HttpClient Client) actor, (string Id, HttpClient Client) target) => how switch
        {
            "demote" => actor.Client.PatchAsJsonAsync($"/api/v1/orgs/{org}/members/{target.Id}", new { role = "member" }),
            "remove" => actor.Client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/members/{target.Id}", UriKind.Relative)),
            "suspend" => actor.Client.PostAsync(new Uri($"/api/v1/orgs/{org}/members/{target.Id}/suspend", UriKind.Relative), null),
            _ => actor.Client.PostAsync(new Uri($"/api/v1/me/orgs/{org}/leave", UriKind.Relative), null),
        };

    private async Task<(string Id, HttpClient Client)> AdministratorAsync(string org)
    {
        var token = await _host.AddMemberAsync(org, "administrator");
        return ((await _host.IntrospectAsync(token)).SubjectId, await _host.AsBearerOfAsync(token));
    }

    private async Task<List<JsonObject>> AboutAsync(string action, string id) =>
        [.. (await _host.AuditAsync(action)).Where(one => (string?)one["target"]!["id"] == id)];
}
