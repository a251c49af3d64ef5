using Npgsql;

using NpgsqlTypes;

namespace EnvPlatform.Bench.Load.Scale;

/// <summary>
/// The databases of Ingest and Scanner, to grow a fleet to its size without logging each environment, and to see when both agree. Added
/// environments are copies of logged ones, with their own ids and prefixes.
/// </summary>
internal sealed class Databases(NpgsqlDataSource ingest, NpgsqlDataSource scanner) : IAsyncDisposable
{
    public static async Task<Databases> OpenAsync(RunningPlatform platform, CancellationToken ct) => new(
        NpgsqlDataSource.Create(await platform.DatabaseAsync("ingest", ct) + ";Command Timeout=600"),
        NpgsqlDataSource.Create(await platform.DatabaseAsync("scanner", ct) + ";Command Timeout=600"));

    public Task<long> EnvironmentsAsync(CancellationToken ct) =>
        ScalarAsync(ingest, "select count(*) from environments where removed_at is null", ct);

    public Task<long> ScannedAsync(CancellationToken ct) => ScalarAsync(scanner, "select count(*) from environments where visible", ct);

    public Task<long> SetsAsync(CancellationToken ct) => ScalarAsync(scanner, "select count(*) from set_counts", ct);

    /// <summary>Adds copies until there are that many environments. Some sets get many and most get few.</summary>
    public async Task GrowAsync(int environments, CancellationToken ct)
    {
        var logged = new List<Guid>();
        await using (var command = ingest.CreateCommand(
            "select environment_id from environments where prefix like '/opt/envs/%' order by environment_id"))
        await using (var rows = await command.ExecuteReaderAsync(ct))
        {
            while (await rows.ReadAsync(ct))
            {
                logged.Add(rows.GetGuid(0));
            }
        }

        var there = (int)await EnvironmentsAsync(ct);
        var random = new Random(there);
        var copies = Enumerable.Range(there, Math.Max(0, environments - there))
            .Select(n => new Copy(Guid.CreateVersion7(), logged[(int)(logged.Count * Math.Pow(random.NextDouble(), 2))], n)).ToArray();
        await CopyAsync(
            ingest, copies,
            """
            insert into environments (
                org_id, environment_id, machine_id, owner_id, prefix, name, platform, package_set_id, package_count, requested_ids,
                    created_at, updated_at,
                seen_at, version)
            select org_id, c.id, machine_id, owner_id, '/opt/copies/' || c.n, 'copy-' || md5(c.n::text), platform,
                package_set_id, package_count,
                requested_ids, created_at, updated_at, seen_at, 1
            from copies c join environments e on e.environment_id = c.base
            """, ct);
        await CopyAsync(
            scanner, copies,
            """
            insert into environments (org_id, environment_id, machine_id, owner, prefix, name, platform, set_id,
                logged_version, name_version)
            select org_id, c.id, machine_id, owner, '/opt/copies/' || c.n, 'copy-' || md5(c.n::text), platform, set_id, 1, 1
            from copies c join environments e on e.environment_id = c.base
            """, ct);
        foreach (var database in new[] { ingest, scanner })
        {
            await using var command = database.CreateCommand("vacuum analyze");
            await command.ExecuteNonQueryAsync(ct);
        }
    }

    /// <summary>Whether Ingest's counts of every set equal Scanner's.</summary>
    public async Task<bool> AgreeAsync(CancellationToken ct)
    {
        const string counts = "total, critical, high, medium, low, unknown, max_cvss, kev, not_checked";
        const string hash =
            "select md5(string_agg(concat_ws(' ', id, {0}), ',' order by id)) from (select {1} as id, {0} from {2}) as sets";
        return await TextAsync(ingest, string.Format(null, hash, counts, "package_set_id", "organization_package_sets where living"), ct)
            == await TextAsync(scanner, string.Format(null, hash, counts, "set_id", "set_counts"), ct);
    }

    /// <summary>Vulnerabilities by the number of environments that they affect, most first.</summary>
    public async Task<IReadOnlyList<string>> WidespreadAsync(CancellationToken ct)
    {
        await using var command = scanner.CreateCommand(
            """
            select v.id from set_counts s join set_environments n using (set_id) cross join unnest(s.vulnerability_keys) as found(key)
            join vulnerabilities v on v.key = found.key group by v.id order by sum(n.environments) desc, v.id
            """);
        await using var rows = await command.ExecuteReaderAsync(ct);
        var ids = new List<string>();
        while (await rows.ReadAsync(ct))
        {
            ids.Add(rows.GetString(0));
        }

        return ids;
    }

    public async ValueTask DisposeAsync()
    {
        await ingest.DisposeAsync();
        await scanner.DisposeAsync();
    }

    private static async Task CopyAsync(NpgsqlDataSource database, Copy[] copies, string insert, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using (var create = new NpgsqlCommand("create temporary table copies (id uuid, base uuid, n int)", connection))
        {
            await create.ExecuteNonQueryAsync(ct);
        }

        await using (var rows = await connection.BeginBinaryImportAsync("copy copies (id, base, n) from stdin (format binary)", ct))
        {
            foreach (var copy in copies)
            {
                await rows.StartRowAsync(ct);
                await rows.WriteAsync(copy.Id, NpgsqlDbType.Uuid, ct);
                await rows.WriteAsync(copy.Base, NpgsqlDbType.Uuid, ct);
                await rows.WriteAsync(copy.N, NpgsqlDbType.Integer, ct);
            }

            await rows.CompleteAsync(ct);
        }

        await using var fill = new NpgsqlCommand(insert + "; drop table copies", connection);
        await fill.ExecuteNonQueryAsync(ct);
    }

    private static async Task<long> ScalarAsync(NpgsqlDataSource database, string sql, CancellationToken ct)
    {
        await using var command = database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task<string?> TextAsync(NpgsqlDataSource database, string sql, CancellationToken ct)
    {
        await using var command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync(ct) as string;
    }

    private sealed record Copy(Guid Id, Guid Base, int N);
}
