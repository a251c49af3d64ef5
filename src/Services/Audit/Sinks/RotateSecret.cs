using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An administrator has messages to a webhook signed with a new secret; for a day the old one signs beside it.</summary>
internal static class RotateSecret
{
    private static readonly TimeSpan Overlap = TimeSpan.FromHours(24);

    internal static void MapRotateSecret(this IEndpointRouteBuilder sinks) =>
        sinks.MapPost("/{id}/secret", HandleAsync).RequireAuthorization(Permission.AuditStream).WithName("RotateAuditSinkSecret")
            .WithSummary("Sign messages to a webhook with a new secret, which the answer has once; for a day the old one signs as well.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<SinkView>, ProblemHttpResult>> HandleAsync(
        SinkId id, Caller caller, HttpResponse http, NpgsqlDataSource db, SinkSecrets secrets, TimeProvider clock, CancellationToken ct)
    {
        var (shown, stored) = secrets.New();
        await using (var tx = await db.BeginAsync(ct))
        {
            if (await Sink.LockAsync(tx, caller.OrgId, id) is not { } sink)
            {
                return Problems.NotFound();
            }

            if (sink.Kind != Sink.Webhook)
            {
                return Problems.Conflict("no_signing_secret", "Only messages to webhooks are signed.");
            }

            var now = clock.GetUtcNow();
            await tx.ExecuteAsync(
                """
                update audit_sinks set old_secret = secret, old_secret_until = @Until, secret = @stored, version = version + 1,
                    updated_at = @now, next_at = @now, leased_until = '-infinity', lease_id = null
                where org_id = @OrgId and sink_id = @id
                """, new { caller.OrgId, id, stored, now, Until = now + Overlap });
            tx.Audit(
                caller, now, "audit_sink_secret_created", sink.Target,
                $"{caller.DisplayName} made a new secret for messages to {sink.Name}.",
                new { sink.Name, old_secret_until = now + Overlap });
            await tx.CommitAsync();
        }

        return await ReadSinks.ShowAsync(db, caller, id, http, ct, shown);
    }
}
