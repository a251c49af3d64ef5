using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>The vulnerabilities that the statements of a document name, looked up all at once.</summary>
internal sealed class NamedVulnerabilities
{
    private readonly Dictionary<string, Curated> _byName;

    private NamedVulnerabilities(Dictionary<string, Curated> byName) => _byName = byName;

    /// <summary>The generation of the advisories that they are of, at least.</summary>
    public long Generation { get; private init; }

    /// <summary>Outside of any lock, which names of others could keep for long.</summary>
    public static async Task<NamedVulnerabilities> ReadAsync(
        NpgsqlDataSource db, IEnumerable<VexStatement> statements, CancellationToken ct)
    {
        // First: should an import come between, the names are looked up again.
        var generation = await db.QuerySingleAsync<long>("select generation from advisory_state", null, ct);
        var rows = await db.QueryAsync<NameRow>(NamesSql, new { Names = NamesOf(statements) }, ct);
        var vulnerabilities = await db.QueryAsync<ChangeCurations.NamedRow>(VulnerabilitiesSql, new { Ids = IdsOf(rows) }, ct);
        return Of(rows, vulnerabilities, generation);
    }

    /// <summary>Under the lock, where an import has changed the names since they were read.</summary>
    public static async Task<NamedVulnerabilities> ReadAgainAsync(Tx tx, IEnumerable<VexStatement> statements, long generation)
    {
        var rows = await tx.QueryAsync<NameRow>(NamesSql, new { Names = NamesOf(statements) });
        var vulnerabilities = await tx.QueryAsync<ChangeCurations.NamedRow>(VulnerabilitiesSql, new { Ids = IdsOf(rows) });
        return Of(rows, vulnerabilities, generation);
    }

    /// <summary>The vulnerability that goes by the first of these names that any goes by.</summary>
    public Curated? Find(IEnumerable<string> names) =>
        names.Select(name => _byName.GetValueOrDefault(name.ToLowerInvariant())).FirstOrDefault(found => found is not null);

    private static string[] NamesOf(IEnumerable<VexStatement> statements) =>
        [.. statements.SelectMany(statement => statement.Names).Select(name => name.ToLowerInvariant()).Distinct(StringComparer.Ordinal)];

    private static string[] IdsOf(List<NameRow> rows) =>
        [.. rows.Select(row => row.VulnerabilityId).Distinct(StringComparer.Ordinal)];

    private static NamedVulnerabilities Of(List<NameRow> rows, List<ChangeCurations.NamedRow> vulnerabilities, long generation)
    {
        var byId = vulnerabilities.ToDictionary(row => row.Id, row => row.ToCurated(), StringComparer.Ordinal);
        return new(
            rows.Where(row => byId.ContainsKey(row.VulnerabilityId))
                .ToDictionary(row => row.Name, row => byId[row.VulnerabilityId], StringComparer.Ordinal))
        {
            Generation = generation,
        };
    }

    private const string NamesSql =
        """
        select distinct on (name) name, vulnerability_id from vulnerability_names where name = any(@Names) order by name, vulnerability_id
        """;

    private const string VulnerabilitiesSql = "select id, advisories, aliases from vulnerabilities where id = any(@Ids)";

    private sealed record NameRow(string Name, string VulnerabilityId);
}
