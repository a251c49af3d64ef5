using System.Net.Http.Json;

using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Identity;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

using Grpc.Core;

namespace EnvPlatform.Identity.Tests;

/// <summary>Whatever changes people, groups, channels or machines is told, by whichever way it is changed.</summary>
public sealed class DirectoryTests
{
    private IdentityHost _host = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _host = await IdentityHost.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _host.DisposeAsync();

    [Test]
    public async Task Every_way_to_change_something_is_told_once_and_what_it_changed_can_be_asked()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var organization = await IdAsync(ada.Org);
        Assert.That(await ChangesAsync(organization, 0), Is.EqualTo(new[] { "subject" }), "the first start and a new organization");
        Assert.That(await HintsAsync(organization), Is.EqualTo(1));

        var (group, second) = ("", "");
        await ToldAsync(["group"], async () => group = (string)(await ada.OkAsync("POST", "groups", new { name = "g" }))["id"]!);
        await ToldAsync(["group"], async () => second = (string)(await ada.OkAsync("POST", "groups", new { name = "h" }))["id"]!);
        await ToldAsync(["group"], () => ada.OkAsync("PATCH", $"groups/{group}", new { name = "renamed" }));
        await ToldAsync([], () => ada.OkAsync("PATCH", $"groups/{group}", new { description = "more" }));

        // People come by an invitation of an account's own, with an account that is there, and by a link, into groups at once.
        var (token, invited) = ("", "");
        await ToldAsync([], async () => invited = (string)(await ada.OkAsync("POST", "invitations", new
        {
            emails = new[] { $"bob-{ada.Org}@example.org" },
            role = "member",
            group_ids = new[] { group },
        }))["results"]![0]!["token"]!);
        await ToldAsync(["member", "subject"], async () => token = await JoinAsync(invited));
        var bob = (await _host.IntrospectAsync(token)).SubjectId;
        using var elsewhere = await OrganizationClient.OfNewAsync(_host);
        var eve = await _host.AddMemberAsync(elsewhere.Org, "member", $"eve-{ada.Org}@example.org");
        var invitation = await _host.InviteAsync(ada.Org, "member", $"eve-{ada.Org}@example.org");
        await ToldAsync(["subject"], async () =>
        {
            using var client = await _host.AsBearerOfAsync(await _host.SignInAsync($"eve-{ada.Org}@example.org"));
            using var response = await client.PostAsJsonAsync("/api/v1/me/invitations/accept", new { token = invitation });
            Assert.That((int)response.StatusCode, Is.EqualTo(200), await response.Content.ReadAsStringAsync());
        });

        await ToldAsync(["member"], () => ada.OkAsync("PUT", $"groups/{second}/members/{bob}"));
        await ToldAsync([], () => ada.OkAsync("PUT", $"groups/{second}/members/{bob}"));
        await ToldAsync(["member"], () => ada.OkAsync("DELETE", $"groups/{second}/members/{bob}"));
        var evesId = (await _host.IntrospectAsync(eve)).SubjectId;
        await ToldAsync(["member", "member"], () => ada.OkAsync(
            "POST", $"groups/{second}/members/bulk", new { ids = new[] { bob, evesId }, action = "add" }));
        await ToldAsync(["member"], () => ada.OkAsync(
            "POST", $"groups/{second}/members/bulk", new { ids = new[] { evesId }, action = "remove" }));

        // States and roles are not what policies name.
        await ToldAsync([], () => ada.OkAsync("POST", $"members/{bob}/suspend"));
        await ToldAsync([], () => ada.OkAsync("POST", $"members/{bob}/resume"));
        await ToldAsync([], () => ada.OkAsync("PATCH", $"members/{bob}", new { role = "auditor" }));
        await ToldAsync(["member", "member", "subject"], () => ada.OkAsync("DELETE", $"members/{bob}"));
        await ToldAsync(["member", "member", "subject"], () => ada.OkAsync("POST", $"members/{bob}/reinstate"));
        await ToldAsync(["subject"], async () =>
        {
            using var client = await _host.AsBearerOfAsync(await _host.SignInAsync($"eve-{ada.Org}@example.org"));
            using var left = await client.PostAsync(new Uri($"/api/v1/me/orgs/{ada.Org}/leave", UriKind.Relative), null);
            Assert.That((int)left.StatusCode, Is.EqualTo(204), await left.Content.ReadAsStringAsync());
        });

        var robot = "";
        await ToldAsync(["subject"], async () => robot =
            (string)(await ada.OkAsync("POST", "service-accounts", new { name = "robot", role = "member" }))["client_id"]!);
        await ToldAsync(["subject"], () => ada.OkAsync("PATCH", $"service-accounts/{robot}", new { name = "robot 2" }));
        await ToldAsync([], () => ada.OkAsync("PATCH", $"service-accounts/{robot}", new { description = "more" }));
        await ToldAsync(["member"], () => ada.OkAsync("PUT", $"groups/{group}/members/{robot}"));
        await ToldAsync(["subject"], () => ada.OkAsync("DELETE", $"service-accounts/{robot}"));

        var channel = "";
        await ToldAsync(["channel"], async () => channel =
            (string)(await ada.OkAsync("POST", "channels", new { name = "labs", kind = "private" }))["id"]!);
        await ToldAsync(["channel"], () => ada.OkAsync("PATCH", $"channels/{channel}", new { aliases = new[] { "Labor" } }));
        await ToldAsync(["channel"], () => ada.OkAsync("PATCH", $"channels/{channel}", new { allowed = false }));
        await ToldAsync([], () => ada.OkAsync("PATCH", $"channels/{channel}", new { description = "more" }));
        await ToldAsync(["grant"], () => ada.OkAsync("PUT", $"channels/{channel}/groups/{group}", new { access = "read" }));
        await ToldAsync([], () => ada.OkAsync("PUT", $"channels/{channel}/groups/{group}", new { access = "manage" }));
        await ToldAsync(["grant"], () => ada.OkAsync("DELETE", $"channels/{channel}/groups/{group}"));
        await ToldAsync(["grant"], () => ada.OkAsync("PUT", $"channels/{channel}/groups/{second}", new { access = "read" }));
        await ToldAsync(["channel", "grant"], () => ada.OkAsync("DELETE", $"channels/{channel}?cascade=true"));
        await ToldAsync(["channel"], async () =>
        {
            await _host.Db.PublishAsync(new ChannelsCounted(
                organization, 1, 1, 1, [new CountedChannel("found", 3, 4, DateTimeOffset.UtcNow)], DateTimeOffset.UtcNow));
            await Eventually.BecomesTrueAsync(
                async () => (await ada.ListAsync("channels")).SequenceEqual(["found"]), "the channel is discovered");
        });
        var found = (string)(await ada.OkAsync("GET", "channels"))["items"]![0]!["id"]!;
        await ToldAsync(["channel", "channel"], () => ada.OkAsync("POST", "channels", new { name = "Found" }));
        Assert.That((await ItemAsync(organization, "channel", found)).Deleted, Is.True);

        // Machines have an event of their own.
        var machine = Guid.CreateVersion7();
        await RegisterAsync("one");
        Assert.That((await ItemAsync(organization, "machine", $"{machine}")).Machine.Hostname, Is.EqualTo("one"));
        await RegisterAsync("two");
        var renamed = await ItemAsync(organization, "machine", $"{machine}");
        Assert.That((renamed.Machine.Hostname, renamed.Machine.RegisteredAtUnixMicroseconds > 0), Is.EqualTo(("two", true)));

        await ToldAsync(["group", "member"], () => ada.OkAsync("DELETE", $"groups/{second}"));
        var gone = (await ItemAsync(organization, "group", second), await ItemAsync(organization, "group", group));
        Assert.That((gone.Item1.Deleted, gone.Item2.Deleted, gone.Item2.Group.Name), Is.EqualTo((true, false, "renamed")));

        async Task ToldAsync(string[] kinds, Func<Task> change)
        {
            var (hints, before) = (await HintsAsync(organization), await NewestAsync(organization));
            await change();
            var what = string.Join(' ', kinds);
            Assert.That(await ChangesAsync(organization, before), Is.EqualTo(kinds), what);
            Assert.That(await HintsAsync(organization) - hints, Is.EqualTo(kinds.Length == 0 ? 0 : 1), "events of: " + what);
        }

        async Task RegisterAsync(string hostname)
        {
            var (hints, before) = (await HintsAsync(organization), await NewestAsync(organization));
            await ada.OkAsync("PUT", $"machines/{machine}", new { hostname, platform = "linux-64", agent_version = "1.0" });
            Assert.That(await ChangesAsync(organization, before), Is.EqualTo(new[] { "machine" }));
            Assert.That(await HintsAsync(organization), Is.EqualTo(hints));
        }
    }

    [Test]
    public async Task Pages_go_on_where_the_last_one_ended_and_a_round_ends_where_its_first_page_was_read()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var organization = await IdAsync(ada.Org);
        await _host.ExecuteAsync(
            $"""
            insert into user_groups (org_id, id, name, description, source, version, created_at, updated_at)
            select '{organization}', gen_random_uuid(), 'g' || i, '', 'manual', 1, now(), now() from generate_series(1, 2500) i
            """);
        var first = await AskAsync(organization, 0);
        Assert.That((first.Items.Count, first.Next.Length > 0), Is.EqualTo((1_000, true)));

        // Of one that runs meanwhile, the round says nothing, and the next one all: its horizon is no later.
        await using var connection = await _host.Db.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText =
            $"""
            update user_groups set name = 'late' where id = (
                select id from user_groups where org_id = '{organization}' order by id limit 1)
            """;
        await command.ExecuteNonQueryAsync();
        await ada.OkAsync("POST", "groups", new { name = "committed before" });
        var ids = first.Items.Select(item => item.Group.GroupId).ToHashSet();
        for (var page = first; page.Next.Length > 0;)
        {
            page = await AskAsync(organization, 0, page.Next);
            ids.UnionWith(page.Items.Where(item => item.Group is not null).Select(item => item.Group.GroupId));
        }

        Assert.That(ids, Has.Count.InRange(2_500, 2_501), "the one that came meanwhile may be behind the last page or not");
        var next = await AskAsync(organization, first.Horizon);
        Assert.That(next.Items.Select(item => item.Group.Name), Does.Contain("committed before").And.Not.Contain("late"));
        await transaction.CommitAsync();
        var last = await AskAsync(organization, next.Horizon);
        Assert.That(last.Items.Select(item => item.Group.Name), Does.Contain("late"), "it began before what was read then");
    }

    [Test]
    public async Task Who_asks_for_more_than_there_can_be_begins_again_and_what_was_erased_is_gone()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var organization = await IdAsync(ada.Org);
        Assert.That((await AskAsync(organization, 0)).Restart, Is.False);
        Assert.That((await AskAsync(organization, long.MaxValue)).Restart, Is.True);
        Assert.That((await AskAsync(new OrganizationId(Guid.CreateVersion7()), 0)).Gone, Is.True);
        var all = new List<DirectoryState>();
        for (var after = ""; ;)
        {
            var page = await _host.DirectoriesGrpc.ListDirectoriesAsync(new() { After = after }, IdentityHost.AsGateway);
            if (page.Directories.Count == 0)
            {
                break;
            }

            all.AddRange(page.Directories);
            after = page.Directories[^1].OrganizationId;
        }

        Assert.That(all.Single(state => state.OrganizationId == $"{organization}").Version, Is.GreaterThan(0));
        foreach (var request in new ListDirectoryChangesRequest[]
        {
            new() { OrganizationId = "x" }, new() { OrganizationId = $"{organization}", After = "group/x" },
        })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(
                async () => await _host.DirectoriesGrpc.ListDirectoryChangesAsync(request, IdentityHost.AsGateway));
            Assert.That(refused!.StatusCode, Is.EqualTo(StatusCode.InvalidArgument));
        }

        var nobody = await Assert.ThrowsAsync<RpcException>(
            async () => await _host.DirectoriesGrpc.ListDirectoryChangesAsync(new() { OrganizationId = $"{organization}" }));
        Assert.That(nobody!.StatusCode, Is.EqualTo(StatusCode.Unauthenticated));
    }

    [Test]
    public async Task A_page_of_long_names_is_not_too_large_for_a_message()
    {
        using var ada = await OrganizationClient.OfNewAsync(_host);
        var organization = await IdAsync(ada.Org);
        await _host.ExecuteAsync(
            $"""
            insert into channels (org_id, id, name, aliases, kind, privacy, description, version, created_at, updated_at)
            select '{organization}', gen_random_uuid(), 'c' || i, array[]::text[], 'private', 'private', '', 1, now(), now()
            from generate_series(1, 300) i
            """);
        await _host.ExecuteAsync(
            $"""
            insert into channel_names (org_id, folded, channel_id)
            select org_id, c.name || '-' || j || repeat('ü', 250), c.id from channels c, generate_series(1, 20) j
            where c.org_id = '{organization}'
            """);
        var (channels, pages) = (new HashSet<string>(), 0);
        ListDirectoryChangesReply page;
        var after = "";
        do
        {
            page = await AskAsync(organization, 0, after);
            Assert.That(page.CalculateSize(), Is.LessThan(1_100_000));
            channels.UnionWith(page.Items.Where(item => item.Channel is not null).Select(item => item.Channel.ChannelId));
            after = page.Next;
            pages++;
        }
        while (after.Length > 0);
        Assert.That((channels.Count, pages > 2), Is.EqualTo((300, true)));
    }

    private async Task<OrganizationId> IdAsync(string slug) => new(await _host.Db.ScalarAsync<Guid>(
        "select id from organizations where slug = @slug", new { slug }));

    private async Task<ListDirectoryChangesReply> AskAsync(OrganizationId organization, long since, string after = "") =>
        await _host.DirectoriesGrpc.ListDirectoryChangesAsync(
            new() { OrganizationId = $"{organization}", Since = since, After = after }, IdentityHost.AsGateway);

    /// <summary>The version of what changed last. The horizon may be older: whatever runs on the server holds it.</summary>
    private async Task<long> NewestAsync(OrganizationId organization) => (await AskAsync(organization, 0)).Items.Max(item => item.Version);

    /// <summary>The kinds of what changed after the version, in order.</summary>
    private async Task<string[]> ChangesAsync(OrganizationId organization, long since) =>
    [
        .. (await AskAsync(organization, since)).Items.Where(item => item.Version > since)
            .Select(item => item.ItemCase.ToString().ToLowerInvariant()).Order(StringComparer.Ordinal),
    ];

    private async Task<DirectoryItem> ItemAsync(OrganizationId organization, string kind, string id) =>
        (await AskAsync(organization, 0)).Items.Single(item => kind switch
        {
            "group" => item.Group?.GroupId == id,
            "channel" => item.Channel?.ChannelId == id,
            _ => item.Machine?.MachineId == id,
        });

    private async Task<int> HintsAsync(OrganizationId organization) =>
        (await _host.OutboxAsync("DirectoryChanged")).Count(body => (string?)body["organization_id"] == $"{organization}");

    private async Task<string> JoinAsync(string token)
    {
        using var nobody = _host.Service.AsForwarded();
        using var response = await nobody.PostAsJsonAsync(
            "/api/v1/invitations/accept", new { token, password = IdentityHost.Password, display_name = "Bob" });
        response.EnsureSuccessStatusCode();
        return (string)(await response.JsonAsync())["token"]!;
    }
}
