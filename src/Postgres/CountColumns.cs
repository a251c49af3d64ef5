using System.Data;

using Dapper;

using EnvPlatform.Contracts;

namespace EnvPlatform.Postgres;

/// <summary>
/// The columns that hold how many vulnerabilities were found: <c>total, critical, high, medium, low, unknown</c> (<see
/// cref="VulnerabilityCounts"/>), <c>max_cvss</c> (0 to 10, null without a score) and <c>kev</c> (known to be exploited; null where that is
/// not known). Every table of counts uses these names, and every statement takes them from here. The arguments are aliases in the
/// statement: constants of the program.
/// </summary>
public static class CountColumns
{
    /// <summary>In the order of <see cref="Values"/>.</summary>
    public const string Names = "total, critical, high, medium, low, unknown, max_cvss, kev";

    /// <summary>The arrays that <see cref="Parameters"/> adds, as arguments of <c>unnest</c>.</summary>
    public const string Values =
        "@CountTotal::int[], @CountCritical::int[], @CountHigh::int[], @CountMedium::int[], @CountLow::int[], @CountUnknown::int[], "
        + "@CountScore::numeric[], @CountKev::int[]";

    /// <summary>The columns of one table: <c>t.total, ..., t.kev</c>.</summary>
    public static string Of(string table) =>
        $"{table}.total, {table}.critical, {table}.high, {table}.medium, {table}.low, {table}.unknown, {table}.max_cvss, {table}.kev";

    /// <summary>For <c>set</c>: each column from the same one of another table, or of <c>excluded</c>.</summary>
    public static string AssignFrom(string table) =>
        $"""
        total = {table}.total, critical = {table}.critical, high = {table}.high, medium = {table}.medium, low = {table}.low, unknown = {table}.unknown,
        max_cvss = {table}.max_cvss, kev = {table}.kev
        """;

    /// <summary>
    /// For a select list: the counts of a row as one value, which Dapper reads as <see cref="VulnerabilityCounts"/>; null where the table
    /// has no row.
    /// </summary>
    public static string ValueOf(string table) =>
        $"""
        case when {table}.total is not null
            then array[{table}.total, {table}.critical, {table}.high, {table}.medium, {table}.low, {table}.unknown] end
        """;

    /// <summary>
    /// For a select list with <c>group by</c>: counts the rows of <c>vulnerabilities</c> (columns <c>id</c> and <c>severity</c>) into those
    /// columns.
    /// </summary>
    public static string CountRowsOf(string vulnerabilities) =>
        $"""
        count({vulnerabilities}.id)::int as total,
        count(*) filter (where {vulnerabilities}.severity = 'critical')::int as critical,
        count(*) filter (where {vulnerabilities}.severity = 'high')::int as high,
        count(*) filter (where {vulnerabilities}.severity = 'medium')::int as medium,
        count(*) filter (where {vulnerabilities}.severity = 'low')::int as low,
        count(*) filter (where {vulnerabilities}.severity = 'unknown')::int as unknown
        """;

    /// <summary>The parameters of <see cref="Values"/>, one element per row, and additional ones.</summary>
    public static DynamicParameters Parameters<T>(
        object others, IReadOnlyCollection<T> rows, Func<T, VulnerabilityCounts> counts, Func<T, decimal?> maxCvss, Func<T, int?> kev)
    {
        var parameters = new DynamicParameters(others);
        parameters.Add("CountTotal", rows.Select(row => counts(row).Total).ToArray());
        parameters.Add("CountCritical", rows.Select(row => counts(row).Critical).ToArray());
        parameters.Add("CountHigh", rows.Select(row => counts(row).High).ToArray());
        parameters.Add("CountMedium", rows.Select(row => counts(row).Medium).ToArray());
        parameters.Add("CountLow", rows.Select(row => counts(row).Low).ToArray());
        parameters.Add("CountUnknown", rows.Select(row => counts(row).Unknown).ToArray());
        parameters.Add("CountScore", rows.Select(maxCvss).ToArray());
        parameters.Add("CountKev", rows.Select(kev).ToArray());
        return parameters;
    }

    /// <summary>Reads what <see cref="ValueOf"/> selects.</summary>
    internal sealed class Handler : SqlMapper.TypeHandler<VulnerabilityCounts>
    {
        public override void SetValue(IDbDataParameter parameter, VulnerabilityCounts? value) =>
            throw new NotSupportedException("Counts are written column by column.");

        public override VulnerabilityCounts Parse(object value) => value is int[] { Length: 6 } counts
            ? new(counts[0], counts[1], counts[2], counts[3], counts[4], counts[5])
            : throw new DataException($"A {value.GetType().Name} is no counts.");
    }
}
