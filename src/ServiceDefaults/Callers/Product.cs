using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>What people need a seat for in an organization (<see cref="Membership.HasSeat"/>). Service accounts have all.</summary>
public static class Product
{
    /// <summary>To log environments.</summary>
    public const string Environments = "environments";

    /// <summary>To read and follow the audit log.</summary>
    public const string AuditApi = "audit_api";

    public static IReadOnlyList<string> All { get; } = [Environments, AuditApi];

    /// <summary>The answer to somebody without a seat; null for whoever has one, or where the request is about no organization.</summary>
    public static ProblemHttpResult? Refuse(Caller caller, string product)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return caller.Organization is not { } organization || organization.HasSeat(product) ? null : Problems.Of(
            StatusCodes.Status403Forbidden, "seat_required", "You have no seat.",
            product == Environments
                ? $"Logging environments in {organization.Slug} needs a seat, and you have none. What is blocked stays blocked."
                : $"The audit log of {organization.Slug} needs a seat of {product}, and you have none.",
            ("product", product));
    }
}
