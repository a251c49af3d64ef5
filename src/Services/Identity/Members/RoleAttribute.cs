using System.ComponentModel.DataAnnotations;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Members;

/// <summary>A role of an organization: see <c>GET /api/v1/roles</c>.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class RoleAttribute() : ValidationAttribute("Must be member, auditor, security_manager or administrator.")
{
    public override bool IsValid(object? value) => value is null || (value is string role && Roles.OfOrganization.Contains(role));
}
