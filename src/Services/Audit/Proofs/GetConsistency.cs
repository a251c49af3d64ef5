using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.ServiceDefaults.OpenApi;
using EnvPlatform.Transparency;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Proofs;

/// <summary>The proof that a log began as it was when it was smaller: that nothing in it was changed, removed or put in between.</summary>
internal static class GetConsistency
{
    /// <param name="Hashes">The consistency proof (RFC 9162, section 2.1.4), each 32 bytes in Base64.</param>
    public sealed record ConsistencyProof(string Origin, long From, long To, IReadOnlyList<string> Hashes);

    public static void MapGetConsistency(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/consistency", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(GetConsistency))
            .WithSummary("The proof that an audit log only grew between two sizes.")
            .WithMetadata(
                AuditReaders.OrganizationParameter,
                new DescribedParameter("from", "The size of the earlier checkpoint.", Type: "integer", Required: true),
                new DescribedParameter("to", "That of the later one.", Type: "integer", Required: true));

    private static async Task<Results<Ok<ConsistencyProof>, UnprocessableEntity<InvalidRequest>, ProblemHttpResult>> HandleAsync(
        HttpContext http, NpgsqlDataSource db, SignCheckpoints checkpoints, SigningKeys keys, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        var (from, to) = (query.ReadLong(http.Request.Query["from"], "from"), query.ReadLong(http.Request.Query["to"], "to"));
        if (query.Errors is null && (from is null || to is null))
        {
            query.Refuse("query", from is null ? "from" : "to", "Field required.", "missing");
        }
        else if (from > to)
        {
            query.Refuse("query", "from", "Is larger than to.", "value_error");
        }

        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        if (await checkpoints.LatestAsync(query.Log, to!.Value, ct) is null)
        {
            return TreeBehind.Answer(http, isAsked: true);
        }

        var hashes = await new StoredTree(db, query.Log).RootsAsync(MerkleProof.Consistency(from!.Value, to.Value), ct);
        return TypedResults.Ok(new ConsistencyProof(
            keys.OriginOf(query.Log), from.Value, to.Value, [.. hashes.Select(hash => Convert.ToBase64String(hash))]));
    }
}
