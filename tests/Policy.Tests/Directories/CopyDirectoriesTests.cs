using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Policy.Tests.Directories;

public sealed class CopyDirectoriesTests
{
    private const string Everything =
        """
        insert into subjects (id, type, email, display_name, created_at)
        select gen_random_uuid(), 'user', 'p' || i || '-' || @org || '@example.org', 'Person ' || i, now()
        from generate_series(1, @people) i;
        insert into memberships (org_id, subject_id, role, created_at)
        select @org::uuid, id, 'member', now() from subjects where email like '%-' || @org || '@example.org';
        insert into user_groups (org_id, id, name, description, source, version, created_at, updated_at)
        select @org::uuid, gen_random_uuid(), 'group ' || i, '', 'manual', 1, now(), now() from generate_series(1, @groups) i;
        insert into group_members (org_id, group_id, subject_id, added_at)
        select @org::uuid, g.id, m.subject_id, now()
        from memberships m join user_groups g on g.org_id = @org::uuid
        where m.org_id = @org::uuid and (g.name = 'group 1' or abs(hashtext(g.id::text || m.subject_id::text)) % @groups = 0);
        insert into channels (org_id, id, name, aliases, kind, privacy, allowed, description, version, created_at, updated_at)
        select @org::uuid, gen_random_uuid(), 'Channel ' || i, '{}', 'private', case i % 3 when 0 then 'public' else 'private' end,
            case i % 4 when 0 then null else i % 4 = 1 end, '', 1, now(), now()
        from generate_series(1, @channels) i;
        insert into channel_names (org_id, folded, channel_id) select org_id, lower(name), id from channels where org_id = @org::uuid;
        insert into channel_groups (org_id, channel_id, group_id, access, granted_at)
        select @org::uuid, c.id, g.id, 'read', now() from channels c join user_groups g on g.org_id = c.org_id
        where c.org_id = @org::uuid and c.privacy = 'private' and abs(hashtext(g.id::text || c.id::text)) % 50 = 0;
        insert into machines (org_id, id, owner_id, hostname, platform, agent_version, created_at, updated_at)
        select @org::uuid, gen_random_uuid(), subject_id, 'host-' || subject_id, 'linux-64', '1', now(), now()
        from memberships where org_id = @org::uuid;
        """;

    private DirectoryPlatform _platform = null!;
    private OrganizationId _before;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _platform = await DirectoryPlatform.StartAsync();
        _before = await _platform.NewOrganizationAsync();
        await FillAsync(_before, 10_000, 500, 1_000);
        // What the migration finds of a platform that is older than the copy.
        await _platform.ChangeAsync("update directory_changes set xid = 0 where org_id = $1", _before.Value);
        await _platform.ChangeAsync("delete from outbox where message_type = 'DirectoryChanged'");
        await _platform.StartPolicyAsync(instances: 2);
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task A_platform_that_had_people_before_is_copied_in_full_and_its_decisions_begin_then()
    {
        await _platform.UntilSameAsync(_before, seconds: 180);
        Assert.That(
            await _platform.Policy.ScalarAsync<long>("select count(*) from group_members where org_id = $1", _before.Value),
            Is.GreaterThan(15_000));
        Assert.That(
            await _platform.Policy.ScalarAsync<long>(
                "select count(*) from marks where org_id = $1 and (subject_id is not null or environment_id is not null)", _before.Value),
            Is.Zero, "nobody by itself");
    }

    [Test]
    public async Task An_organization_that_is_new_is_known_and_each_change_marks_those_whom_it_concerns()
    {
        var organization = await KnownAsync(people: 3);
        var (ada, bob, group, channel) = (
            await IdAsync("select id from subjects where email like 'p1-%' || $1 || '@example.org'", organization),
            await IdAsync("select id from subjects where email like 'p2-%' || $1 || '@example.org'", organization),
            await IdAsync("select id from user_groups where org_id = $1::uuid and name = 'group 2'", organization),
            await IdAsync("select id from channels where org_id = $1::uuid and name = 'Channel 1'", organization));
        await ChangesAsync([], "delete from group_members where group_id = $1", group);
        await ChangesAsync([], "delete from channel_groups where channel_id = $1", channel);
        foreach (var (sql, parameter, marks) in new (string, Guid, string[])[]
        {
            ("insert into group_members (org_id, group_id, subject_id, added_at) "
                + "select org_id, $1, $2, now() from user_groups where id = $1", ada, [$"owner {ada}"]),
            ("delete from group_members where group_id = $1 and subject_id = $2", ada, [$"owner {ada}"]),
            ("update subjects set display_name = 'Bob' where id = $2 and $1::uuid is not null", bob, [$"owner {bob}"]),
            ("update subjects set email = 'bob-' || email where id = $2 and $1::uuid is not null", bob, [$"owner {bob}"]),
            ("update user_groups set name = 'security' where id = $1 and $2::uuid is not null", ada, ["all"]),
            ("update channels set allowed = not allowed where id = $2 and $1::uuid is not null", channel, ["all"]),
            ("insert into channel_names (org_id, folded, channel_id) select org_id, 'other', $2 from user_groups where id = $1", channel,
                ["all"]),
            ("insert into channel_groups (org_id, channel_id, group_id, access, granted_at) select org_id, $2, $1, 'read', now() "
                + "from user_groups where id = $1", channel, ["all"]),
            ("delete from channel_groups where channel_id = $2 and group_id = $1", channel, ["all"]),
        })
        {
            await ChangesAsync(marks, sql, group, parameter);
        }

        // What policies do not read marks nothing, and is not told.
        await ChangesAsync([], "update user_groups set description = 'x', version = version + 1 where id = $1", group);
        await ChangesAsync([], "update channel_groups set access = 'manage' where channel_id = $1", channel);
        await ChangesAsync([], "update memberships set suspended_at = now(), role = 'auditor' where subject_id = $1", ada);

        async Task ChangesAsync(string[] marks, string sql, params Guid[] parameters)
        {
            var before = await _platform.VersionAsync(organization);
            await _platform.ChangeAsync(sql, [.. parameters.Select(parameter => (object)parameter)]);
            if (marks.Length == 0 && sql.StartsWith("update", StringComparison.Ordinal))
            {
                Assert.That(await _platform.VersionAsync(organization), Is.EqualTo(before), sql);
            }

            await _platform.UntilSameAsync(organization);
            var marked = await _platform.TakeMarksAsync(organization);
            if (marks.Length > 0)
            {
                Assert.That(marked, Is.EqualTo(marks), sql);
            }
        }
    }

    [Test]
    public async Task Who_is_removed_stays_in_its_groups_until_it_joins_anew()
    {
        var organization = await KnownAsync(people: 2);
        var ada = await IdAsync("select id from subjects where email like 'p1-%' || $1 || '@example.org'", organization);
        await _platform.ChangeAsync(
            """
            with gone as (delete from group_members where subject_id = $1 returning group_id)
            update memberships set removed_at = now(), left_groups = array(select group_id from gone) where subject_id = $1
            """, ada);
        await _platform.UntilSameAsync(organization);
        Assert.That(await GroupsAsync(), Is.GreaterThan(0));
        Assert.That(
            await _platform.Policy.ScalarAsync<bool>("select deleted from subjects where subject_id = $1", ada), Is.True, "and is gone");

        await _platform.ChangeAsync("update memberships set removed_at = null where subject_id = $1", ada);
        await _platform.UntilSameAsync(organization);
        Assert.That(await GroupsAsync(), Is.Zero, "the groups that it was not given again");

        Task<long> GroupsAsync() => _platform.Policy.ScalarAsync<long>("select count(*) from group_members where subject_id = $1", ada);
    }

    [Test]
    public async Task The_groups_of_a_service_account_that_is_deleted_still_hold_for_what_it_logged()
    {
        var organization = await KnownAsync(people: 2);
        var robot = await IdAsync("select id from subjects where email like 'p1-%' || $1 || '@example.org'", organization);
        await _platform.ChangeAsync("delete from memberships where subject_id = $1", robot);
        await Eventually.BecomesTrueAsync(
            async () => await _platform.Policy.ScalarAsync<bool>("select deleted from subjects where subject_id = $1", robot),
            "it is gone");
        Assert.That(
            await _platform.Policy.ScalarAsync<long>("select count(*) from group_members where subject_id = $1", robot),
            Is.GreaterThan(0));
    }

    [Test]
    public async Task Transactions_that_end_in_another_order_than_they_began_are_all_followed()
    {
        var organization = await KnownAsync(people: 40);
        var random = new Random(4711);
        var open = new List<(NpgsqlConnection Connection, NpgsqlTransaction Transaction)>();
        for (var i = 0; i < 120; i++)
        {
            var connection = await _platform.Identity.OpenConnectionAsync();
            var transaction = await connection.BeginTransactionAsync();
            await using var command = new NpgsqlCommand(
                (i % 6) switch
                {
                    0 => "insert into user_groups (org_id, id, name, description, source, version, created_at, updated_at) "
                        + "values ($1, gen_random_uuid(), 'new ' || $2, '', 'manual', 1, now(), now())",
                    1 => "delete from group_members where (group_id, subject_id) = (select m.group_id, m.subject_id "
                        + "from group_members m join user_groups g on g.id = m.group_id where m.org_id = $1 and $2::int is not null "
                        + "order by random() limit 1 for update skip locked)",
                    2 => "update subjects set display_name = 'Changed ' || $2 where id = (select subject_id from memberships "
                        + "where org_id = $1 order by random() limit 1 for update skip locked)",
                    3 => "insert into channels (org_id, id, name, aliases, kind, privacy, description, version, created_at, updated_at) "
                        + "values ($1, gen_random_uuid(), 'new ' || $2, '{}', 'private', 'private', '', 1, now(), now())",
                    4 => "update user_groups set name = 'renamed ' || $2 where id = (select id from user_groups "
                        + "where org_id = $1 order by random() limit 1 for update skip locked)",
                    _ => "update channels set privacy = case privacy when 'private' then 'internal' else 'private' end where id = "
                        + "(select id from channels where org_id = $1 and $2::int is not null order by random() limit 1 "
                        + "for update skip locked)",
                },
                connection, transaction)
            {
                Parameters = { new() { Value = organization.Value }, new() { Value = i } },
            };
            await command.ExecuteNonQueryAsync();
            open.Add((connection, transaction));

            // Some stay open for long; a few never commit.
            while (open.Count > 5)
            {
                await EndAsync(random.Next(open.Count));
            }
        }

        while (open.Count > 0)
        {
            await EndAsync(open.Count - 1);
        }

        await _platform.UntilSameAsync(organization);

        async Task EndAsync(int which)
        {
            var (connection, transaction) = open[which];
            open.RemoveAt(which);
            if (random.Next(10) == 0)
            {
                await transaction.RollbackAsync();
            }
            else
            {
                await transaction.CommitAsync();
            }

            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }

    [Test]
    public async Task What_changes_while_Identity_is_away_or_without_an_event_is_read_all_the_same()
    {
        await using var platform = await DirectoryPlatform.StartAsync();
        var organization = await platform.NewOrganizationAsync();
        await platform.ChangeAsync(Filled(organization, 5, 2, 2));
        await platform.StartPolicyAsync(settings: ("Policy:DirectoriesSeconds", "1"));
        await platform.UntilSameAsync(organization);
        await using (var connection = await platform.Identity.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
        await using (var command = new NpgsqlCommand(
            "update user_groups set name = name || ' lost'; delete from outbox where message_type = 'DirectoryChanged'", connection,
            transaction))
        {
            await command.ExecuteNonQueryAsync();
            await transaction.CommitAsync();
        }

        await platform.UntilSameAsync(organization);

        await platform.StopIdentityAsync();
        await platform.ChangeAsync("update user_groups set name = name || ' again' where org_id = $1", organization.Value);
        await platform.Policy.PublishAsync(new DirectoryChanged(organization, long.MaxValue));
        await Eventually.BecomesTrueAsync(
            async () => await platform.Policy.ScalarAsync<bool>(
                "select read < wanted from directories where org_id = $1", organization.Value),
            "it is wanted");
        Assert.That(
            (await platform.OursAsync(organization)).Count(line => line.EndsWith(" lost", StringComparison.Ordinal)), Is.EqualTo(2),
            "what is known stays");
        await platform.StartIdentityAgainAsync();
        await platform.UntilSameAsync(organization);
    }

    [Test]
    public async Task An_organization_that_was_erased_is_forgotten_also_when_a_late_event_names_it()
    {
        var organization = await KnownAsync(people: 2);
        await _platform.ChangeAsync("update organizations set erased_at = now() where id = $1", organization.Value);
        await _platform.Policy.PublishAsync(new OrganizationErased(organization, DateTimeOffset.UtcNow));
        await ForgottenAsync();
        await _platform.Policy.PublishAsync(new DirectoryChanged(organization, long.MaxValue));
        await ForgottenAsync();

        Task ForgottenAsync() => Eventually.BecomesTrueAsync(
            async () =>
            {
                var rows = await _platform.Policy.Db.RowsOfAsync(organization);
                return !rows.Keys.Except(["marks", "stale_decisions"]).Any();
            }, "nothing is left");
    }

    [Test]
    public async Task Registrations_of_a_machine_in_any_order_lead_to_its_newest_name_and_mark_its_environments()
    {
        var organization = await KnownAsync(people: 1);
        var environment = await _platform.Policy.LogAsync(_platform.Policy.NewEnvironment() with { OrganizationId = organization });
        var now = DateTimeOffset.UtcNow;
        await RegisterAsync("second", now.AddSeconds(2));
        await Eventually.BecomesTrueAsync(async () => await NameAsync() == "second", "it is named");
        Assert.That(await _platform.TakeMarksAsync(organization), Does.Contain($"environment {environment.EnvironmentId}"));
        await RegisterAsync("first", now);
        await RegisterAsync("second", now.AddSeconds(2));
        await RegisterAsync("second", now.AddSeconds(3));
        var other = environment with { MachineId = new(Guid.CreateVersion7()) };
        await _platform.Policy.PublishAsync(new MachineRegistered(
            organization, other.MachineId, other.Owner, "other", "linux-64", "1", now));
        await Eventually.BecomesTrueAsync(
            async () => await _platform.Policy.ScalarAsync<DateTime?>(
                "select registered_at from machines where machine_id = $1", environment.MachineId.Value) > now.AddSeconds(2.5).UtcDateTime
                && await _platform.Policy.ScalarAsync<bool>(
                    "select exists (select from machines where machine_id = $1)", other.MachineId.Value),
            "all arrived");
        Assert.That(await NameAsync(), Is.EqualTo("second"));
        Assert.That(await _platform.TakeMarksAsync(organization), Has.None.StartsWith("environment"), "nothing is new");

        Task RegisterAsync(string name, DateTimeOffset at) => _platform.Policy.PublishAsync(
            new MachineRegistered(organization, environment.MachineId, environment.Owner, name, "linux-64", "1", at));

        Task<string?> NameAsync() => _platform.Policy.ScalarAsync<string>(
            "select hostname from machines where machine_id = $1", environment.MachineId.Value);
    }

    private async Task<OrganizationId> KnownAsync(int people)
    {
        var organization = await _platform.NewOrganizationAsync();
        await FillAsync(organization, people, 4, 6);
        await _platform.UntilSameAsync(organization, seconds: 180);
        await _platform.TakeMarksAsync(organization);
        return organization;
    }

    private Task FillAsync(OrganizationId organization, int people, int groups, int channels) =>
        _platform.ChangeAsync(Filled(organization, people, groups, channels));

    private static string Filled(OrganizationId organization, int people, int groups, int channels) => Everything
        .Replace("@org", $"'{organization}'", StringComparison.Ordinal).Replace("@people", $"{people}", StringComparison.Ordinal)
        .Replace("@groups", $"{groups}", StringComparison.Ordinal).Replace("@channels", $"{channels}", StringComparison.Ordinal);

    private async Task<Guid> IdAsync(string sql, OrganizationId organization)
    {
        await using var command = _platform.Identity.CreateCommand(sql);
        command.Parameters.Add(new() { Value = organization.ToString() });
        return (Guid)(await command.ExecuteScalarAsync())!;
    }
}
