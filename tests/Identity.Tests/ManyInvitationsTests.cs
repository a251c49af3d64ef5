using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Identity.Tests;

/// <summary>Invitations of many people: in one request, by a link, and what becomes of them together.</summary>
[TestFixture]
public sealed class ManyInvitationsTests
{
    private IdentityHost _host = null!;
    private HttpClient _nobody = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _host = await IdentityHost.StartAsync();
        _nobody = _host.Service.AsForwarded();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _nobody.Dispose();
        await _host.DisposeAsync();
    }

    [Test]
    public async Task Each_address_of_a_batch_has_its_result()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var (member, suspended, invited, fresh) = (NewAddress(), NewAddress(), NewAddress(), NewAddress());
        await _host.AddMemberAsync(org, "member", member);
        var id = (await _host.IntrospectAsync(await _host.AddMemberAsync(org, "member", suspended))).SubjectId;
        await client.PostAsync(new Uri($"/api/v1/orgs/{org}/members/{id}/suspend", UriKind.Relative), null);
        var first = await InviteAsync(client, org, "member", invited);
        var results = await InviteAsync(
            client, org, "auditor", member.ToUpperInvariant(), suspended, invited, fresh, fresh, "no address", "a@b, c@d.example");
        Assert.That(
            results.Select(one => ((int)one!["status"]!, (string?)one["code"])), Is.EqualTo(new (int, string?)[]
            {
                (409, "member_exists"), (409, "member_suspended"), (409, "invitation_exists"), (201, null), (409, "invitation_exists"),
                (400, "invalid_email"), (400, "invalid_email"),
            }));
        Assert.That((string?)results[2]!["id"], Is.EqualTo((string?)first[0]!["id"]), "the open one");
        Assert.That((string?)results[3]!["link"], Is.EqualTo("http://127.0.0.1:8080/invitations/" + (string?)results[3]!["token"]));
        Assert.That((await _host.AuditAsync("invitation_created")).Count(one => (string?)one["target"]!["email"] == fresh), Is.EqualTo(1));
        foreach (var (address, code) in new[] { (member, "member_exists"), (suspended, "member_suspended"), (fresh, "invitation_exists") })
        {
            using var alone = await SendAsync(client, org, new { emails = new[] { address }, role = "member" });
            Assert.That(alone.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
            Assert.That((string?)(await alone.JsonAsync())["code"], Is.EqualTo(code));
        }
    }

    [Test]
    public async Task Limits_and_terms_of_invitations_are_kept()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var late = TimeProvider.System.GetUtcNow().AddDays(31);
        foreach (var (body, field) in new (object, string)[]
        {
            (new { role = "member" }, "emails"),
            (new { role = "member", emails = Array.Empty<string>() }, "emails"),
            (new { role = "member", emails = Enumerable.Range(0, 201).Select(_ => NewAddress()) }, "emails"),
            (new { role = "member", emails = new[] { NewAddress() }, link = new { max_uses = 1 } }, "emails"),
            (new { role = "owner", emails = new[] { NewAddress() } }, "role"),
            (new { role = "auditor", link = new { max_uses = 1 } }, "role"),
            (new { role = "member", link = new { max_uses = 501 } }, "link.max_uses"),
            (new { role = "member", link = new { max_uses = 5, email_domain = "no domain" } }, "link.email_domain"),
            (new { role = "member", emails = new[] { NewAddress() }, expires_at = late }, "expires_at"),
            (new { role = "member", emails = new[] { NewAddress() }, message = new string('x', 1_001) }, "message"),
            (new { role = "member", emails = new[] { NewAddress() }, message = "\u001b[2J" }, "message"),
        })
        {
            using var refused = await SendAsync(client, org, body);
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), field);
            Assert.That((await refused.JsonAsync())["errors"]!.AsObject().Select(one => one.Key), Does.Contain(field));
        }

        await InviteAsync(client, org, "member", [.. Enumerable.Range(0, 200).Select(_ => NewAddress())]);
        await _host.ExecuteAsync(
            $"""
            update invitations set sends = 249
            where id = (select i.id from invitations i join organizations o on o.id = i.org_id where o.slug = '{org}' limit 1)
            """);
        var answers = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => SendAsync(
            client, org, new { role = "member", emails = Enumerable.Range(0, 30).Select(_ => NewAddress()) })));
        Assert.That(
            answers.Select(one => one.StatusCode),
            Is.EquivalentTo(new[] { HttpStatusCode.OK, HttpStatusCode.TooManyRequests }), "500 a day");
        var another = await _host.CreateOrganizationAsync();
        using var there = await _host.AsOperatorAsync();
        using var other = await SendAsync(there, another, new { role = "member", emails = new[] { NewAddress() } });
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.OK), "each organization has its own");
    }

    [Test]
    public async Task A_link_lets_in_as_many_as_it_says_and_each_once()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var token = await LinkAsync(client, org, 3);
        var addresses = Enumerable.Range(0, 8).Select(_ => NewAddress()).ToArray();
        var answers = await Task.WhenAll(addresses.Select(address => JoinAsync(token, address)));
        Assert.That(answers.Count(one => one.IsSuccessStatusCode), Is.EqualTo(3));
        Assert.That(
            await _host.CountAsync(
                $"""
                select count(*) from active_memberships m join organizations o on o.id = m.org_id
                where o.slug = '{org}' and m.role = 'member'
                """),
            Is.EqualTo(3));
        var shown = (await ListAsync(client, org))[0]!;
        Assert.That(
            ((string?)shown["kind"], (string?)shown["state"], (int)shown["uses"]!), Is.EqualTo(((string?)"link", (string?)"accepted", 3)));

        // Who has an account follows a link with it; who is a member already uses none up.
        var again = await LinkAsync(client, org, 1);
        var inside = addresses[Array.FindIndex(answers, one => one.IsSuccessStatusCode)];
        using var session = await _host.AsBearerOfAsync(await _host.SignInAsync(inside));
        using var same = await session.PostAsJsonAsync("/api/v1/me/invitations/accept", new { token = again });
        Assert.That((await same.JsonAsync())["token"], Is.Null);
        using var late = await JoinAsync(again, NewAddress());
        Assert.That(late.StatusCode, Is.EqualTo(HttpStatusCode.OK), await late.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task Who_was_removed_comes_back_by_a_new_invitation_and_not_by_one_from_before_or_a_link()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var link = await LinkAsync(client, org, 10);
        var address = NewAddress();
        var id = (await _host.IntrospectAsync(await _host.AddMemberAsync(org, "auditor", address))).SubjectId;
        using var session = await _host.AsBearerOfAsync(await _host.SignInAsync(address));
        var path = $"/api/v1/orgs/{org}/members/{id}";
        await client.PostAsync(new Uri(path + "/suspend", UriKind.Relative), null);
        using var suspended = await session.PostAsJsonAsync("/api/v1/me/invitations/accept", new { token = link });
        Assert.That((string?)(await suspended.JsonAsync())["code"], Is.EqualTo("member_suspended"));
        await client.DeleteAsync(new Uri(path, UriKind.Relative));
        using var removed = await session.PostAsJsonAsync("/api/v1/me/invitations/accept", new { token = link });
        Assert.That((string?)(await removed.JsonAsync())["code"], Is.EqualTo("invitation_revoked"));
        var token = (string?)(await InviteAsync(client, org, "member", address))[0]!["token"];
        for (var i = 0; i < 2; i++)
        {
            using var back = await session.PostAsJsonAsync("/api/v1/me/invitations/accept", new { token });
            Assert.That(back.StatusCode, Is.EqualTo(HttpStatusCode.OK), $"time {i}");
            Assert.That((await back.JsonAsync())["token"] is null, Is.EqualTo(i == 1), "a token is shown once");
        }

        var reply = await _host.IntrospectAsync(await _host.SignInAsync(address), org);
        Assert.That((reply.SubjectId, reply.Memberships.Single().Role), Is.EqualTo((id, "member")), "the same person");
    }

    [Test]
    public async Task A_token_says_who_invites_whom_where_until_when_and_no_more_and_looking_changes_nothing()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var invited = (await InviteAsync(client, org, "administrator", "somebody-with-a-long-name@example.org"))[0]!;
        var token = (string?)invited["token"];
        for (var i = 0; i < 2; i++)
        {
            using var seen = await _nobody.PostAsJsonAsync("/api/v1/invitations/lookup", new { token });
            var facts = await seen.JsonAsync();
            Assert.That(seen.Headers.CacheControl!.NoStore, Is.True);
            Assert.That(facts.Select(one => one.Key), Is.EquivalentTo(new[] { "organization", "invited_by", "email", "expires_at" }));
            Assert.That(
                ((string?)facts["organization"], (string?)facts["invited_by"], (string?)facts["email"]),
                Is.EqualTo(("Organization", "Administrator", "s***@example.org")));
        }

        using var declined = await _nobody.PostAsJsonAsync("/api/v1/invitations/decline", new { token });
        Assert.That(declined.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        using var gone = await _nobody.PostAsJsonAsync("/api/v1/invitations/lookup", new { token });
        Assert.That(gone.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(
            (await _host.AuditAsync("invitation_declined")).Count(one => (string?)one["target"]!["id"] == (string?)invited["id"]),
            Is.EqualTo(2), "for the organization and for the operator");
        using var link = await _nobody.PostAsJsonAsync("/api/v1/invitations/decline", new { token = await LinkAsync(client, org, 1) });
        Assert.That((string?)(await link.JsonAsync())["code"], Is.EqualTo("invitation_link"));
    }

    [Test]
    public async Task Many_are_resent_or_withdrawn_together_and_those_of_others_are_not()
    {
        var (org, other) = (await _host.CreateOrganizationAsync(), await _host.CreateOrganizationAsync());
        using var client = await _host.AsOperatorAsync();
        var mine = await InviteAsync(client, org, "member", NewAddress(), NewAddress());
        var theirs = await InviteAsync(client, other, "member", NewAddress());
        var ids = mine.Concat(theirs).Select(one => (string?)one!["id"]).ToArray();
        using var resent = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/invitations/bulk", new { ids, action = "resend" });
        var results = (await resent.JsonAsync())["results"]!.AsArray();
        Assert.That(
            ids.Select(id => (int)results.Single(one => (string?)one!["id"] == id)!["status"]!), Is.EqualTo(new[] { 200, 200, 404 }));
        using var dead = await JoinAsync((string)mine[0]!["token"]!, null);
        Assert.That(dead.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using var revoked = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/invitations/bulk", new { ids, action = "revoke" });
        Assert.That(revoked.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await ListAsync(client, org, "?state=revoked")).Count, Is.EqualTo(2));
        Assert.That((await ListAsync(client, other, "?state=pending,failed")).Count, Is.EqualTo(1));
        var found = await ListAsync(client, other, $"?search={((string)theirs[0]!["email"]!).ToUpperInvariant()}");
        Assert.That(found, Has.Count.EqualTo(1));
        using var bad = await client.GetAsync(new Uri($"/api/v1/orgs/{org}/invitations?state=open", UriKind.Relative));
        Assert.That(bad.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task Settings_say_whose_addresses_may_be_invited_and_for_how_long()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        await _host.ExecuteAsync(
            $$"""
            update organization_settings set allowed_email_domains = '{example.net}', invitation_days = 2
            where org_id = (select id from organizations where slug = '{{org}}')
            """);
        var results = await InviteAsync(client, org, "member", "a@example.net", "a@sub.example.net", "a@example.org");
        Assert.That(
            results.Select(one => (string?)one!["code"]),
            Is.EqualTo(new[] { null, "email_domain_not_allowed", "email_domain_not_allowed" }));
        Assert.That(
            (DateTimeOffset)results[0]!["expires_at"]!,
            Is.EqualTo(TimeProvider.System.GetUtcNow().AddDays(2)).Within(TimeSpan.FromMinutes(10)));
        using var anybody = await SendAsync(client, org, new { role = "member", link = new { max_uses = 2 } });
        Assert.That(anybody.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), "a link for everybody would let others in");
    }

    [Test]
    public async Task An_invitation_gives_the_groups_that_are_there_still_and_the_seats_that_it_promised()
    {
        var org = await _host.CreateOrganizationAsync();
        using var client = await _host.AsOperatorAsync();
        var groups = new List<string>();
        foreach (var name in new[] { "stays", "goes" })
        {
            using var made = await client.PostAsJsonAsync($"/api/v1/orgs/{org}/groups", new { name });
            groups.Add((string)(await made.JsonAsync())["id"]!);
        }

        using var limited = await client.PatchAsJsonAsync(
            $"/api/v1/orgs/{org}/products", new { products = new[] { new { product = "environments", limit = 2, auto_assign = false } } });
        Assert.That(limited.StatusCode, Is.EqualTo(HttpStatusCode.OK), await limited.Content.ReadAsStringAsync());
        object With(string email) =>
            new { emails = new[] { email }, role = "member", group_ids = groups, products = new[] { "environments" } };
        var address = NewAddress();
        using var first = await SendAsync(client, org, With(address));
        Assert.That(first.StatusCode, Is.EqualTo(HttpStatusCode.OK), await first.Content.ReadAsStringAsync());
        using var full = await SendAsync(client, org, With(NewAddress()));
        Assert.That((string?)(await full.JsonAsync())["code"], Is.EqualTo("seats_exhausted"), "one has the operator, one is promised");
        await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/groups/{groups[1]}", UriKind.Relative));
        using var joined = await JoinAsync((string)(await first.JsonAsync())["results"]![0]!["token"]!, null);
        var reply = await _host.IntrospectAsync((string)(await joined.JsonAsync())["token"]!, org);
        Assert.That(reply.Memberships.Single().Products, Does.Contain("environments"));
        var added = (await _host.AuditAsync("organization_user_added")).Single(one => (string?)one["target"]!["id"] == reply.SubjectId);
        Assert.That(added["meta"]!["groups"]!.ToJsonString(), Is.EqualTo("""["stays"]"""));
        Assert.That((int)added["meta"]!["groups_gone"]!, Is.EqualTo(1));

        // Removed and reinstated, the person has both again; in between the seat is free, and an invitation that ends gives it back.
        var path = $"/api/v1/orgs/{org}/members/{reply.SubjectId}";
        await client.DeleteAsync(new Uri(path, UriKind.Relative));
        groups.RemoveAt(1);
        using var second = await SendAsync(client, org, With(NewAddress()));
        var id = (string?)(await second.JsonAsync())["results"]![0]!["id"];
        using var withdrawn = await client.DeleteAsync(new Uri($"/api/v1/orgs/{org}/invitations/{id}", UriKind.Relative));
        Assert.That(withdrawn.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        using var back = await client.PostAsync(new Uri(path + "/reinstate", UriKind.Relative), null);
        Assert.That(back.StatusCode, Is.EqualTo(HttpStatusCode.OK), await back.Content.ReadAsStringAsync());
        var said = (await _host.AuditAsync("organization_user_reinstated")).Single(one => (string?)one["target"]!["id"] == reply.SubjectId);
        Assert.That(
            (said["meta"]!["groups"]!.ToJsonString(), said["meta"]!["products"]!.ToJsonString()),
            Is.EqualTo(("""["stays"]""", """["environments"]""")));
        using var unknown = await SendAsync(
            client, org, new { emails = new[] { NewAddress() }, role = "member", group_ids = new[] { Guid.CreateVersion7() } });
        Assert.That(unknown.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private static string NewAddress() => $"{Guid.CreateVersion7():N}@example.org";

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, string org, object body) =>
        client.PostAsJsonAsync($"/api/v1/orgs/{org}/invitations", body);

    private static async Task<JsonArray> InviteAsync(HttpClient client, string org, string role, params string[] emails)
    {
        using var response = await SendAsync(client, org, new { emails, role });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        return (await response.JsonAsync())["results"]!.AsArray();
    }

    private static async Task<string> LinkAsync(HttpClient client, string org, int uses)
    {
        using var response = await SendAsync(client, org, new { role = "member", link = new { max_uses = uses } });
        return (string)(await response.JsonAsync())["results"]![0]!["token"]!;
    }

    private static async Task<JsonArray> ListAsync(HttpClient client, string org, string query = "") =>
        (await (await client.GetAsync(new Uri($"/api/v1/orgs/{org}/invitations{query}", UriKind.Relative))).JsonAsync())["items"]!
            .AsArray();

    private Task<HttpResponseMessage> JoinAsync(string token, string? email) =>
        _nobody.PostAsJsonAsync("/api/v1/invitations/accept", new { token, password = IdentityHost.Password, email });
}
