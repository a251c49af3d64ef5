using EnvPlatform.Contracts.Ids;

namespace EnvPlatform.Scanner.Curations;

/// <summary>A verdict as clients see it.</summary>
/// <param name="VulnerabilityId">Its current vulnerability; the id that it was made for where no advisory refers to that any more.</param>
/// <param name="InForce">Not ended, and not overridden by a newer one of the same scope.</param>
/// <param name="EndedAs">superseded, taken_back or expired; null where it is not ended.</param>
public sealed record CurationView(
    CurationId Id, string VulnerabilityId, string? Package, string? Version, string? Build, string Status, string Reason,
    DateTimeOffset CreatedAt, CurationView.Person CreatedBy, DateTimeOffset? ExpiresAt, bool InForce, DateTimeOffset? EndedAt,
    string? EndedAs, CurationView.Person? EndedBy)
{
    public sealed record Person(SubjectId Id, string? Email);

    /// <summary>The columns of <see cref="Row"/>, of the table <c>curations c</c>.</summary>
    internal const string Columns =
        """
        c.id, coalesce(c.vulnerability_id, c.made_for) as vulnerability_id, c.package, c.version, c.build, c.status, c.reason,
            c.created_at, c.created_by,
        c.created_by_email, c.expires_at,
        c.ended_at is null and not exists (
            select from curations newer
            where newer.org_id = c.org_id and newer.vulnerability_id = c.vulnerability_id and newer.ended_at is null
                and (newer.package, newer.version, newer.build) is not distinct from (c.package, c.version, c.build)
                and (newer.created_at, newer.id) > (c.created_at, c.id)) as in_force,
        c.ended_at, c.ended_as, c.ended_by, c.ended_by_email
        """;

    internal sealed record Row(
        CurationId Id, string VulnerabilityId, string? Package, string? Version, string? Build, string Status,
        string Reason, DateTimeOffset CreatedAt, SubjectId CreatedBy, string? CreatedByEmail, DateTimeOffset? ExpiresAt, bool InForce,
        DateTimeOffset? EndedAt, string? EndedAs, SubjectId? EndedBy, string? EndedByEmail)
    {
        public CurationView ToView() => new(
            Id, VulnerabilityId, Package, Version, Build, Status, Reason, CreatedAt, new(CreatedBy, CreatedByEmail), ExpiresAt,
            InForce, EndedAt, EndedAs, EndedBy is { } by ? new(by, EndedByEmail) : null);
    }
}
