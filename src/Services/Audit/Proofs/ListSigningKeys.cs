using EnvPlatform.Audit.AuditLogs;
using EnvPlatform.Transparency;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Audit.Proofs;

/// <summary>The public keys with which checkpoints of a log are and were signed.</summary>
internal static class ListSigningKeys
{
    /// <param name="Key">As verifiers of signed notes read it: <c>NAME+ID+KEY</c> (C2SP signed-note).</param>
    /// <param name="Name">Also the origin of the log's checkpoints.</param>
    /// <param name="KeyId">Eight hexadecimal digits.</param>
    /// <param name="PublicKey">32 bytes in Base64.</param>
    /// <param name="ValidUntil">A checkpoint that was signed later with this key is not to be believed.</param>
    public sealed record PublicSigningKey(
        string Key, string Name, string KeyId, string Algorithm, string PublicKey, DateTimeOffset ValidFrom, DateTimeOffset ValidUntil);

    public sealed record SigningKeyList(IReadOnlyList<PublicSigningKey> Items, int TotalCount);

    public static void MapListSigningKeys(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/keys", HandleAsync).RequireAuthorization(AuditReaders.Policy).WithName(nameof(ListSigningKeys))
            .WithSummary("The public keys that verify an audit log's checkpoints.").WithMetadata(AuditReaders.OrganizationParameter);

    private static async Task<Results<Ok<SigningKeyList>, UnprocessableEntity<InvalidRequest>>> HandleAsync(
        HttpContext http, SigningKeys keys, CancellationToken ct)
    {
        var query = AuditQuery.OfHeaders(http);
        if (query.Errors is { } errors)
        {
            return TypedResults.UnprocessableEntity(errors);
        }

        // So that there is one.
        await keys.InForceAsync(ct);
        var items = (await keys.AllAsync(ct)).Select(key =>
        {
            var note = NoteKey.Of(keys.OriginOf(query.Log), key.PublicKey);
            return new PublicSigningKey(
                note.ToString(), note.Name, $"{note.Id:x8}", "ed25519", Convert.ToBase64String(key.PublicKey), key.ValidFrom,
                key.ValidUntil);
        }).ToList();
        return TypedResults.Ok(new SigningKeyList(items, items.Count));
    }
}
