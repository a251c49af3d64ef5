using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.ServiceAccounts;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Machines;

/// <summary>
/// An administrator makes a key by which unattended machines register as a service account's, each with a token of its own. Unlike a
/// secret that all of them share for ever it ends within days, is good for so many machines, and can do nothing else.
/// </summary>
internal static class CreateEnrolmentKey
{
    private const int MostUses = 10_000;
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <param name="Owner">The service account whose machines they will be: one that may log environments.</param>
    /// <param name="ExpiresAt">At most 7 days away.</param>
    /// <param name="MaxUses">How many machines it is good for.</param>
    /// <param name="Platform">conda's name of the only platform that it is good for; left out: any.</param>
    public sealed record Request(
        [Required, ResourceName] string Name, [Required] SubjectId? Owner, [Required] DateTimeOffset? ExpiresAt,
        [Required, Range(1, MostUses)] int? MaxUses,
        [MaxLength(40), RegularExpression(
            "^[a-z0-9_]+(-[a-z0-9_]+)?$", ErrorMessage = "Must be a conda platform such as linux-64.")] string? Platform = null);

    public sealed record Response(
        EnrolmentKeyId Id, string Name, string Key, SubjectId OwnerId, string? Platform, int MaxUses, DateTimeOffset CreatedAt,
        DateTimeOffset ExpiresAt);

    internal static void MapCreateEnrolmentKey(this IEndpointRouteBuilder keys) =>
        keys.MapPost("", HandleAsync).RequireAuthorization(Permission.EnrolmentKeysWrite, Access.Person)
            .WithName(nameof(CreateEnrolmentKey)).WithSummary("Make a key by which unattended machines register; it is shown once.")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Results<Created<Response>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, HttpResponse http, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (request.ExpiresAt <= now || request.ExpiresAt > now + Longest)
        {
            return Problems.Invalid("expires_at", "Must be in the future, and at most 7 days away.");
        }

        await using var tx = await db.BeginAsync(ct);
        if (await UpdateServiceAccount.LockAsync(tx, caller.OrgId, request.Owner!.Value) is not { } owner)
        {
            return Problems.Invalid("owner", "Must be a service account of the organization.");
        }

        string[] scopes = [Permission.EnvironmentsLog];
        if (!Roles.Allow(owner.Role, Permission.EnvironmentsLog) || owner.Scopes?.Contains(Permission.EnvironmentsLog) == false)
        {
            return Problems.Invalid("owner", "The service account may not log environments.");
        }

        if (GrantedScopes.RefuseBeyond(caller, owner.Role, scopes) is { } refusal)
        {
            return refusal;
        }

        var key = SecretFormat.New(SecretFormat.EnrolmentKeyPrefix);
        var answer = new Response(
            EnrolmentKeyId.New(now), ResourceNameAttribute.Normalize(request.Name), key, request.Owner.Value, request.Platform,
            request.MaxUses!.Value, now, request.ExpiresAt!.Value.ToUniversalTime());
        await tx.ExecuteAsync(
            """
            insert into enrolment_keys (id, org_id, owner_id, name, sha256, platform, max_uses, created_by, created_at, expires_at)
            values (@Id, @OrgId, @OwnerId, @Name, @Sha256, @Platform, @MaxUses, @SubjectId, @now, @ExpiresAt)
            """,
            new
            {
                answer.Id,
                caller.OrgId,
                answer.OwnerId,
                answer.Name,
                Sha256 = SecretFormat.Sha256(key),
                answer.Platform,
                answer.MaxUses,
                caller.SubjectId,
                now,
                answer.ExpiresAt,
            });
        tx.Audit(
            caller, now, "enrolment_key_created", new AuditTarget(answer.Id.ToString(), null, "enrolment_key"),
            $"{caller.DisplayName} made the enrolment key '{answer.Name}' for {owner.Name}.",
            new { answer.Name, owner = answer.OwnerId, owner_name = owner.Name, answer.Platform, answer.MaxUses, answer.ExpiresAt });
        await tx.CommitAsync();
        http.Headers.CacheControl = "no-store";
        return TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/enrolment-keys/{answer.Id}", answer);
    }
}
