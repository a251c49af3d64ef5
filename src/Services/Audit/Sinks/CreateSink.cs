using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Audit.Sinks;

/// <summary>An administrator has the log sent to a receiver.</summary>
internal static class CreateSink
{
    /// <param name="Kind">webhook, splunk_hec or syslog.</param>
    /// <param name="Address">https://... of a webhook or collector; tls://HOST:PORT of a syslog receiver.</param>
    /// <param name="Format">jsonl, cloudevents, ocsf or cef; without it cef for syslog, jsonl for the rest.</param>
    /// <param name="Token">Of a collector.</param>
    /// <param name="Q">Filters, as in the list of events.</param>
    /// <param name="SearchOperator">or (default), and.</param>
    /// <param name="Authorities">Certificates in PEM of who may have signed the receiver's; null: whom the platform trusts.</param>
    /// <param name="FromSeq">The first event that is sent; without it, the next one of the log. 1: the whole log.</param>
    public sealed record Request(
        [Required, ResourceName] string Name,
        [Required, AllowedValues("webhook", "splunk_hec", "syslog", ErrorMessage = "Must be webhook, splunk_hec or syslog.")] string Kind,
        [Required] string Address, string? Format = null, string? Token = null, IReadOnlyList<string>? Q = null,
        string? SearchOperator = null, [MultiLine] string? Authorities = null, [Range(1, long.MaxValue)] long? FromSeq = null);

    internal static void MapCreateSink(this IEndpointRouteBuilder sinks) =>
        sinks.MapPost("", HandleAsync).RequireAuthorization(Permission.AuditStream).WithName("CreateAuditSink")
            .WithSummary("Have the audit log sent to a receiver; the answer has the secret that signs, once.")
            .ProducesProblem(StatusCodes.Status409Conflict);

    internal static ProblemHttpResult NameTaken() => Problems.Conflict("name_taken", "Another receiver has this name.");

    private static async Task<Results<Created<SinkView>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, SinkSecrets secrets, IOptions<AuditOptions> options,
        TimeProvider clock, CancellationToken ct)
    {
        var fields = new SinkFields(
            ResourceNameAttribute.Normalize(request.Name), request.Kind, request.Address,
            request.Format ?? SinkRequest.UsualFormat(request.Kind), request.Q ?? [], request.SearchOperator ?? "or", request.Authorities);
        var errors = SinkRequest.Refuse(fields, request.Token);
        if (fields.Kind == Sink.SplunkHec && request.Token is null)
        {
            errors["token"] = ["A collector needs a token."];
        }

        if (errors.Count > 0)
        {
            return Problems.Invalid(errors);
        }

        var now = clock.GetUtcNow();
        var id = SinkId.New(now);
        (string? shown, byte[]? secret) = fields.Kind switch
        {
            Sink.Webhook => secrets.New(),
            Sink.SplunkHec => (null, secrets.Seal(request.Token!)),
            _ => (null, null),
        };
        await using (var tx = await db.BeginAsync(ct))
        {
            // One after the other for an organization, so that two do not pass its limit together.
            await tx.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended(@OrgId::text, 2))", new { caller.OrgId });
            var there = await tx.QuerySingleAsync<long>("select count(*) from audit_sinks where org_id = @OrgId", new { caller.OrgId });
            if (there >= options.Value.SinksPerOrganization)
            {
                return Problems.Conflict("too_many_sinks", $"An organization may have {options.Value.SinksPerOrganization} receivers.");
            }

            var added = await tx.ExecuteAsync(
                """
                insert into audit_sinks (org_id, sink_id, name, kind, address, format, filters, match_all, authorities, secret, last_seq,
                    next_at, leased_until, created_at, created_by, updated_at)
                values (@OrgId, @id, @Name, @Kind, @Address, @Format, @Filters, @MatchAll, @Authorities, @secret,
                    coalesce(@FromSeq - 1, (select size from audit_heads where org_id = @OrgId), 0), @now, '-infinity', @now, @SubjectId,
                    @now)
                on conflict do nothing
                """,
                new
                {
                    caller.OrgId,
                    id,
                    fields.Name,
                    fields.Kind,
                    fields.Address,
                    fields.Format,
                    Filters = fields.Q.ToArray(),
                    MatchAll = fields.SearchOperator == "and",
                    fields.Authorities,
                    secret,
                    request.FromSeq,
                    now,
                    caller.SubjectId,
                });
            if (added == 0)
            {
                return NameTaken();
            }

            tx.Audit(
                caller, now, "audit_sink_created", new($"{id}", null, "audit_sink"),
                $"{caller.DisplayName} has the audit log sent to {fields.Name}.", new { after = fields, request.FromSeq });
            await tx.CommitAsync();
        }

        IfMatch.Tell(http, 1);
        var view = await SinkView.FindAsync(db, caller.OrgId, id, ct);
        return view is null
            ? Problems.NotFound()
            : TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/audit-sinks/{id}", view with { Secret = shown });
    }
}
