using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Ingest.Environments;

/// <summary>An environment as the public API shows it.</summary>
/// <param name="Vulnerabilities">Null until the packages were scanned; so is <paramref name="ScannedAt"/>.</param>
/// <param name="MaxCvss">The highest CVSS base score, 0 to 10; null when nothing has one.</param>
/// <param name="Kev">
/// How many vulnerabilities are known to be exploited; null until the scan, and where no catalogue of exploited vulnerabilities was
/// imported and no record says that one is.
/// </param>
/// <param name="IncompleteCount">How much the agent could not read in full; null when its log does not say.</param>
/// <param name="Incomplete">What that is: all of it of one environment, the first entries in lists.</param>
/// <param name="NotChecked">How many packages the scan could not check; null until the scan.</param>
internal sealed record EnvironmentView(
    EnvironmentId Id, string Name, string Prefix, string Platform, MachineView Machine, UserView User, EnvironmentStatus Status,
    string? Message, bool Archived, string Digest, int Packages, VulnerabilityCounts? Vulnerabilities, decimal? MaxCvss, int? Kev,
    int? NotChecked, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? ScannedAt,
    int? IncompleteCount, IReadOnlyList<IncompleteEntry>? Incomplete);

internal sealed record MachineView(MachineId Id, string? Hostname);

/// <summary>A user or service account; the latter has no e-mail address.</summary>
internal sealed record UserView(SubjectId Id, string? Email, string? DisplayName);

/// <summary>A row of environments with what the view joins to it.</summary>
internal sealed record EnvironmentRow(
    EnvironmentId EnvironmentId, string Name, string Prefix, string Platform, MachineId MachineId, string? Hostname, SubjectId OwnerId,
    string? Email, string? DisplayName, string Status, string? StatusMessage, bool Archived, string Digest, int PackageCount,
    VulnerabilityCounts Vulnerabilities, decimal? MaxCvss, int? Kev, int NotChecked, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    DateTimeOffset? ScannedAt, long PackageSetId, int? IncompleteCount, string? Incomplete, string? SortKey)
{
    /// <summary>Without sort_key, which comes last, and without where.</summary>
    public static readonly string Select = SelectWith(Incompleteness.ShownSql("e.incomplete"));

    /// <summary>As <see cref="Select"/>, with all that could not be read.</summary>
    public static readonly string SelectWhole = SelectWith("e.incomplete::text");

    private static string SelectWith(string incomplete) =>
        $"""
        select e.environment_id, e.name, e.prefix, e.platform, e.machine_id, m.hostname, e.owner_id, o.email, o.display_name, e.status,
            e.status_message, e.archived, s.digest, e.package_count, {CountColumns.ValueOf("c")} as vulnerabilities, c.max_cvss, c.kev,
            c.not_checked, e.created_at, e.updated_at, c.scanned_at, e.package_set_id,
            jsonb_array_length(e.incomplete) as incomplete_count, {incomplete} as incomplete
        """;

    public const string From =
        """
        from environments e
        join organization_package_sets c on c.org_id = e.org_id and c.package_set_id = e.package_set_id
        join package_sets s on s.package_set_id = e.package_set_id
        left join machines m on m.org_id = e.org_id and m.machine_id = e.machine_id
        left join owners o on o.org_id = e.org_id and o.subject_id = e.owner_id
        """;

    public EnvironmentView ToView() => new(
        EnvironmentId, Name, Prefix, Platform, new(MachineId, Hostname), new(OwnerId, Email, DisplayName),
        Enum.Parse<EnvironmentStatus>(Status, ignoreCase: true), StatusMessage, Archived, Digest, PackageCount,
        ScannedAt is null ? null : Vulnerabilities, MaxCvss, ScannedAt is null ? null : Kev, ScannedAt is null ? null : NotChecked,
        CreatedAt, UpdatedAt, ScannedAt, IncompleteCount, Incompleteness.Of(Incomplete));
}
