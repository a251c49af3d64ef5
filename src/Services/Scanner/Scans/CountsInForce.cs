using EnvPlatform.Postgres;

namespace EnvPlatform.Scanner.Scans;

/// <summary>
/// SQL for the counts of a set for an organization: those under its verdicts (<c>organization_set_counts o</c>), or else
/// the set's own (<c>set_counts s</c>).
/// </summary>
internal static class CountsInForce
{
    /// <summary>The columns <c>vulnerabilities</c>, <c>max_cvss</c> and <c>kev</c>.</summary>
    public static readonly string Columns =
        $"""
        case when o.set_id is null then {CountColumns.ValueOf("s")} else {CountColumns.ValueOf("o")} end as vulnerabilities,
        case when o.set_id is null then s.max_cvss else o.max_cvss end as max_cvss, 
        case when o.set_id is null then s.kev else o.kev end as kev
        """;
}
