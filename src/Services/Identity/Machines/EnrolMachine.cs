using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Organizations;
using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>
/// An unattended machine registers itself by an enrolment key, as the key's service account's, and gets a token that is good for logging
/// its environments and for nothing else. A machine that enrols again gets another token in place of its last one.
/// </summary>
internal static class EnrolMachine
{
    /// <param name="Platform">conda's name of it: <c>linux-64</c>, <c>osx-arm64</c>...</param>
    public sealed record Request(
        [Required, MaxLength(100)] string Key,
        [Required] MachineId? MachineId,
        [Required, MinLength(1), MaxLength(253)] string Hostname,
        [Required, MaxLength(40), RegularExpression(
            "^[a-z0-9_]+(-[a-z0-9_]+)?$", ErrorMessage = "Must be a conda platform such as linux-64.")] string Platform,
        [Required, MinLength(1), MaxLength(100)] string AgentVersion);

    /// <param name="Organization">Its slug.</param>
    public sealed record Response(string Organization, MachineId MachineId, SubjectId OwnerId, string Token, DateTimeOffset ExpiresAt);

    internal static void MapEnrolMachine(this IEndpointRouteBuilder api) =>
        api.MapPost("/enrol", HandleAsync).RequireAuthorization(Access.Forwarded).WithName(nameof(EnrolMachine))
            .WithSummary("Register a machine by an enrolment key, for a token that is bound to it.")
            .ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Request request, RequestOrigin origin, HttpResponse http, NpgsqlDataSource db, AuthenticationFailures failures, TimeProvider clock,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await FindAsync(db, request, origin, failures, now, ct) is not { } key)
        {
            return Refused();
        }

        await using var tx = await db.BeginAsync(ct);
        // The use counts if and only if all of it is done.
        var uses = await tx.QuerySingleOrDefaultAsync<int?>(
            """
            update enrolment_keys set uses = uses + 1, last_used_at = @now
            where id = @Id and revoked_at is null and expires_at > @now and uses < max_uses
            returning uses
            """, new { key.Id, now });
        if (uses is null)
        {
            return Refused();
        }

        var account = key.Account.ToCaller(origin);
        var registration = new RegisterMachine.Request(request.Hostname, request.Platform, request.AgentVersion);
        var (machine, _) = await RegisterMachine.StoreAsync(tx, account, request.MachineId!.Value, registration, now);
        if (machine is null)
        {
            return RegisterMachine.Taken();
        }

        await MachineTokens.RevokeAsync(tx, key.Account.OrgId, machine.Id, now);
        var latest = now.AddDays((await OrganizationSettings.FindAsync(tx, key.Account.OrgId)).TokenMaxDays);
        var issued = await TokenStore.IssueAsync(
            tx, key.Account.Id, key.Account.OrgId, "machine", power: false, $"machine {machine.Id}", latest, now,
            new TokenLimits([Permission.EnvironmentsLog], MachineId: machine.Id));
        tx.Audit(
            account, now, "enrolment_key_used", new AuditTarget(key.Id.ToString(), null, "enrolment_key"),
            $"The machine {request.Hostname} was enrolled with the key '{key.Name}'.",
            new
            {
                key.Name,
                machine_id = machine.Id,
                request.Hostname,
                request.Platform,
                uses,
                key.MaxUses,
                token_id = issued.Id,
                expires_at = latest,
            });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new Response(key.Account.Slug, machine.Id, key.Account.Id, issued.Token, latest));
    }

    /// <summary>The key, when it is good for this machine; failures are recorded.</summary>
    private static async Task<Key?> FindAsync(
        NpgsqlDataSource db, Request request, RequestOrigin origin, AuthenticationFailures failures, DateTimeOffset now,
        CancellationToken ct)
    {
        var row = SecretFormat.IsWellFormed(request.Key, SecretFormat.EnrolmentKeyPrefix)
            ? await db.QuerySingleOrDefaultAsync<Row>(
                """
                select k.id, k.name, k.owner_id, k.platform, k.max_uses, k.uses, k.expires_at, k.revoked_at, a.scopes
                from enrolment_keys k
                join service_accounts a on a.id = k.owner_id
                where k.sha256 = @Sha256
                """, new { Sha256 = SecretFormat.Sha256(request.Key) }, ct)
            : null;
        if (row is null || await ServiceAccount.FindAsync(db, row.OwnerId, ct) is not { } account)
        {
            await failures.RecordAsync($"address {origin.SourceNetwork}", null, "unknown_enrolment_key", origin, ct);
            return null;
        }

        var reason = row.RevokedAt is not null ? "revoked_enrolment_key"
            : row.ExpiresAt <= now ? "expired_enrolment_key"
            : row.Uses >= row.MaxUses ? "used_up_enrolment_key"
            : row.Platform is { } platform && platform != request.Platform ? "other_platform"
            : !Roles.Allow(account.Role, Permission.EnvironmentsLog) || row.Scopes?.Contains(Permission.EnvironmentsLog) == false
                ? "owner_may_not_log"
            : null;
        if (reason is not null)
        {
            await failures.RecordAsync($"enrolment key {row.Id}", account.ToCaller(origin), reason, origin, ct);
            return null;
        }

        return await account.AdmitAsync(failures, origin, now, ct) ? new(row.Id, row.Name, row.MaxUses, account) : null;
    }

    private static ProblemHttpResult Refused() => Problems.Of(
        StatusCodes.Status401Unauthorized, "enrolment_refused", "Not enrolled.",
        "The key is not good for this machine: unknown, expired, revoked, used up, or for another platform or address. Why is in the "
        + "organization's audit log.");

    private sealed record Key(EnrolmentKeyId Id, string Name, int MaxUses, ServiceAccount Account);

    private sealed record Row(
        EnrolmentKeyId Id, string Name, SubjectId OwnerId, string? Platform, int MaxUses, int Uses, DateTimeOffset ExpiresAt,
        DateTimeOffset? RevokedAt, string[]? Scopes);
}
