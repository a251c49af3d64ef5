using System.Data;
using System.Runtime.CompilerServices;

using EnvPlatform.Scanner.Advisories.Imports;
using EnvPlatform.Scanner.Advisories.Nvd;
using EnvPlatform.Scanner.Advisories.Osv;

using Npgsql;

using NpgsqlTypes;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>Reads advisories back from their source records, one after the other.</summary>
internal static class StoredAdvisories
{
    public const string InForce = "select id, source, raw from advisories where withdrawn_at is null";

    /// <summary>Those in force whose ids are not in <c>$1</c>.</summary>
    public const string InForceExcept = "select id, source, raw from advisories where withdrawn_at is null and id <> all($1)";

    /// <summary>Those whose ids are in <c>$1</c>, withdrawn or not.</summary>
    public const string Among = "select id, source, raw from advisories where id = any($1)";

    public static async IAsyncEnumerable<Advisory> ReadAsync(
        NpgsqlConnection connection, string sql, string[]? ids, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = 600;
        if (ids is not null)
        {
            command.Parameters.Add(new() { Value = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        }

        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, ct);
        while (await reader.ReadAsync(ct))
        {
            var id = reader.GetString(0);
            var source = reader.GetString(1);
            yield return Parse(source, reader.GetFieldValue<byte[]>(2))
                ?? throw new InvalidDataException($"The stored advisory {id} cannot be read any more.");
        }
    }

    private static Advisory? Parse(string source, byte[] json) => source == AdvisoryChange.Nvd
        ? (NvdParser.Parse(json) as NvdRecord.Valid)?.Advisory
        : (OsvParser.Parse(json) as OsvRecord.Valid)?.Advisory;
}
