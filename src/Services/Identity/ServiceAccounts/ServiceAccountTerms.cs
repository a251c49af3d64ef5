using EnvPlatform.Identity.Tokens;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>What an administrator says of a service account: who it is, what it may do, until when and from where.</summary>
/// <param name="Scopes">Permissions that are left of the role's; null: all of them.</param>
/// <param name="ExpiresAt">It signs in and acts no more; null: never.</param>
/// <param name="AllowedIps">See <see cref="AllowedAddresses"/>.</param>
internal sealed record ServiceAccountTerms(
    string Name, string Description, string Role, string[]? Scopes, DateTimeOffset? ExpiresAt, string[]? AllowedIps)
{
    /// <summary>
    /// Why a caller cannot have an account of these terms; null when it can. Nobody makes a credential that may more than its own: a caller
    /// whose token was given a part of its rights cannot get the rest by an account.
    /// </summary>
    public ProblemHttpResult? Refuse(Caller caller) => RefuseBeyondRole() ?? GrantedScopes.RefuseBeyond(caller, Role, Scopes);

    /// <summary>Whether other terms let the account do more: by its role, what is left of it, for how long or from where.</summary>
    public bool IsWidenedBy(ServiceAccountTerms other) => Role != other.Role
        || (Scopes is not null && other.Scopes?.All(Scopes.Contains) != true)
        || (ExpiresAt is not null && !(other.ExpiresAt <= ExpiresAt))
        || (AllowedIps is not null && other.AllowedIps?.All(AllowedIps.Contains) != true);

    private ProblemHttpResult? RefuseBeyondRole() =>
        Scopes?.FirstOrDefault(scope => !Roles.Allow(Role, scope)) is { } beyond
            ? Problems.Invalid("scopes", $"The role {Role} does not have {beyond}.")
            : null;
}
