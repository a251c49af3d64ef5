using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.SignIn;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>
/// An administrator lets jobs of a CI act as a service account, without a secret: by the token that the CI gives each of them (RFC 8693).
/// </summary>
internal static class AddTrust
{
    private const int MostTrusts = 50;

    /// <param name="Issuer">The issuer as its tokens name it (<c>iss</c>), whose keys its discovery document leads to.</param>
    /// <param name="Audience">What the tokens must name as <c>aud</c>: something that is asked for this platform alone.</param>
    /// <param name="SubjectPattern">See <see cref="ServiceAccounts.SubjectPattern"/>.</param>
    public sealed record Request(
        [Required, MinLength(1), MaxLength(500)] string Issuer,
        [Required, MinLength(1), MaxLength(500)] string Audience,
        [Required, MinLength(1), MaxLength(ServiceAccounts.SubjectPattern.MaxLength)] string SubjectPattern);

    internal static void MapAddTrust(this IEndpointRouteBuilder accounts) =>
        accounts.MapPost("/{id}/trusts", HandleAsync).RequireAuthorization(Permission.ServiceAccountsWrite, Access.Person)
            .WithName(nameof(AddTrust)).WithSummary("Let jobs of a CI act as a service account by the tokens of their issuer.")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Created<GetServiceAccount.Trust>, ProblemHttpResult>> HandleAsync(
        SubjectId id, Request request, Caller caller, NpgsqlDataSource db, IOptions<IdentityOptions> options, TimeProvider clock,
        CancellationToken ct)
    {
        if (IssuerAddress.Refuse(request.Issuer, options.Value.PrivateIssuers) is { } issuerProblem)
        {
            return Problems.Invalid("issuer", issuerProblem);
        }

        if (SubjectPattern.Refuse(request.SubjectPattern) is { } patternProblem)
        {
            return Problems.Invalid("subject_pattern", patternProblem);
        }

        var now = clock.GetUtcNow();
        await using var tx = await db.BeginAsync(ct);
        if (await UpdateServiceAccount.LockAsync(tx, caller.OrgId, id) is not { } account)
        {
            return Problems.NotFound();
        }

        if (GrantedScopes.RefuseBeyond(caller, account.Role, account.Scopes) is { } refusal)
        {
            return refusal;
        }

        if (account.Role == Roles.Administrator && await StepUp.RefuseAsync(db, caller, now, ct) is { } older)
        {
            return older;
        }

        if (await tx.QuerySingleAsync<long>("select count(*) from service_account_trusts where account_id = @id", new { id }) >= MostTrusts)
        {
            return Problems.Conflict("trust_limit", $"The service account has {MostTrusts} trusts already.");
        }

        var trust = new GetServiceAccount.Trust(
            TrustId.New(now), request.Issuer, request.Audience, request.SubjectPattern, now, LastUsedAt: null);
        var added = await tx.ExecuteAsync(
            """
            insert into service_account_trusts (id, account_id, issuer, audience, subject_pattern, created_by, created_at)
            values (@Id, @account, @Issuer, @Audience, @SubjectPattern, @By, @now)
            on conflict do nothing
            """,
            new { trust.Id, account = id, trust.Issuer, trust.Audience, trust.SubjectPattern, By = caller.SubjectId, now });
        if (added == 0)
        {
            return Problems.Conflict("trust_exists", "The service account trusts them already.");
        }

        tx.Audit(
            caller, now, "service_account_trust_added", new AuditTarget(id.ToString(), null, "service_account"),
            $"The service account {account.Name} trusts {trust.SubjectPattern} of {trust.Issuer} now.",
            new { account.Name, trust_id = trust.Id, trust.Issuer, trust.Audience, trust.SubjectPattern });
        await tx.CommitAsync();
        return TypedResults.Created($"/api/v1/orgs/{caller.Organization!.Slug}/service-accounts/{id}", trust);
    }
}
