namespace EnvPlatform.Scanner.Curations;

/// <summary>
/// The SQL that determines which verdict counts. It is defined only here, so that counts, lists, search and the local audit cannot
/// disagree.
/// </summary>
internal static class CurationInForce
{
    /// <summary>The status of the finding that <see cref="Of"/> was joined to.</summary>
    public const string Status = "coalesce(curation.status, 'reported')";

    /// <summary>Over several findings: the status that needs most attention.</summary>
    public const string MostUrgent = $"(array_agg({Status} order by {Urgency}, curation.created_at desc nulls last))[1]";

    /// <summary>Over several findings: since when they have the status that <see cref="MostUrgent"/> says.</summary>
    public const string MostUrgentSince = $"(array_agg(curation.created_at order by {Urgency}, curation.created_at desc nulls last))[1]";

    /// <summary>The statuses that count and alert.</summary>
    public const string Open = "('active', 'reported')";

    private const string Urgency =
        $"array_position(array['active', 'reported', 'disputed', 'mitigated', 'cleared', 'not_affected'], {Status})";

    /// <summary>Where no finding of a vulnerability is judged: the columns of <see cref="Of"/>.</summary>
    public const string None = "(select null::text as status, null::text as library, null::text[] as provided_by) curation";

    /// <summary>
    /// Joins <c>curation(status, created_at, library, provided_by)</c> to a finding <c>f(vulnerability_id, library, provided_by)</c> of a
    /// package <c>p</c> in a set. The organization's verdict counts, of whatever scope; without one the platform's: not affected, where the
    /// finding is about a library inside the wheel that a conda package of the set provides (<see cref="Mapping.BundledLibraries"/>). Of
    /// the last two columns each is null where the platform has no verdict.
    /// </summary>
    /// <param name="organization">The SQL of the organization's id.</param>
    /// <param name="libraries">The SQL of the set's <c>set_counts.libraries</c>.</param>
    public static string Of(string organization, string libraries) =>
        $"""
        {OfOrganization(organization, "own")}
        cross join lateral (
            select coalesce(own.status, case when f.provided_by && {libraries} then '{CurationStatuses.NotAffected}' end) as status,
                own.created_at,
                case when f.provided_by && {libraries} then f.library end as library,
                case when f.provided_by && {libraries}
                    then array(select unnest(f.provided_by) intersect select unnest({libraries}) order by 1) end as provided_by) curation
        """;

    /// <summary>
    /// Joins <c>(status, created_at)</c> of the organization's own verdict to a finding <c>f(vulnerability_id)</c> of a package <c>p</c>;
    /// nulls where there is none.
    /// </summary>
    /// <param name="alias">The name to join it as.</param>
    public static string OfOrganization(string organization, string alias = "curation") =>
        $"""
        left join lateral (
            select c.status, c.created_at from curations c
            where c.org_id = {organization} and c.vulnerability_id = f.vulnerability_id and c.ended_at is null
                and (c.package is null or case p.manager when 'pypi' then c.project = p.project else c.package = lower(p.name) end)
                and (c.version is null or c.version = p.version) and (c.build is null or c.build = p.build)
            order by c.specificity desc, c.created_at desc, c.id desc limit 1) {alias} on true
        """;

    /// <summary>
    /// For <c>with</c>: <c>curated(vulnerability_id)</c>, what an organization, or the platform, has judged in any scope. All else is
    /// reported wherever it is found, and need not be looked at package by package.
    /// </summary>
    /// <param name="organization">The SQL of the organization's id.</param>
    public static string Curated(string organization) =>
        $"""
        curated as materialized (
            select distinct vulnerability_id from curations
            where org_id = {organization} and ended_at is null and vulnerability_id is not null
            union
            select vulnerability_id from findings where provided_by is not null)
        """;

    /// <summary>Joins <c>curation(status, created_at)</c> on the whole of a vulnerability <c>v</c>.</summary>
    public const string OfVulnerability =
        """
        left join lateral (
            select c.status, c.created_at from curations c
            where c.org_id = @OrgId and c.vulnerability_id = v.id and c.ended_at is null and c.package is null
            order by c.created_at desc, c.id desc limit 1) curation on true
        """;
}
