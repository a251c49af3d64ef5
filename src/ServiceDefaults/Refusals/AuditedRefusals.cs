namespace EnvPlatform.ServiceDefaults.Refusals;

/// <summary>
/// Metadata of an endpoint: what it refuses a caller that may use it is an event of this action in the audit log. For operations that take
/// a file in, and for those that open something to whoever knows a secret.
/// </summary>
/// <param name="Statuses">Of the answers that are such refusals; 400, 409, 413, 415 and 422 where none are named.</param>
public sealed record AuditedRefusals(string Action, params int[] Statuses)
{
    private static readonly int[] OfInput = [400, 409, 413, 415, 422];

    internal bool Covers(int status) => (Statuses.Length > 0 ? Statuses : OfInput).Contains(status);
}
