extern alias identity;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Testing;

using Npgsql;

namespace EnvPlatform.Policy.Tests.Directories;

/// <summary>
/// A real Identity with people of before, and Policy beside it, which exchange messages. Identity's tables are changed by statements: what
/// it notes and tells, it notes and tells by triggers.
/// </summary>
internal sealed class DirectoryPlatform : IAsyncDisposable
{
    private readonly TestDatabase _database;
    private ServiceFixture<identity::EnvPlatform.Identity.IdentityOptions> _identity;
    private PolicyPlatform? _policy;

    private DirectoryPlatform(TestDatabase database, ServiceFixture<identity::EnvPlatform.Identity.IdentityOptions> identity)
    {
        (_database, _identity) = (database, identity);
        Identity = NpgsqlDataSource.Create(database.ConnectionString);
    }

    public NpgsqlDataSource Identity { get; }

    public PolicyPlatform Policy => _policy!;

    public static async Task<DirectoryPlatform> StartAsync()
    {
        var database = await TestDatabase.CreateAsync();
        return new(database, await StartIdentityAsync(database, null));
    }

    /// <summary>Starts Policy, which finds what is there.</summary>
    public async Task StartPolicyAsync(int instances = 1, params (string Key, string Value)[] settings)
    {
        var more = settings.ToDictionary(pair => pair.Key, pair => (string?)pair.Value);
        more["services:identity:grpc:0"] = _identity.GrpcAddress.ToString();
        more["Messaging:Prefix"] = _identity.MessagingPrefix;
        _policy = await PolicyPlatform.StartAsync(instances, more);

        // The worker that decides takes the rows away: what was marked is kept here.
        await RunAsync(
            _policy.Db,
            """
            create table marks (like stale_decisions);
            grant all on marks to public;
            create function keep_mark() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
            begin
                insert into marks select new.*;
                return null;
            end $$;
            create trigger keep_mark after insert on stale_decisions for each row execute function keep_mark();
            """);
    }

    /// <summary>A new organization without anybody.</summary>
    public async Task<OrganizationId> NewOrganizationAsync()
    {
        var id = Guid.CreateVersion7();
        await RunAsync(
            Identity, "insert into organizations (id, slug, name, created_at) values ($1, $2, 'Organization', now())", id, $"o-{id:N}");
        return new(id);
    }

    /// <summary>Runs a statement of Identity; <c>$1</c> is the organization.</summary>
    public Task ChangeAsync(string sql, params object[] parameters) => RunAsync(Identity, sql, parameters);

    /// <summary>Of what changed last.</summary>
    public async Task<long> VersionAsync(OrganizationId organization)
    {
        await using var command = Identity.CreateCommand("select max(xid) from directory_changes where org_id = $1");
        command.Parameters.Add(new() { Value = organization.Value });
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Waits until the copy is what Identity has.</summary>
    public Task UntilSameAsync(OrganizationId organization, int seconds = 60) => Eventually.BecomesTrueAsync(
        async () => await IsKnownAsync(organization)
            && (await TheirsAsync(organization)).SequenceEqual(await OursAsync(organization), StringComparer.Ordinal),
        "the copy is as the directory", seconds);

    public async Task<bool> IsKnownAsync(OrganizationId organization) => await Policy.ScalarAsync<bool>(
        "select exists (select from directories where org_id = $1 and known_at is not null and read = wanted)", organization.Value);

    public Task<List<string>> TheirsAsync(OrganizationId organization) => LinesAsync(
        Identity,
        """
        select line from (
            select concat_ws('|', 'subject', s.id, s.email, s.display_name) as line
            from present_memberships m join subjects s on s.id = m.subject_id where m.org_id = $1
            union all select concat_ws('|', 'group', id, name) from user_groups where org_id = $1
            union all select concat_ws('|', 'member', group_id, subject_id) from group_members where org_id = $1
            union all select concat_ws('|', 'member', g.id, m.subject_id) from memberships m join user_groups g on g.id = any(m.left_groups)
                where m.org_id = $1 and m.removed_at is not null
            union all select concat_ws('|', 'channel', id, name, privacy <> 'private', coalesce(allowed::text, 'null')) from channels
                where org_id = $1
            union all select concat_ws('|', 'name', folded, channel_id) from channel_names where org_id = $1
            union all select concat_ws('|', 'grant', channel_id, group_id) from channel_groups where org_id = $1
            union all select concat_ws('|', 'machine', id, hostname) from machines where org_id = $1) lines
        order by line collate "C"
        """, organization);

    public Task<List<string>> OursAsync(OrganizationId organization) => LinesAsync(
        Policy.Db,
        """
        select line from (
            select concat_ws('|', 'subject', subject_id, email, display_name) as line from subjects where org_id = $1 and not deleted
            union all select concat_ws('|', 'group', group_id, name) from groups where org_id = $1 and not deleted
            union all select concat_ws('|', 'member', group_id, subject_id) from group_members where org_id = $1
            union all select concat_ws('|', 'channel', channel_id, name, everybody, coalesce(allowed::text, 'null')) from channels
                where org_id = $1 and not deleted
            union all select concat_ws('|', 'name', folded, channel_id) from channel_names where org_id = $1
            union all select concat_ws('|', 'grant', channel_id, group_id) from channel_grants where org_id = $1
            union all select concat_ws('|', 'machine', machine_id, hostname) from machines where org_id = $1) lines
        order by line collate "C"
        """, organization);

    /// <summary>What was marked since the last call: <c>all</c>, <c>owner ID</c>, <c>environment ID</c>.</summary>
    public Task<List<string>> TakeMarksAsync(OrganizationId organization) => LinesAsync(
        Policy.Db,
        """
        with taken as (delete from marks where org_id = $1 returning *)
        select distinct coalesce('owner ' || subject_id, 'environment ' || environment_id, 'set ' || package_set_id, 'all') as line
        from taken order by line
        """, organization);

    public async Task StopIdentityAsync() => await _identity.DisposeAsync();

    /// <summary>Starts Identity again, where it was.</summary>
    public async Task StartIdentityAgainAsync() => _identity = await StartIdentityAsync(_database, _identity);

    public async ValueTask DisposeAsync()
    {
        if (_policy is not null)
        {
            await _policy.DisposeAsync();
        }

        await _identity.DisposeAsync();
        await Identity.DisposeAsync();
        await _database.DisposeAsync();
    }

    private static Task<ServiceFixture<identity::EnvPlatform.Identity.IdentityOptions>> StartIdentityAsync(
        TestDatabase database, ServiceFixture<identity::EnvPlatform.Identity.IdentityOptions>? before)
    {
        var settings = new Dictionary<string, string?> { ["PUBLIC_URL"] = "http://127.0.0.1:8080" };
        if (before is not null)
        {
            settings["GRPC_PORT"] = $"{before.GrpcAddress.Port}";
            settings["Messaging:Prefix"] = before.MessagingPrefix;
        }

        return ServiceFixture<identity::EnvPlatform.Identity.IdentityOptions>.StartAsync("identity", database, settings);
    }

    private static async Task RunAsync(NpgsqlDataSource db, string sql, params object[] parameters)
    {
        await using var command = db.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter });
        }

        await command.ExecuteNonQueryAsync();
    }

    private static async Task<List<string>> LinesAsync(NpgsqlDataSource db, string sql, OrganizationId organization)
    {
        await using var command = db.CreateCommand(sql);
        command.Parameters.Add(new() { Value = organization.Value });
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
        {
            lines.Add(reader.GetString(0));
        }

        return lines;
    }
}
