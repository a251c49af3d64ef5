using EnvPlatform.Contracts.Ids;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Ingest.Environments;

/// <summary>The logs of an environment that changed something, newest first: what, by which command, when and by whom.</summary>
internal static class GetHistory
{
    /// <summary>Package changes at most on a page, to bound the response; such a page ends before its limit.</summary>
    private const int MaxChanges = 50_000;

    /// <param name="RenamedFrom">The previous prefix, when the environment was renamed.</param>
    /// <param name="Packages">How many there were afterwards.</param>
    internal sealed record Item(
        DateTimeOffset LoggedAt, UserView User, string? Command, string Digest, int Packages, string? RenamedFrom,
        IReadOnlyList<PackageKey> Added, IReadOnlyList<PackageKey> Removed, IReadOnlyList<ChangedPackage> Changed);

    public static void MapGetHistory(this IEndpointRouteBuilder environments) =>
        environments.MapGet("/{id}/history", HandleAsync).WithName(nameof(GetHistory)).WithSummary("Get the history of an environment")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<Page<Item>>, ProblemHttpResult>> HandleAsync(
        EnvironmentId id, PageQuery page, Caller caller, NpgsqlDataSource db, CancellationToken ct)
    {
        _ = page.SortBy(new Dictionary<string, string>(StringComparer.Ordinal) { ["logged_at"] = "version" }, "logged_at");
        var owner = await db.QuerySingleOrDefaultAsync<SubjectId?>(
            "select owner_id from environments where org_id = @OrgId and environment_id = @id and removed_at is null",
            new { caller.OrgId, id }, ct);
        if (owner is null || !caller.MaySee(owner.Value))
        {
            return Problems.NotFound();
        }

        // Newest first unless the caller asks for sort=logged_at.
        var oldestFirst = page is { Sort: not null, Descending: false };
        var rows = await db.QueryAsync<Row>(
            oldestFirst ? PageSql + OldestFirstSql : PageSql + NewestFirstSql,
            new { caller.OrgId, id, After = page.After is null ? (long?)null : long.Parse(page.After[0]!), Take = page.Limit + 1 }, ct);
        var total = await db.QuerySingleAsync<long>(
            "select count(*) from environment_logs where org_id = @OrgId and environment_id = @id", new { caller.OrgId, id }, ct);
        var fitting = Fitting(rows, page.Limit);
        var items = await ItemsAsync(db, fitting, ct);
        var next = fitting.Count < rows.Count ? page.Next($"{fitting[^1].Version}") : null;
        return TypedResults.Ok(new Page<Item>(items, total, next));
    }

    /// <summary>At least one row, at most <paramref name="limit"/>, with no more changes than a page may hold.</summary>
    private static List<Row> Fitting(List<Row> rows, int limit)
    {
        var fitting = new List<Row>(Math.Min(limit, rows.Count));
        var changes = 0;
        foreach (var row in rows.Take(limit))
        {
            changes += row.Come.Length + row.Gone.Length;
            if (changes > MaxChanges && fitting.Count > 0)
            {
                break;
            }

            fitting.Add(row);
        }

        return fitting;
    }

    private static async Task<Item[]> ItemsAsync(NpgsqlDataSource db, List<Row> rows, CancellationToken ct)
    {
        var ids = rows.SelectMany(row => row.Come.Concat(row.Gone)).Distinct().ToArray();
        var packages = (await db.QueryAsync<PackageRow>(
            "select package_id, manager, channel, subdir, name, version, build from packages where package_id = any(@ids)", new { ids },
            ct))
            .ToDictionary(
                row => row.PackageId, row => new PackageKey(row.Manager, row.Channel, row.Subdir, row.Name, row.Version, row.Build));
        return [.. rows.Select(row =>
        {
            var changes = PackageChanges.Between(row.Gone.Select(id => packages[id]), row.Come.Select(id => packages[id]));
            return new Item(
                row.LoggedAt, new(row.ActorId, row.ActorEmail, row.ActorName), row.Command, row.Digest, row.PackageCount, row.RenamedFrom,
                changes.Added, changes.Removed, changes.Changed);
        })];
    }

    private const string PageSql =
        """
        select l.version, l.logged_at, l.command, l.renamed_from, l.actor_id, l.actor_email, l.actor_name, s.digest, s.package_count,
            array(select unnest(s.package_ids) except select unnest(p.package_ids)) as come,
            array(select unnest(p.package_ids) except select unnest(s.package_ids)) as gone
        from environment_logs l
        join package_sets s on s.package_set_id = l.package_set_id
        left join package_sets p on p.package_set_id = l.previous_package_set_id
        where l.org_id = @OrgId and l.environment_id = @id
        """;

    private const string NewestFirstSql = " and (@After::bigint is null or l.version < @After) order by l.version desc limit @Take";

    private const string OldestFirstSql = " and (@After::bigint is null or l.version > @After) order by l.version limit @Take";

    private sealed record Row(
        long Version, DateTimeOffset LoggedAt, string? Command, string? RenamedFrom, SubjectId ActorId, string? ActorEmail,
        string ActorName, string Digest, int PackageCount, int[] Come, int[] Gone);

    private sealed record PackageRow(
        int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build);
}
