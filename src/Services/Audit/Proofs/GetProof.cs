using System.Text;

using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.OpenApi;
using EnvPlatform.Transparency;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Proofs;

/// <summary>What proves that an event is in a log: its bytes, its place, the hashes from there to the root, and the signed root.</summary>
internal static class GetProof
{
    /// <param name="Origin">The log.</param>
    /// <param name="Index">The place of the leaf in the tree: the event's <c>seq</c> less one.</param>
    /// <param name="Entry">The event in canonical JSON (RFC 8785): the leaf's hash is SHA-256(0x00 || entry).</param>
    /// <param name="Hashes">The inclusion proof (RFC 9162, section 2.1.3), each 32 bytes in Base64.</param>
    /// <param name="Checkpoint">The signed checkpoint of a tree of that size; null where a <c>tree_size</c> was given.</param>
    public sealed record InclusionProof(
        string Origin, long Index, long TreeSize, string LeafHash, string Entry, IReadOnlyList<string> Hashes, string? Checkpoint);

    public static void MapGetProof(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/{id}/proof", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetProof))
            .WithSummary("The proof that an event is in an audit log.")
            .WithMetadata(
                AuditReaders.OrganizationParameter,
                new DescribedParameter(
                    "tree_size", "The size of a checkpoint that the caller has; the latest checkpoint by default.", Type: "integer"))
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);

    private static async Task<Results<Ok<InclusionProof>, UnprocessableEntity<InvalidRequest>, ProblemHttpResult>> HandleAsync(
        string id, HttpContext http, NpgsqlDataSource db, SignCheckpoints checkpoints, SigningKeys keys, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        var asked = query.ReadLong(http.Request.Query["tree_size"], "tree_size");
        if (!Guid.TryParse(id, out var eventId))
        {
            query.Refuse("path", "id", "Input should be a valid UUID.", "uuid_parsing");
        }

        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        var stored = await db.QuerySingleOrDefaultAsync<Stored>(
            """
            select e.seq, e.entry, e.leaf_hash from audit_event_ids as i
            join audit_events as e on e.org_id = i.org_id and e.seq = i.seq and e.recorded_at = i.recorded_at
            where i.org_id = @Log and i.event_id = @eventId
            """, new { query.Log, eventId }, ct);
        if (stored is null)
        {
            return Problems.NotFound();
        }

        if (asked < stored.Seq)
        {
            return TypedResults.UnprocessableEntity(InvalidRequest.Of(
                "query", "tree_size", $"The event is the {stored.Seq}th: it is in no tree of {asked}.", "value_error"));
        }

        var latest = await checkpoints.LatestAsync(query.Log, asked ?? stored.Seq, ct);
        if (latest is null)
        {
            return TreeBehind.Answer(http, asked > 0);
        }

        var size = asked ?? latest.Size;
        var hashes = await new StoredTree(db, query.Log).RootsAsync(MerkleProof.Inclusion(stored.Seq - 1, size), ct);
        return TypedResults.Ok(new InclusionProof(
            keys.OriginOf(query.Log), stored.Seq - 1, size, Convert.ToBase64String(stored.LeafHash), Encoding.UTF8.GetString(stored.Entry),
            [.. hashes.Select(hash => Convert.ToBase64String(hash))], asked is null ? latest.Note : null));
    }

    private sealed record Stored(long Seq, byte[] Entry, byte[] LeafHash);
}
