using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Tokens;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

using Npgsql;

namespace EnvPlatform.Identity.Organizations;

/// <summary>Who the caller is, by its token: a token that is valid for one organization shows only that one.</summary>
internal static class GetMe
{
    private const int MaxOrganizations = 100;

    /// <param name="Organizations">Those that the caller joined first, 100 at most; <c>/me/organizations</c> lists all.</param>
    /// <param name="OrganizationCount">How many there are in all.</param>
    public sealed record Response(
        SubjectId Id, string Type, string? Email, string DisplayName, bool Operator, TokenId? TokenId,
        IReadOnlyList<MyOrganization> Organizations, long OrganizationCount);

    internal static void MapGetMe(this IEndpointRouteBuilder me) =>
        me.MapGet("", HandleAsync).RequireAuthorization(Access.Anyone).WithName(nameof(GetMe))
            .WithSummary("The caller, its organizations (100 at most) and its role in each.");

    private static async Task<Results<Ok<Response>, ProblemHttpResult>> HandleAsync(
        Caller caller, NpgsqlDataSource db, TimeProvider clock, CancellationToken ct)
    {
        if (await Credential.FindAsync(db, caller, clock.GetUtcNow(), ct) is not { } credential)
        {
            return Credential.Void();
        }

        var parameters = new { caller.SubjectId, Scope = credential.OrgId, MaxOrganizations };
        var total = await db.QuerySingleAsync<long>($"select count(*) {ListMyOrganizations.Mine}", parameters, ct);
        var organizations = await db.QueryAsync<MyOrganization>(
            $"""
            select {MyOrganization.Columns} {ListMyOrganizations.Mine}
            order by m.created_at, m.org_id
            limit @MaxOrganizations
            """, parameters, ct);
        return TypedResults.Ok(new Response(
            caller.SubjectId, caller.SubjectType, caller.Email, caller.DisplayName, caller.IsOperator, caller.TokenId, organizations,
            total));
    }
}
