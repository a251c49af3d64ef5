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

    /// <summary>Packages at most, of logs and of those before them, that are compared in one go; one log may have more.</summary>
    private const int MaxCompared = 200_000;

    /// <param name="RenamedFrom">The prefix before, when the environment was renamed.</param>
    /// <param name="IncompleteCount">How much the agent could not read in full; null when its log does not say.</param>
    /// <param name="Incomplete">The first of it.</param>
    /// <param name="Packages">How many there were after it.</param>
    internal sealed record Item(
        DateTimeOffset LoggedAt, UserView User, string? Command, string Digest, int Packages, string? RenamedFrom,
        IReadOnlyList<PackageKey> Added, IReadOnlyList<PackageKey> Removed, IReadOnlyList<ChangedPackage> Changed,
        int? IncompleteCount, IReadOnlyList<IncompleteEntry>? Incomplete);

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
        var fitting = await FittingAsync(db, rows, page.Limit, ct);
        var items = await ItemsAsync(db, fitting, ct);
        var next = fitting.Count < rows.Count ? page.Next($"{fitting[^1].Row.Version}") : null;
        return TypedResults.Ok(new Page<Item>(items, total, next));
    }

    /// <summary>
    /// At least one row, at most <paramref name="limit"/>, and no more than the changes of a page; only these are compared.
    /// </summary>
    private static async Task<List<(Row Row, Difference Difference)>> FittingAsync(
        NpgsqlDataSource db, List<Row> rows, int limit, CancellationToken ct)
    {
        var fitting = new List<(Row, Difference)>(Math.Min(limit, rows.Count));
        var changes = 0;
        for (var left = rows[..Math.Min(limit, rows.Count)]; left.Count > 0;)
        {
            var some = left[..Together(left)];
            left.RemoveRange(0, some.Count);
            var differences = await db.QueryAsync<Difference>(
                DifferenceSql,
                new
                {
                    Sets = some.Select(row => row.PackageSetId).ToArray(),
                    Before = some.Select(row => row.PreviousPackageSetId).ToArray(),
                }, ct);
            foreach (var (row, difference) in some.Zip(differences))
            {
                changes += difference.Come.Length + difference.Gone.Length;
                if (changes > MaxChanges && fitting.Count > 0)
                {
                    return fitting;
                }

                fitting.Add((row, difference));
            }
        }

        return fitting;
    }

    /// <summary>How many of the first rows are compared in one go.</summary>
    private static int Together(List<Row> rows)
    {
        var packages = 0;
        var beyond = rows.FindIndex(row => (packages += row.PackageCount + row.PreviousCount) > MaxCompared);
        return beyond < 0 ? rows.Count : Math.Max(1, beyond);
    }

    private static async Task<Item[]> ItemsAsync(NpgsqlDataSource db, List<(Row Row, Difference Difference)> rows, CancellationToken ct)
    {
        var ids = rows.SelectMany(one => one.Difference.Come.Concat(one.Difference.Gone)).Distinct().ToArray();
        var packages = (await db.QueryAsync<PackageRow>(
            "select package_id, manager, channel, subdir, name, version, build from packages where package_id = any(@ids)", new { ids },
            ct))
            .ToDictionary(
                row => row.PackageId, row => new PackageKey(row.Manager, row.Channel, row.Subdir, row.Name, row.Version, row.Build));
        return [.. rows.Select(one =>
        {
            var (row, difference) = one;
            var changes = PackageChanges.Between(difference.Gone.Select(id => packages[id]), difference.Come.Select(id => packages[id]));
            return new Item(
                row.LoggedAt, new(row.ActorId, row.ActorEmail, row.ActorName), row.Command, row.Digest, row.PackageCount, row.RenamedFrom,
                changes.Added, changes.Removed, changes.Changed, row.IncompleteCount, Incompleteness.Of(row.Incomplete));
        })];
    }

    private static readonly string PageSql =
        $"""
        select l.version, l.logged_at, l.command, l.renamed_from, l.actor_id, l.actor_email, l.actor_name, s.digest, s.package_count,
            l.package_set_id, l.previous_package_set_id, coalesce(p.package_count, 0) as previous_count,
            jsonb_array_length(l.incomplete) as incomplete_count,
            {Incompleteness.ShownSql("l.incomplete")} as incomplete
        from environment_logs l
        join package_sets s on s.package_set_id = l.package_set_id
        left join package_sets p on p.package_set_id = l.previous_package_set_id
        where l.org_id = @OrgId and l.environment_id = @id
        """;

    private const string NewestFirstSql = " and (@After::bigint is null or l.version < @After) order by l.version desc limit @Take";

    private const string OldestFirstSql = " and (@After::bigint is null or l.version > @After) order by l.version limit @Take";

    private const string DifferenceSql =
        """
        select array(select unnest(s.package_ids) except select unnest(p.package_ids)) as come,
            array(select unnest(p.package_ids) except select unnest(s.package_ids)) as gone
        from unnest(@Sets, @Before) with ordinality as l(set_id, before_id, place)
        join package_sets s on s.package_set_id = l.set_id
        left join package_sets p on p.package_set_id = l.before_id
        order by l.place
        """;

    private sealed record Row(
        long Version, DateTimeOffset LoggedAt, string? Command, string? RenamedFrom, SubjectId ActorId, string? ActorEmail,
        string ActorName, string Digest, int PackageCount, long PackageSetId, long? PreviousPackageSetId, int PreviousCount,
        int? IncompleteCount, string? Incomplete);

    /// <summary>The packages that a log has and the one before it has not, and the other way round.</summary>
    private sealed record Difference(int[] Come, int[] Gone);

    private sealed record PackageRow(
        int PackageId, string Manager, string Channel, string Subdir, string Name, string Version, string Build);
}
