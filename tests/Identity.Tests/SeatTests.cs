using System.Text.Json.Nodes;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Products;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.Identity.Tests;

[TestFixture]
public sealed class SeatTests
{
    private static readonly string[] Both = ["environments", "audit_api"];
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task Without_a_limit_everybody_has_seats_and_nobody_hears_of_them()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var token = await _host.AddMemberAsync(ada.Org, "member");
        Assert.That(await ProductsAsync(token, ada.Org), Is.EquivalentTo(Both));
        var product = await ProductAsync(ada, "environments");
        Assert.That(
            (product["limit"], (int?)product["assigned"], (int?)product["reserved"], product["available"], (bool?)product["auto_assign"]),
            Is.EqualTo(((JsonNode?)null, 2, 0, (JsonNode?)null, true)));
        Assert.That(await ada.ListAsync("products/environments/seats", "email", 1), Has.Count.EqualTo(2));
        Assert.That((await ada.SendAsync("PUT", $"products/environments/seats/{await IdAsync(token)}")).Status, Is.EqualTo(200));
        Assert.That(await EventsAsync(ada, "product_assigned"), Is.Empty);
        using var me = await _host.AsBearerOfAsync(token);
        var mine = JsonNode.Parse(await me.GetStringAsync(new Uri("/api/v1/me", UriKind.Relative)))!;
        Assert.That(mine["organizations"]![0]!["products"]!.AsArray().Select(name => (string?)name), Is.EquivalentTo(Both));
    }

    [Test]
    public async Task Who_loses_a_seat_is_known_to_have_none_and_gets_it_back()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var token = await _host.AddMemberAsync(ada.Org, "member");
        var id = await IdAsync(token);
        var tokenId = (await _host.IntrospectAsync(token)).TokenId;
        await ada.OkAsync("DELETE", $"products/environments/seats/{id}");
        Assert.That(await ProductsAsync(token, ada.Org), Is.EqualTo(new[] { "audit_api" }));
        Assert.That(
            (await _host.OutboxAsync("TokenRevoked")).SelectMany(e => e["tokens"]!.AsArray()).Select(one => (string?)one),
            Does.Contain(tokenId), "the gateways forget it at once");
        Assert.That(await ada.RefusedAsync("DELETE", $"products/environments/seats/{id}"), Is.EqualTo((404, "not_found")));
        Assert.That(await ada.ListAsync("products/environments/seats?assigned=false", "user_id"), Is.EqualTo(new[] { id }));
        await ada.OkAsync("PUT", $"products/environments/seats/{id}");
        await ada.OkAsync("PUT", $"products/environments/seats/{id}");
        Assert.That(await ProductsAsync(token, ada.Org), Is.EquivalentTo(Both));
        foreach (var action in new[] { "product_assigned", "product_revoked" })
        {
            var said = (await EventsAsync(ada, action)).Single();
            Assert.That(
                ((string?)said["target"]!["id"], (string?)said["meta"]!["product"], (string?)said["meta"]!["reason"]),
                Is.EqualTo((id, "environments", "manual")), action);
        }
    }

    [Test]
    public async Task Fifty_at_once_for_ten_seats_get_ten()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var people = await AddAsync(ada.Org, 50);
        await LimitAsync(ada, 1, autoAssign: false, revoke: true);
        await LimitAsync(ada, 10, autoAssign: false);
        var answers = await Task.WhenAll(people.Select(id => ada.SendAsync("PUT", $"products/environments/seats/{id}")));
        Assert.That(answers.Count(answer => answer.Status == 200), Is.EqualTo(10));
        var refused = answers.Where(answer => answer.Status == 409).Select(answer => answer.Body!).ToArray();
        Assert.That(refused, Has.Length.EqualTo(40));
        Assert.That(
            ((string?)refused[0]["code"], (int?)refused[0]["limit"], (int?)refused[0]["assigned"], (int?)refused[0]["reserved"]),
            Is.EqualTo(("seats_exhausted", 10, 10, 0)));
        var product = await ProductAsync(ada, "environments");
        Assert.That(((int?)product["assigned"], (int?)product["available"]), Is.EqualTo((10, 0)));
        Assert.That(await ada.ListAsync("products/environments/seats", "user_id"), Has.Count.EqualTo(10));
        Assert.That(await EventsAsync(ada, "product_assigned"), Has.Count.EqualTo(10));
    }

    [Test]
    public async Task The_same_person_at_once_takes_one_seat()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var person = (await AddAsync(ada.Org, 1)).Single();
        await LimitAsync(ada, 5, autoAssign: false, revoke: true);
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 12).Select(_ => ada.SendAsync("PUT", $"products/environments/seats/{person}")));
        Assert.That(answers.Select(answer => answer.Status), Is.All.EqualTo(200));
        Assert.That((int?)(await ProductAsync(ada, "environments"))["assigned"], Is.EqualTo(1));
        Assert.That(await EventsAsync(ada, "product_assigned"), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_limit_below_the_count_takes_nobodys_seat_and_gives_none()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var token = await _host.AddMemberAsync(ada.Org, "member");
        await LimitAsync(ada, 1, autoAssign: true);
        var product = await ProductAsync(ada, "environments");
        Assert.That(((int?)product["assigned"], (int?)product["available"], (int?)product["limit"]), Is.EqualTo((2, 0, 1)));
        Assert.That(await ProductsAsync(token, ada.Org), Is.EquivalentTo(Both));
        var late = await _host.AddMemberAsync(ada.Org, "member");
        Assert.That(await ProductsAsync(late, ada.Org), Is.EqualTo(new[] { "audit_api" }));
        Assert.That(
            await ada.RefusedAsync("PUT", $"products/environments/seats/{await IdAsync(late)}"), Is.EqualTo((409, "seats_exhausted")));

        await LimitAsync(ada, 4, autoAssign: true);
        var lucky = await _host.AddMemberAsync(ada.Org, "member");
        Assert.That(await ProductsAsync(lucky, ada.Org), Is.EquivalentTo(Both), "who comes gets a free one");
        Assert.That((string?)(await EventsAsync(ada, "product_assigned")).Single()["meta"]!["reason"], Is.EqualTo("automatic"));
        await ada.OkAsync("DELETE", $"members/{await IdAsync(lucky)}");
        Assert.That((int?)(await ProductAsync(ada, "environments"))["assigned"], Is.EqualTo(2), "who leaves frees its seat");
        Assert.That((string?)(await EventsAsync(ada, "product_revoked")).Single()["meta"]!["reason"], Is.EqualTo("removal"));

        await LimitAsync(ada, null, autoAssign: true);
        Assert.That(await ProductsAsync(late, ada.Org), Is.EquivalentTo(Both));
        Assert.That((int?)(await ProductAsync(ada, "environments"))["assigned"], Is.EqualTo(3));
        var changes = await EventsAsync(ada, "organization_updated");
        Assert.That(changes, Has.Count.EqualTo(3));
        Assert.That(changes[^1]["meta"]!["changed"]!.ToJsonString(), Is.EqualTo("[\"limit\"]"));
        await LimitAsync(ada, null, autoAssign: true);
        Assert.That(await EventsAsync(ada, "organization_updated"), Has.Count.EqualTo(3), "it changed nothing");
    }

    [Test]
    public async Task Many_at_once_get_seats_in_their_order_as_long_as_there_are_any()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        using var mallory = await OrganizationClient.OfNewAsync(_host);
        var people = await AddAsync(ada.Org, 3);
        var stranger = (await AddAsync(mallory.Org, 1)).Single();
        await LimitAsync(ada, 2, autoAssign: false, revoke: true);
        string[] ids = [people[2], stranger, people[0], people[1], people[2]];
        var answer = await ada.OkAsync("POST", "products/environments/seats/bulk", new { ids, action = "assign" });
        Assert.That(GroupTests.Results(answer), Is.EqualTo(new[]
        {
            (people[2], 200, (string?)null), (stranger, 404, "not_found"), (people[0], 200, null), (people[1], 409, "seats_exhausted"),
            (people[2], 200, null),
        }));
        answer = await ada.OkAsync("POST", "products/environments/seats/bulk", new { ids = people, action = "revoke" });
        Assert.That(GroupTests.Results(answer).Select(result => result.Item2), Is.EqualTo(new[] { 200, 404, 200 }));
        Assert.That((int?)(await ProductAsync(ada, "environments"))["assigned"], Is.Zero);
    }

    [Test]
    public async Task Invitations_promise_seats_that_nobody_else_gets()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var person = (await AddAsync(ada.Org, 1)).Single();
        await LimitAsync(ada, 2, autoAssign: false, revoke: true);
        var organization = await OrganizationAsync(ada.Org);
        var (kept, let) = (InvitationId.New(DateTimeOffset.UtcNow), InvitationId.New(DateTimeOffset.UtcNow));
        foreach (var invitation in new[] { kept, let })
        {
            Assert.That(await ReserveAsync(organization, invitation), Is.EqualTo(0));
        }

        Assert.That(await ReserveAsync(organization, InvitationId.New(DateTimeOffset.UtcNow)), Is.EqualTo(409));
        var (status, refusal) = await ada.SendAsync("PUT", $"products/environments/seats/{person}");
        Assert.That((status, (int?)refusal!["assigned"], (int?)refusal["reserved"]), Is.EqualTo((409, 0, 2)));
        for (var i = 0; i < 2; i++)
        {
            await WriteAsync(tx => Seats.ReleaseAsync(tx, organization.Id, let));
        }

        Assert.That((int?)(await ProductAsync(ada, "environments"))["reserved"], Is.EqualTo(1), "released once");
        await ada.OkAsync("PUT", $"products/environments/seats/{person}");
        var comer = await _host.AddMemberAsync(ada.Org, "member");
        var caller = Caller.OfSystem("identity", null) with { Organization = organization };
        for (var i = 0; i < 2; i++)
        {
            await WriteAsync(async tx => await Seats.ClaimAsync(
                tx, caller, new(Guid.Parse(await IdAsync(comer))), kept, DateTimeOffset.UtcNow));
        }

        var product = await ProductAsync(ada, "environments");
        Assert.That(((int?)product["assigned"], (int?)product["reserved"]), Is.EqualTo((2, 0)));
        Assert.That(await ProductsAsync(comer, ada.Org), Is.EquivalentTo(Both));
    }

    [Test]
    public async Task A_seat_that_is_given_while_the_person_is_removed_is_free_again()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var id = (await AddAsync(ada.Org, 1)).Single();
        await LimitAsync(ada, 5, autoAssign: false, revoke: true);
        var organization = await OrganizationAsync(ada.Org);
        var caller = Caller.OfSystem("identity", organization.Id) with { Organization = organization };
        await using var tx = await _host.Db.BeginAsync(CancellationToken.None);
        var row = await ProductRow.LockAsync(tx, organization.Id, "environments");
        var people = await Seats.PeopleAsync(tx, organization.Id, [new(Guid.Parse(id))]);
        var removing = ada.OkAsync("DELETE", $"members/{id}");
        const string waiting =
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%products%'
            """;
        await Eventually.BecomesTrueAsync(
            async () => removing.IsCompleted || await _host.CountAsync(waiting) > 0, "The removal waits for the seats.");
        Assert.That(await Seats.AssignAsync(tx, caller, row, people, "manual", TimeProvider.System.GetUtcNow()), Is.Empty);
        await tx.CommitAsync();
        await removing;
        Assert.That((int?)(await ProductAsync(ada, "environments"))["assigned"], Is.Zero);
        Assert.That(await ada.ListAsync("products/environments/seats", "user_id"), Is.Empty);
    }

    [TestCase(null, true)]
    [TestCase(null, false)]
    [TestCase(2, true)]
    [TestCase(2, false)]
    public async Task The_numbers_of_who_has_a_seat_and_who_has_none_are_those_of_the_lists(int? limit, bool autoAssign)
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var people = await AddAsync(ada.Org, 3);
        await ada.OkAsync("POST", "service-accounts", new { name = "robot", role = "member" });
        await ada.OkAsync("DELETE", $"products/environments/seats/{people[0]}");
        await LimitAsync(ada, limit, autoAssign);
        await ada.SendAsync("PUT", $"products/environments/seats/{people[1]}");
        foreach (var assigned in new[] { "true", "false" })
        {
            var all = await ada.OkAsync("GET", $"products/environments/seats?assigned={assigned}");
            Assert.That((int)all["total_count"]!, Is.EqualTo(all["items"]!.AsArray().Count), $"assigned={assigned}");
            var found = await ada.OkAsync("GET", $"products/environments/seats?assigned={assigned}&search=example.org");
            Assert.That((int)found["total_count"]!, Is.EqualTo(found["items"]!.AsArray().Count), $"assigned={assigned}, searched");
        }
    }

    [Test]
    public async Task Service_accounts_need_no_seat_and_get_none()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var robot = (string)(await ada.OkAsync("POST", "service-accounts", new { name = "robot", role = "member" }))["client_id"]!;
        await LimitAsync(ada, 0, autoAssign: false, revoke: true);
        Assert.That(await ada.RefusedAsync("PUT", $"products/environments/seats/{robot}"), Is.EqualTo((404, "not_found")));
        Assert.That(await _host.Db.ScalarAsync<string[]>(
            $"select {Seats.ProductsOfMember} from memberships m where m.subject_id = @robot::uuid", new { robot }), Is.EquivalentTo(Both));
    }

    [Test]
    public async Task Only_the_operator_sets_limits_and_only_administrators_give_seats()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        using var mallory = await OrganizationClient.OfNewAsync(_host);
        var bob = (await AddAsync(ada.Org, 1)).Single();
        using var administrator = new OrganizationClient(await _host.AsNewMemberAsync(ada.Org, "administrator"), ada.Org);
        using var auditor = new OrganizationClient(await _host.AsNewMemberAsync(ada.Org, "auditor"), ada.Org);
        using var member = new OrganizationClient(await _host.AsNewMemberAsync(ada.Org), ada.Org);
        var change = new { products = new[] { new { product = "environments", limit = 1, auto_assign = true } } };
        Assert.That(await administrator.RefusedAsync("PATCH", "products", change), Is.EqualTo((403, "forbidden")));
        Assert.That((await auditor.SendAsync("GET", "products")).Status, Is.EqualTo(200));
        Assert.That(await auditor.RefusedAsync("DELETE", $"products/environments/seats/{bob}"), Is.EqualTo((403, "forbidden")));
        Assert.That(await member.RefusedAsync("GET", "products"), Is.EqualTo((403, "forbidden")));
        Assert.That(await member.RefusedAsync("PUT", $"products/environments/seats/{bob}"), Is.EqualTo((403, "forbidden")));
        Assert.That(await mallory.RefusedAsync("PUT", $"products/environments/seats/{bob}"), Is.EqualTo((404, "not_found")));
        Assert.That(await mallory.RefusedAsync("DELETE", $"products/environments/seats/{bob}"), Is.EqualTo((404, "not_found")));
        Assert.That(await administrator.RefusedAsync("PUT", $"products/other/seats/{bob}"), Is.EqualTo((404, "not_found")));
        Assert.That(await administrator.RefusedAsync("GET", "products", org: mallory.Org), Is.EqualTo((404, "not_found")));
        Assert.That(
            await ada.RefusedAsync("PATCH", "products", new { products = new[] { new { product = "environments", auto_assign = true } } }),
            Is.EqualTo((400, "invalid_request")), "no limit is said, not left out");
    }

    private static async Task LimitAsync(OrganizationClient client, int? limit, bool autoAssign, bool revoke = false)
    {
        await client.OkAsync(
            "PATCH", "products", new { products = new[] { new { product = "environments", limit, auto_assign = autoAssign } } });
        if (revoke)
        {
            var ids = await client.ListAsync("products/environments/seats", "user_id");
            await client.OkAsync("POST", "products/environments/seats/bulk", new { ids, action = "revoke" });
        }
    }

    private async Task<string[]> AddAsync(string org, int people)
    {
        var ids = new List<string>();
        for (var i = 0; i < people; i++)
        {
            var id = Guid.CreateVersion7().ToString();
            await _host.ExecuteAsync(
                $"""
                insert into subjects (id, type, email, display_name, created_at) values ('{id}', 'user', '{id}@example.org', 'P', now());
                insert into memberships (org_id, subject_id, role, created_at)
                select id, '{id}', 'member', now() from organizations where slug = '{org}'
                """);
            ids.Add(id);
        }

        return [.. ids];
    }

    private async Task<IReadOnlyList<string>> ProductsAsync(string token, string org) =>
        [.. (await _host.IntrospectAsync(token, org)).Memberships.Single().Products];

    private async Task<string> IdAsync(string token) => (await _host.IntrospectAsync(token)).SubjectId;

    private static async Task<JsonObject> ProductAsync(OrganizationClient client, string product) =>
        (await client.OkAsync("GET", "products"))["items"]!.AsArray().Single(item => (string?)item!["product"] == product)!.AsObject();

    private async Task<List<JsonObject>> EventsAsync(OrganizationClient client, string action) =>
        [.. (await _host.AuditAsync(action)).Where(e => (string?)e["organization_name"] == client.Org)];

    private async Task<Membership> OrganizationAsync(string org) => new(
        new(await _host.Db.ScalarAsync<Guid>("select id from organizations where slug = @org", new { org })), org, "Organization", "");

    private async Task<int> ReserveAsync(Membership organization, InvitationId invitation)
    {
        await using var tx = await _host.Db.BeginAsync(CancellationToken.None);
        var refusal = await Seats.ReserveAsync(tx, organization.Id, invitation, ["environments"]);
        if (refusal is null)
        {
            await tx.CommitAsync();
        }

        return refusal?.StatusCode ?? 0;
    }

    private async Task WriteAsync(Func<Tx, Task> work)
    {
        await using var tx = await _host.Db.BeginAsync(CancellationToken.None);
        await work(tx);
        await tx.CommitAsync();
    }
}
