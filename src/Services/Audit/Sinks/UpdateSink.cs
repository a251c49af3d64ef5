using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An administrator changes a receiver: what is sent on goes by the new words, from where it was.</summary>
internal static class UpdateSink
{
    /// <summary>What is null stays as it is.</summary>
    /// <param name="Token">A new one of a collector.</param>
    /// <param name="Authorities">Empty for none.</param>
    public sealed record Request(
        [ResourceName] string? Name = null, string? Address = null, string? Format = null, string? Token = null,
        IReadOnlyList<string>? Q = null, string? SearchOperator = null, [MultiLine] string? Authorities = null);

    internal static void MapUpdateSink(this IEndpointRouteBuilder sinks) =>
        sinks.MapPatch("/{id}", HandleAsync).RequireAuthorization(Permission.AuditStream).WithName("UpdateAuditSink")
            .WithSummary("Change a receiver of the audit log.").ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);

    private static async Task<Results<Ok<SinkView>, ProblemHttpResult>> HandleAsync(
        SinkId id, Request request, IfMatch ifMatch, Caller caller, HttpResponse http, NpgsqlDataSource db, SinkSecrets secrets,
        TimeProvider clock, CancellationToken ct)
    {
        await using (var tx = await db.BeginAsync(ct))
        {
            if (await Sink.LockAsync(tx, caller.OrgId, id) is not { } sink)
            {
                return Problems.NotFound();
            }

            if (ifMatch.Refuse(sink.Version) is { } refusal)
            {
                return refusal;
            }

            var after = After(sink.Fields, request);
            if (SinkRequest.Refuse(after, request.Token) is { Count: > 0 } errors)
            {
                return Problems.Invalid(errors);
            }

            if (await ChangeAsync(tx, caller, sink, after, request.Token is { } token ? secrets.Seal(token) : null, clock.GetUtcNow()))
            {
                await tx.CommitAsync();
            }
            else
            {
                return CreateSink.NameTaken();
            }
        }

        return await ReadSinks.ShowAsync(db, caller, id, http, ct);
    }

    private static SinkFields After(SinkFields before, Request request) => before with
    {
        Name = request.Name is null ? before.Name : ResourceNameAttribute.Normalize(request.Name),
        Address = request.Address ?? before.Address,
        Format = request.Format ?? before.Format,
        Q = request.Q ?? before.Q,
        SearchOperator = request.SearchOperator ?? before.SearchOperator,
        Authorities = request.Authorities switch { null => before.Authorities, "" => null, _ => request.Authorities },
    };

    /// <returns>False where the name is taken.</returns>
    private static async Task<bool> ChangeAsync(
        Tx tx, Caller caller, Sink sink, SinkFields after, byte[]? secret, DateTimeOffset now)
    {
        var changes = Changes.Between(sink.Fields, after);
        if (changes is null && secret is null)
        {
            return true;
        }

        var changed = await tx.ExecuteAsync(
            """
            update audit_sinks set name = @Name, address = @Address, format = @Format, filters = @Filters, match_all = @MatchAll,
                authorities = @Authorities, secret = coalesce(@secret, secret), version = version + 1, updated_at = @now, next_at = @now,
                leased_until = '-infinity', lease_id = null
            where org_id = @OrgId and sink_id = @SinkId and not exists (
                select from audit_sinks o where o.org_id = @OrgId and o.sink_id <> @SinkId
                    and lower(normalize(o.name, NFC) collate "und-x-icu") = lower(normalize(@Name, NFC) collate "und-x-icu"))
            """,
            new
            {
                sink.OrgId,
                sink.SinkId,
                after.Name,
                after.Address,
                after.Format,
                Filters = after.Q.ToArray(),
                MatchAll = after.SearchOperator == "and",
                after.Authorities,
                secret,
                now,
            });
        if (changed == 0)
        {
            return false;
        }

        string[] fields = [.. changes?.Changed ?? [], .. secret is null ? Array.Empty<string>() : ["token"]];
        tx.Audit(
            caller, now, "audit_sink_updated", sink.Target, $"{caller.DisplayName} changed the receiver {after.Name} of the audit log.",
            new { changes?.Before, changes?.After, changed = fields });
        return true;
    }
}
