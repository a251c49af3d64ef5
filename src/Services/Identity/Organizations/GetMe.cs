using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Organizations;

/// <summary>Who the caller is, as its token says: a token that is good for one organization shows that one only.</summary>
internal static class GetMe
{
    public sealed record Response(
        SubjectId Id, string Type, string? Email, string DisplayName, bool Operator, TokenId? TokenId,
        IReadOnlyList<Membership> Organizations);

    internal static void MapGetMe(this IEndpointRouteBuilder api) =>
        api.MapGet("/me", (Caller caller) => TypedResults.Ok(new Response(
                caller.SubjectId, caller.SubjectType, caller.Email, caller.DisplayName, caller.IsOperator,
                caller.TokenId, caller.Memberships)))
            .RequireAuthorization(Access.Anyone).WithName(nameof(GetMe)).WithSummary("The caller, its organizations and its role in each.");
}
