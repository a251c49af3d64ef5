using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.Tokens;

/// <summary>
/// The scopes of a credential: names of permissions that narrow what its bearer's role allows. They never widen it, and nobody gives a
/// credential more than it may itself at that moment.
/// </summary>
internal static class GrantedScopes
{
    public const string Field = "scopes";
    public const int Most = 100;

    /// <summary>As they are stored: each once, in the order in which permissions are listed; null for all of the role's.</summary>
    public static string[]? Stored(IReadOnlyList<string>? scopes) =>
        scopes is null ? null : [.. Permission.All.Select(permission => permission.Name).Where(scopes.Contains)];

    /// <summary>Null when all are permissions.</summary>
    public static ProblemHttpResult? Refuse(IReadOnlyList<string>? scopes) =>
        scopes is { Count: 0 }
            ? Problems.Invalid(Field, "Must name a permission, or be left out for all of the role.")
            : scopes?.Where(scope => !Permission.All.Any(permission => permission.Name == scope)).ToArray() is [var unknown, ..]
                ? Problems.Invalid(Field, $"'{unknown}' is no permission: GET /api/v1/roles lists them.")
                : null;

    /// <summary>Null when the caller may all that a credential of this role and these scopes may.</summary>
    /// <param name="scopes">Null: all of the role.</param>
    public static ProblemHttpResult? RefuseBeyond(Caller caller, string role, IReadOnlyList<string>? scopes)
    {
        var beyond = (scopes ?? [.. Roles.Permissions[role]]).Where(scope => !caller.Can(scope)).Order(StringComparer.Ordinal).ToArray();
        return beyond.Length == 0 ? null : Problems.Of(
            StatusCodes.Status400BadRequest, "scope_exceeds_caller", "More than the caller may.",
            $"The caller itself may not: {string.Join(", ", beyond)}."
            + (scopes is null ? " Name the scopes: without them it would be all of the role." : ""));
    }
}
