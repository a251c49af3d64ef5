using System.Text.Json.Serialization;

using EnvPlatform.Contracts.Ids;

using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Validation;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// Who is calling, for handlers: bound as a parameter. <paramref name="Organization"/> is the caller's membership in the organization that
/// the request is about (route value <c>org</c>, or header <c>X-Org-Name</c>, slug or id); never null behind a policy that names a role.
/// </summary>
/// <param name="SubjectType">user, service_account or system.</param>
/// <param name="Service">The service that handles the request, as the audit log names it.</param>
/// <param name="Scopes">Permissions that the caller's token is good for, at most; null: all that its role allows.</param>
/// <param name="MachineId">The only machine that the caller's token is good for; null: any.</param>
[SkipValidation]
public sealed record Caller(
    SubjectId SubjectId, string SubjectType, string? Email, string DisplayName, bool IsOperator, Membership? Organization,
    TokenId? TokenId, string RequestId, string? SourceAddress, string? UserAgent, string Service, IReadOnlyList<string>? Scopes = null,
    MachineId? MachineId = null)
{
    public const string SystemSubject = "system";

    /// <summary>The organization that the request is about.</summary>
    [JsonIgnore]
    public OrganizationId OrgId => Organization?.Id ?? throw new InvalidOperationException("The request is about no organization.");

    /// <summary>The subject whose environments and machines the caller may see; null when it may see everyone's.</summary>
    [JsonIgnore]
    public SubjectId? OnlyOwner => OnlyOwnWithout(Permission.EnvironmentsReadAll);

    /// <summary>
    /// Whether the caller has a permission in the organization that the request is about: its role has it, and its token is good for it.
    /// </summary>
    public bool Can(string permission) => Roles.Allow(Organization?.Role, permission) && IsGoodFor(permission);

    /// <summary>Whether the scopes of the caller's token hold a permission, whatever the role.</summary>
    public bool IsGoodFor(string permission) => Scopes is null || Scopes.Contains(permission);

    /// <summary>Whether the caller's token is good for what is on a machine, whoever owns it.</summary>
    public bool IsGoodFor(MachineId machine) => MachineId is null || MachineId == machine;

    /// <summary>Whether the caller may see what <paramref name="owner"/> logged: its own logs, or everyone's.</summary>
    public bool MaySee(SubjectId owner) => owner == SubjectId || Can(Permission.EnvironmentsReadAll);

    /// <summary>The subject whose things the caller may act on; null when a permission lets it act on everyone's.</summary>
    public SubjectId? OnlyOwnWithout(string permission) => Can(permission) ? null : SubjectId;

    /// <summary>The caller of a request that passed authentication; null otherwise.</summary>
    public static Caller? From(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        return http.Features.Get<Caller>();
    }

    public static ValueTask<Caller?> BindAsync(HttpContext http) => ValueTask.FromResult(From(http));

    /// <summary>Somebody who acts by a request from somewhere. The only place that builds a caller.</summary>
    public static Caller Of(
        SubjectId subject, string type, string displayName, RequestOrigin origin, string service, string? email = null,
        bool isOperator = false, Membership? organization = null, TokenId? token = null, IReadOnlyList<string>? scopes = null,
        MachineId? machine = null)
    {
        ArgumentNullException.ThrowIfNull(origin);
        return new(
            subject, type, email, displayName, isOperator, organization, token, origin.RequestId, origin.SourceAddress, origin.UserAgent,
            service, scopes, machine);
    }

    /// <summary>The platform itself, acting for an organization (null for none): scans, expiries, first start.</summary>
    /// <param name="origin">The request that caused the action; null for none.</param>
    public static Caller OfSystem(string service, OrganizationId? organization, RequestOrigin? origin = null) =>
        Of(
            default, SystemSubject, service, origin ?? RequestOrigin.Unknown, service,
            organization: organization is { } id ? new Membership(id, "", "", "") : null);
}
