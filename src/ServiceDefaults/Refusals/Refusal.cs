using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.ServiceDefaults.Refusals;

/// <summary>A request that was refused, as the audit log is to have it.</summary>
/// <param name="Caller">
/// Who was refused; its organization is that whose log has the event, null for the platform's. Whoever is no member of that organization is
/// known to it by the subject's id alone.
/// </param>
/// <param name="Action">One of the catalogue: <c>permission_denied</c>, <c>quota_exceeded</c>...</param>
/// <param name="Operation">The name of the operation in the OpenAPI document.</param>
/// <param name="Path">As requested, <see cref="MaxText"/> characters at most, as of <paramref name="Detail"/>.</param>
/// <param name="Reason">
/// The problem's code; <c>not_a_member</c> for an organization that is not the caller's; <c>not_found</c> for a thing that is not there for
/// the caller: it does not exist, or it is somebody else's.
/// </param>
/// <param name="TraceParent">The trace of the request (W3C).</param>
public sealed record Refusal(
    Caller Caller, string Action, string Operation, string Method, string Path, int Status, string Reason, string? Detail,
    DateTimeOffset At, string? TraceParent)
{
    /// <summary>Characters of a path and of a detail that are kept.</summary>
    public const int MaxText = 300;

    /// <summary>The action of a request that asked for more than the caller may.</summary>
    public const string PermissionDenied = "permission_denied";

    /// <summary>The action, and the problem's code, of a request that a quota of the organization does not allow.</summary>
    public const string QuotaExceeded = "quota_exceeded";
}
