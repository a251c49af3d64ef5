using Dapper;

using EnvPlatform.Scanner.Mapping;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>Reads the published mappings that were imported.</summary>
internal static class StoredMapping
{
    private const string Sql = "select source, channel, conda_name, pypi_names from published_mappings";

    /// <summary>As of the transaction that the connection is in.</summary>
    public static async Task<List<PublishedEntry>> ReadAsync(NpgsqlConnection connection, CancellationToken ct) =>
        [.. await connection.QueryAsync<PublishedEntry>(new CommandDefinition(Sql, cancellationToken: ct))];

    public static async Task<List<PublishedEntry>> ReadAsync(NpgsqlDataSource db, CancellationToken ct)
    {
        await using var connection = await db.OpenConnectionAsync(ct);
        return await ReadAsync(connection, ct);
    }

    /// <summary>The mapping of packages to projects with these imported entries.</summary>
    public static ConventionMapping With(CondaChannels channels, IEnumerable<PublishedEntry> entries) =>
        new(CondaNames.BuiltIn, channels, PublishedMapping.Of(entries));
}
