using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Testing;

/// <summary>A caller that calls a service directly, as if forwarded by the gateway.</summary>
public sealed record TestCaller(SubjectId SubjectId, string SubjectType, string? Email, bool IsOperator, params Membership[] Memberships)
{
    /// <summary>The token that the caller came with; null where no service asks for it.</summary>
    public Guid? TokenId { get; init; }

    /// <summary>Those of the token; null: as much as the role allows.</summary>
    public IReadOnlyList<string>? Scopes { get; init; }

    /// <summary>The only machine that the token is good for; null: any.</summary>
    public Guid? MachineId { get; init; }

    public static TestCaller Of(Membership membership, string? email = null)
    {
        var id = new SubjectId(Guid.CreateVersion7());
        return new(id, "user", email ?? $"{id.Value.ToString("N")[^8..]}@example.org", false, membership);
    }

    public static Membership NewOrganization(string role = Roles.Administrator)
    {
        var id = new OrganizationId(Guid.CreateVersion7());
        return new(
            id, "org-" + id.Value.ToString("N")[^10..], "Organization", role, EnvironmentsEnabled: true,
            Products: ["environments", "audit_api"]);
    }

    public Assertion ToAssertion() =>
        new(SubjectId.Value, SubjectType, Email, Email ?? "Somebody", IsOperator, Memberships, TokenId,
            Guid.CreateVersion7().ToString("N"), "192.0.2.7",
            "tests", (TimeProvider.System.GetUtcNow() + Assertion.Lifetime).ToUnixTimeSeconds(), Scopes: Scopes, MachineId: MachineId);
}
