using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.ServiceDefaults.OpenApi;

using Microsoft.AspNetCore.Authorization;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// Who may read which log: roles with the permission that of the organization which <c>X-Org-Name</c> names (slug or id), or of their
/// only one where the header is absent; the operator also that of the platform itself (<c>platform</c>). A caller with several
/// organizations that names none is authorized here, and gets 422 before anything is read.
/// </summary>
internal static class AuditReaders
{
    /// <summary>In place of the plain policy of this name.</summary>
    public const string Policy = Permission.AuditRead;

    public static DescribedParameter OrganizationParameter { get; } =
        new(RequestedOrganization.Header, "The organization's slug or id; may be left out by a caller of one organization.", In: "header");

    public static void AddAuditReaders(this IServiceCollection services) =>
        services.AddAuthorizationBuilder().AddPolicy(Policy, policy => policy.RequireAssertion(MayRead));

    /// <summary>The log that the request is about; null when it does not say.</summary>
    public static OrganizationId? LogOf(Caller caller, HttpContext http) =>
        caller.Organization is { } organization ? organization.Id : NamesPlatform(http) ? default(OrganizationId) : null;

    private static bool MayRead(AuthorizationHandlerContext context)
    {
        if (context.Resource is not HttpContext http || Caller.From(http) is not { } caller || context.User.IsInRole(Roles.Service))
        {
            return false;
        }

        if (caller.Organization is not null)
        {
            return caller.Can(Permission.AuditRead);
        }

        return RequestedOrganization.NameIn(http) is null || (caller.IsOperator && NamesPlatform(http));
    }

    private static bool NamesPlatform(HttpContext http) =>
        RequestedOrganization.NameIn(http) is { } name
            && (name == AuditEntry.PlatformName || (OrganizationId.TryParse(name, out var id) && id == default));
}
