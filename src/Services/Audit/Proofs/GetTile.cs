using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.Transparency;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Proofs;

/// <summary>
/// The hashes and the entries of a log in tiles of 256 (C2SP tlog-tiles): all that a verifier needs to compute roots and proofs itself. An
/// entry is an event in canonical JSON.
/// </summary>
internal static class GetTile
{
    private const string Entries = "entries";
    private const int MaxLevel = 7;
    private const string Content = "application/octet-stream";

    public static void MapGetTile(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/tile/{level}/{**path}", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetTile))
            .WithSummary("A tile of an audit log's tree: hashes of a level, or entries.").WithMetadata(AuditReaders.OrganizationParameter)
            .Produces<byte[]>(StatusCodes.Status200OK, Content);

    private static async Task<Results<FileContentHttpResult, UnprocessableEntity<InvalidRequest>, ProblemHttpResult>> HandleAsync(
        string level, string path, HttpContext http, NpgsqlDataSource db, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        if (TilePath.Parse(path) is not { } tile || !IsLevel(level, out var number))
        {
            return Problems.NotFound();
        }

        var bytes = level == Entries ? await EntriesAsync(db, query.Log, tile, ct) : await HashesAsync(db, query.Log, number, tile, ct);
        if (bytes is null)
        {
            return Problems.NotFound();
        }

        // What is in a tile never changes; it is for whoever may read this log.
        http.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        return TypedResults.File(bytes, Content);
    }

    private static bool IsLevel(string level, out int number)
    {
        number = 0;
        return level == Entries || (int.TryParse(level, NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number <= MaxLevel && level == number.ToString(CultureInfo.InvariantCulture));
    }

    private static async Task<byte[]?> HashesAsync(NpgsqlDataSource db, OrganizationId log, int level, TilePath tile, CancellationToken ct)
    {
        var hashes = await new StoredTree(db, log).TileAsync(level, tile.Index, ct);
        var length = tile.Width * MerkleHash.Length;
        return hashes.Length < length ? null : hashes.Length == length ? hashes : hashes[..length];
    }

    private static async Task<byte[]?> EntriesAsync(NpgsqlDataSource db, OrganizationId log, TilePath tile, CancellationToken ct)
    {
        var first = tile.Index * TilePath.FullWidth;
        var entries = await db.QueryAsync<byte[]>(
            "select entry from audit_events where org_id = @log and seq > @first and seq <= @Last order by seq",
            new { log, first, Last = first + tile.Width }, ct);
        if (entries.Count != tile.Width)
        {
            return null;
        }

        var bytes = new ArrayBufferWriter<byte>(entries.Sum(entry => entry.Length + 2));
        foreach (var entry in entries)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.GetSpan(2), (ushort)entry.Length);
            bytes.Advance(2);
            bytes.Write(entry);
        }

        return bytes.WrittenSpan.ToArray();
    }
}
