using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Policy.Exceptions;

/// <summary>An exception as stored, with the names of what it is about as they are now.</summary>
/// <param name="ScopeName">Null where it is not known here.</param>
/// <param name="Policy">The name of the policy; null where it is for every policy.</param>
internal sealed record ExceptionRow(
    ExceptionId ExceptionId, string ScopeType, Guid ScopeId, string? ScopeName, string? VulnerabilityId, string? Package, Guid? PolicyId,
    string? Policy, string State, string Reason, SubjectId RequestedBy, string? RequestedByEmail, DateTimeOffset RequestedAt,
    DateTimeOffset RequestedUntil, SubjectId? DecidedBy, string? DecidedByEmail, string? DecidedReason, DateTimeOffset? DecidedAt,
    DateTimeOffset? ExpiresAt, DateTimeOffset? EndedAt, SubjectId? EndedBy, string? EndedByEmail, string? EndedReason, int Version)
{
    public const string Requested = "requested";
    public const string Granted = "granted";
    public const string Refused = "refused";
    public const string Withdrawn = "withdrawn";
    public const string Revoked = "revoked";
    public const string Expired = "expired";

    public const string OfEnvironment = "environment";
    public const string OfGroup = "group";
    public const string OfOrganization = "organization";

    public static readonly IReadOnlyList<string> States = [Requested, Granted, Refused, Withdrawn, Revoked, Expired];

    /// <summary>The tables of a row, as a query goes on with its condition.</summary>
    public const string From =
        """
        from exceptions x
        left join environment_status e on x.scope_type = 'environment' and e.org_id = x.org_id and e.environment_id = x.scope_id
        left join groups g on x.scope_type = 'group' and g.org_id = x.org_id and g.group_id = x.scope_id
        left join policies p on p.org_id = x.org_id and p.policy_id = x.policy_id
        """;

    public const string Columns =
        """
        select x.exception_id, x.scope_type, x.scope_id, coalesce(e.name, g.name) as scope_name, x.vulnerability_id, x.package,
            x.policy_id, p.name as policy, x.state, x.reason, x.requested_by, x.requested_by_email, x.requested_at, x.requested_until,
            x.decided_by, x.decided_by_email, x.decided_reason, x.decided_at, x.expires_at, x.ended_at, x.ended_by, x.ended_by_email,
            x.ended_reason, x.version
        """;

    public const string Select =
        $"""
        {Columns}
        {From}
        """;

    /// <summary>What somebody sees who sees no others' environments (@Only): its own, and those of its environments; null: all.</summary>
    public const string IsVisible =
        "(@Only::uuid is null or x.requested_by = @Only or (x.scope_type = 'environment' and e.owner = @Only))";

    /// <summary>The value of @Only in <see cref="IsVisible"/>.</summary>
    public static Guid? OnlyOf(Caller caller) => caller.Can(Permission.PoliciesWrite) ? null : caller.OnlyOwner?.Value;

    /// <summary>As PostgreSQL keeps a time, in microseconds.</summary>
    public static DateTimeOffset Storable(DateTimeOffset time) =>
        new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    /// <summary>Writes what may change after the request.</summary>
    public Task UpdateAsync(Tx tx, OrganizationId organization) => tx.ExecuteAsync(
        """
        update exceptions set state = @State, decided_by = @DecidedBy, decided_by_email = @DecidedByEmail,
            decided_reason = @DecidedReason, decided_at = @DecidedAt, expires_at = @ExpiresAt, ended_at = @EndedAt, ended_by = @EndedBy,
            ended_by_email = @EndedByEmail, ended_reason = @EndedReason, version = @Version
        where org_id = @organization and exception_id = @ExceptionId
        """,
        new
        {
            organization,
            ExceptionId,
            State,
            DecidedBy,
            DecidedByEmail,
            DecidedReason,
            DecidedAt,
            ExpiresAt,
            EndedAt,
            EndedBy,
            EndedByEmail,
            EndedReason,
            Version,
        });

    /// <summary>What the exception is about is decided anew.</summary>
    public Task MarkAsync(Tx tx, OrganizationId organization) => ScopeType == OfEnvironment
        ? StaleDecisions.MarkEnvironmentsAsync(tx, [(organization, new EnvironmentId(ScopeId))])
        : StaleDecisions.MarkOrganizationAsync(tx, organization);

    /// <param name="before">Null for a request.</param>
    public void Audit(Tx tx, Caller caller, DateTimeOffset now, ExceptionRow? before) => tx.Audit(
        caller, now, ActionKey, new AuditTarget(ExceptionId.ToString(), null, "exception"), Sentence(),
        new
        {
            ScopeType,
            ScopeId,
            ScopeName,
            Vulnerability = VulnerabilityId,
            Package,
            PolicyId,
            Policy,
            RequestedBy,
            RequestedByEmail,
            Before = before is null ? null : Described(before),
            After = Described(this),
        });

    public ExceptionView ToView() => new(
        ExceptionId, State, ScopeType, ScopeId, ScopeName, VulnerabilityId, Package, PolicyId, Policy, Reason, RequestedBy,
        RequestedByEmail, RequestedAt, RequestedUntil, DecidedBy, DecidedByEmail, DecidedReason, DecidedAt, ExpiresAt, EndedAt, EndedBy,
        EndedByEmail, EndedReason, Version);

    private static object Described(ExceptionRow row) => new
    {
        row.State,
        row.Reason,
        Until = row.RequestedUntil,
        row.ExpiresAt,
        row.DecidedReason,
        row.EndedReason,
    };

    private string ActionKey => State switch
    {
        Requested => "exception_requested",
        Granted => "exception_granted",
        Refused => "exception_refused",
        Withdrawn => "exception_withdrawn",
        Revoked => "exception_revoked",
        _ => "exception_expired",
    };

    private string Sentence() => State switch
    {
        Requested => $"{Subject()} was requested until {RequestedUntil:yyyy-MM-dd HH:mm} UTC.",
        Granted => $"{Subject()} was granted until {ExpiresAt:yyyy-MM-dd HH:mm} UTC.",
        Expired when DecidedAt is null => $"{Subject()} was requested until now, and nobody answered.",
        _ => $"{Subject()} was {State}.".Replace("was expired", "expired", StringComparison.Ordinal),
    };

    private string Subject()
    {
        string?[] parts =
        [
            VulnerabilityId is { } vulnerability ? $"for {vulnerability}" : null,
            Package is { } package ? $"for the package {package}" : null,
            PolicyId is null ? null : $"from the policy {Policy ?? PolicyId.ToString()}",
        ];
        var where = ScopeType == OfOrganization ? "the organization" : $"the {ScopeType} {ScopeName ?? ScopeId.ToString()}";
        return $"An exception {string.Join(' ', parts.OfType<string>())} in {where}";
    }
}

/// <summary>An exception from policies: what fits all that is not null of vulnerability, package and policy is left out.</summary>
/// <param name="State">requested, granted, refused, withdrawn, revoked or expired.</param>
/// <param name="ScopeType">environment, group or organization.</param>
/// <param name="Package">A match specification of conda.</param>
/// <param name="Until">The time that was asked for; <paramref name="ExpiresAt"/> has what was granted.</param>
/// <param name="DecidedBy">Who granted or refused.</param>
/// <param name="EndedAt">When it was refused, withdrawn, revoked or expired.</param>
/// <param name="EndedBy">Who withdrew or revoked.</param>
public sealed record ExceptionView(
    ExceptionId Id, string State, string ScopeType, Guid ScopeId, string? ScopeName, string? Vulnerability, string? Package,
    Guid? PolicyId, string? Policy, string Reason, SubjectId RequestedBy, string? RequestedByEmail, DateTimeOffset RequestedAt,
    DateTimeOffset Until, SubjectId? DecidedBy, string? DecidedByEmail, string? DecidedReason, DateTimeOffset? DecidedAt,
    DateTimeOffset? ExpiresAt, DateTimeOffset? EndedAt, SubjectId? EndedBy, string? EndedByEmail, string? EndedReason, int Version);
