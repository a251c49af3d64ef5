using System.Text.Json;

using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Client;

/// <summary>An error answer, RFC 9457, with the platform's extensions.</summary>
internal sealed record Problem(
    string? Type = null, string? Title = null, int? Status = null, string? Detail = null, string? TraceId = null, string? Code = null,
    Dictionary<string, string[]>? Errors = null);

/// <summary>
/// The answer of <c>GET /me</c>; an organization is an object with a slug, or the slug alone. Of many organizations it lists the first.
/// </summary>
internal sealed record Caller(
    Guid? Id = null, string? Email = null, string? DisplayName = null, string? Name = null, JsonElement? Organizations = null,
    long? OrganizationCount = null)
{
    /// <summary>The organizations that the caller belongs to.</summary>
    public IReadOnlyList<OrganizationView> Views() =>
        Organizations is not { ValueKind: JsonValueKind.Array } list
            ? []
            : [.. list.EnumerateArray().Select(View).OfType<OrganizationView>()];

    private static OrganizationView? View(JsonElement item) => item.ValueKind switch
    {
        JsonValueKind.Object => item.Deserialize(AgentJson.Default.OrganizationView) is { Slug: not null } view ? view : null,
        JsonValueKind.String => new OrganizationView(item.GetString()!),
        _ => null,
    };

    /// <summary>How to address the caller: an email address, a name or an id, in this order.</summary>
    public string Text() => Email ?? DisplayName ?? Name ?? Id?.ToString() ?? "a service account";
}

/// <summary>An organization of the caller.</summary>
/// <param name="EnvironmentsEnabled">Whether it manages environments; null where the platform does not say.</param>
/// <param name="EnvironmentsRequired">Whether it requires that of its members rather than recommending it.</param>
internal sealed record OrganizationView(
    string Slug, string? Name = null, string? Role = null, bool? EnvironmentsEnabled = null, bool? EnvironmentsRequired = null)
{
    public string Title => string.IsNullOrWhiteSpace(Name) ? Slug : Name;

    public string Label => string.IsNullOrWhiteSpace(Name) || Name == Slug ? Slug : $"{Slug}  ({Name})";
}

/// <summary>An invitation to the caller's address.</summary>
internal sealed record InvitationView(
    Guid Id, string? Organization = null, string? OrganizationName = null, string? Role = null, DateTimeOffset? ExpiresAt = null);

/// <summary>What became of the addresses that were invited.</summary>
internal sealed record InvitedView(IReadOnlyList<InvitedView.Result> Results)
{
    internal sealed record Result(string? Email = null, int Status = 0, string? Code = null, string? Token = null, string? Link = null);
}

/// <summary>A member of the organization. All but id, name and role is null for who may not see it.</summary>
internal sealed record MemberView(
    Guid Id, string DisplayName, string Role, string? Email = null, string? State = null, string? Source = null,
    IReadOnlyList<MemberView.Group>? Groups = null, IReadOnlyList<string>? Products = null, DateTimeOffset? JoinedAt = null,
    DateTimeOffset? LastActiveAt = null, DateTimeOffset? SuspendedAt = null, DateTimeOffset? RemovedAt = null, long? Version = null)
{
    internal sealed record Group(Guid Id, string Name);
}

/// <summary>An invitation's token, and the password of the account that is made with it, if any.</summary>
internal sealed record InvitationAnswer(string Token, string? Password = null);

/// <summary>What an invitation's token was answered with.</summary>
internal sealed record JoinedView(OrganizationView Organization, string? Token, DateTimeOffset? TokenExpiresAt = null);

internal sealed record PasswordSignIn(string Email, string Password);

internal sealed record SignedIn(string Token);

internal sealed record MachineRegistration(string Hostname, string Platform, string AgentVersion);

/// <summary>What a registration that failed is told the platform with.</summary>
internal sealed record RegistrationFailure(Guid? MachineId, string Hostname, string Platform, string AgentVersion, string Reason);

internal sealed record Enrolment(string Key, Guid MachineId, string Hostname, string Platform, string AgentVersion);

internal sealed record Enrolled(string Organization, string Token, DateTimeOffset ExpiresAt);

/// <summary>The body of an environment log; <paramref name="Packages"/> is null where only the digest is sent.</summary>
/// <param name="Prefix">Without symbolic links: see <see cref="RealPath"/>.</param>
/// <param name="Incomplete">What could not be read in full; empty where everything was.</param>
/// <param name="PreviousPrefix">Another path under which it may have been logged before; null where there is none.</param>
internal sealed record EnvironmentLog(
    Guid MachineId, string Prefix, string Name, string Platform, string? Command, string Digest, IReadOnlyList<Package>? Packages,
    IReadOnlyList<IncompleteEntry> Incomplete, string? PreviousPrefix = null);

/// <summary>Something that was not read in full.</summary>
internal sealed record IncompleteEntry(string What, string Reason);

/// <summary>The answer to an environment log.</summary>
internal sealed record LoggedEnvironment(
    Guid EnvironmentId, bool Created, bool Changed, string? Digest, string? Status, string? Message, int Packages,
    SeverityCounts? Vulnerabilities, string? Scan);

/// <summary>Vulnerabilities by severity.</summary>
internal sealed record SeverityCounts(int Total = 0, int Critical = 0, int High = 0, int Medium = 0, int Low = 0, int Unknown = 0);

/// <summary>The answer of the activation check.</summary>
internal sealed record Activation(string Status, string? Message = null, Guid? EnvironmentId = null, JsonElement? Reasons = null);

/// <summary>An activation check's answer as cached.</summary>
internal sealed record CachedActivation(Activation Answer, DateTimeOffset CheckedAt);

/// <summary>Packages to be scanned; their location determines the upgrade commands.</summary>
internal sealed record ScanRequest(
    IReadOnlyList<ScanPackage> Packages, string? Prefix = null, string? Name = null, string? Platform = null);

/// <summary>What identifies a package; in the place of a version a range, <c>3.11.*</c>, where there is no exact one.</summary>
internal sealed record ScanPackage(
    string Manager, string Name, string? Version, string? Build = null, string? Subdir = null, string? Channel = null,
    string? VersionRange = null);

/// <summary>The findings of a list of packages.</summary>
internal sealed record ScanResult(IReadOnlyList<ScannedPackage> Packages, ScanSummary? Summary = null, UpgradesView? Upgrades = null);

internal sealed record ScannedPackage(
    string Manager, string Name, string? Version, string? Build, string? Channel, string? Coverage, string? Reason,
    IReadOnlyList<FindingView>? Vulnerabilities, IReadOnlyList<string>? NotEvaluable = null, string? VersionRange = null,
    IReadOnlyList<string>? OnlySomeVersions = null)
{
    /// <summary>The version; the range where no one version is known.</summary>
    public string Installed => Version ?? VersionRange ?? "";

    /// <summary>The version, and for a range whether a vulnerability affects all of its versions.</summary>
    public string InstalledWith(string vulnerability) =>
        VersionRange is null ? Installed
        : OnlySomeVersions?.Contains(vulnerability) == true ? $"{VersionRange} (some versions)"
        : $"{VersionRange} (all versions)";
}

internal sealed record ScanSummary(
    int Total = 0, int Critical = 0, int High = 0, int Medium = 0, int Low = 0, int Unknown = 0, int NotChecked = 0, int SomeVersions = 0);

/// <summary>A vulnerability of a package or of an environment.</summary>
internal sealed record FindingView(
    string Id, double? Cvss = null, string? Severity = null, string? Status = null, double? Epss = null, bool? Kev = null,
    JsonElement? FixedIn = null, string? Summary = null, IReadOnlyList<FindingPackage>? Packages = null,
    IReadOnlyList<string>? Aliases = null, IReadOnlyList<string>? Advisories = null, DateTimeOffset? CuratedAt = null,
    int? PackageCount = null, string? CvssVector = null, DateTimeOffset? PublishedAt = null, DateTimeOffset? ModifiedAt = null);

/// <summary>A package that has a vulnerability, and why it was found in it.</summary>
internal sealed record FindingPackage(
    string Manager, string Name, string? Version = null, string? Build = null, string? Status = null, JsonElement? FixedIn = null,
    IReadOnlyList<MatchView>? Matches = null, MappingView? Mapping = null, string? Channel = null);

/// <summary>An advisory that affects a package.</summary>
internal sealed record MatchView(
    string Advisory, string Range, string? Url = null, bool Listed = false, IReadOnlyList<string>? FixedIn = null,
    IReadOnlyList<BoundReadView>? BoundsRead = null);

/// <summary>A bound of a range that is no version, and the version that was read out of it.</summary>
internal sealed record BoundReadView(string Bound, string ReadAs);

/// <summary>What a package was mapped to, as text.</summary>
internal sealed record MappingView(string Why, string Order);

/// <summary>What clears an environment, and what nothing clears.</summary>
internal sealed record UpgradesView(
    IReadOnlyList<UpgradeView>? Items = null, IReadOnlyList<UpgradeCommandView>? Commands = null,
    IReadOnlyList<UnfixedView>? Unfixed = null, IReadOnlyList<string>? Notes = null);

internal sealed record UpgradeView(
    string Manager, string Name, string Version, string To, IReadOnlyList<string>? Clears = null, IReadOnlyList<string>? Remaining = null,
    bool Checked = false, string? Note = null);

internal sealed record UpgradeCommandView(string Command, string? Manager = null, string? Shell = null);

internal sealed record UnfixedView(string Manager, string Name, string Version, string Vulnerability, string? Known = null);

/// <summary>An environment as the platform lists it.</summary>
internal sealed record EnvironmentView(
    Guid Id, string? Name = null, string? Prefix = null, string? Platform = null, MachineView? Machine = null, UserView? User = null,
    string? Status = null, string? Message = null, bool Archived = false, string? Digest = null, int Packages = 0,
    SeverityCounts? Vulnerabilities = null, double? MaxCvss = null, int? Kev = null, DateTimeOffset? CreatedAt = null,
    DateTimeOffset? UpdatedAt = null, DateTimeOffset? ScannedAt = null,
    int? IncompleteCount = null, IReadOnlyList<IncompleteEntry>? Incomplete = null);

internal sealed record MachineView(Guid? Id = null, string? Hostname = null);

internal sealed record UserView(Guid? Id = null, string? Email = null, string? DisplayName = null);

/// <summary>A page of a list.</summary>
internal sealed record Page<T>(IReadOnlyList<T> Items, long TotalCount = 0, string? NextCursor = null);

/// <summary>An import of advisories.</summary>
internal sealed record ImportView(
    string? Id = null, string? Format = null, string? Status = null, string? Phase = null, long? Advisories = null, long? Added = null,
    long? Changed = null, long? Withdrawn = null, long? Rejected = null, long? PackagesMatched = null, long? PackagesTotal = null,
    long? SetsCounted = null, long? SetsTotal = null, string? Error = null, DateTimeOffset? CreatedAt = null,
    long? NotEvaluable = null, string? Channel = null, string? Subdir = null);

/// <summary>A record that an import left out.</summary>
internal sealed record RejectionView(
    int Number = 0, string? Record = null, string? File = null, string? Reason = null, string? Kind = null)
{
    public string Text() => (Record, File) switch
    {
        (null, null) => $"record {Number}",
        (null, _) => File,
        (_, null) => Record,
        _ => $"{Record} ({File})",
    };
}

/// <summary>A feed of advisories.</summary>
internal sealed record FeedView(
    string Name, string? Format = null, string? State = null, DateTimeOffset? LastSuccessAt = null, long? AgeSeconds = null,
    bool Stale = false, DateTimeOffset? RequestedAt = null, DateTimeOffset? LastAttemptAt = null, DateTimeOffset? NextAt = null,
    long? BytesFetched = null, long? BytesTotal = null, string? Error = null, string? ImportId = null)
{
    /// <summary>How much of its file was received.</summary>
    public string Bytes() =>
        Output.Times.Megabytes(BytesFetched ?? 0) + (BytesTotal is { } total ? $" of {Output.Times.Megabytes(total)} MB" : " MB");

    public double? Fraction() => BytesTotal is > 0 and var total ? (double)(BytesFetched ?? 0) / total : null;
}

/// <summary>An ecosystem of which all advisories were imported.</summary>
internal sealed record EcosystemView(
    string Ecosystem, string? Basis = null, int? Records = null, DateTimeOffset? Since = null, DateTimeOffset? ConfirmedAt = null);

/// <summary>A vulnerability, and the organization's verdict on it.</summary>
internal sealed record VulnerabilityView(
    string Id, IReadOnlyList<string>? Aliases = null, IReadOnlyList<string>? Advisories = null,
    double? Cvss = null, string? CvssVector = null, string? Severity = null, double? Epss = null, bool? Kev = null, string? Status = null,
    DateTimeOffset? CuratedAt = null, DateTimeOffset? PublishedAt = null, DateTimeOffset? ModifiedAt = null, string? Summary = null,
    string? Description = null, long? Environments = null, IReadOnlyList<NotComparedView>? NotCompared = null,
    FoundByView? FoundBy = null);

/// <summary>How a vulnerability was found that does not have the id that was asked for.</summary>
internal sealed record FoundByView(string Id, string Relation, IReadOnlyList<string>? Others = null)
{
    public string Text(string vulnerability) =>
        $"{Id} is no id of its own here: {vulnerability} names it as {Relation}"
        + (Others is { Count: > 0 } ? $"; so do {string.Join(", ", Others)}." : ".");
}

/// <summary>What an advisory says of a project that cannot be compared with installed versions.</summary>
internal sealed record NotComparedView(string Advisory, string Ecosystem, string Project, string Why)
{
    public string Text() => $"{Advisory}: {Ecosystem}'s {Project} cannot be compared, {Why}.";
}

/// <summary>A page of the environments that a vulnerability affects, and what is not known.</summary>
internal sealed record AffectedPage(
    IReadOnlyList<AffectedEnvironment> Items, long TotalCount = 0, string? NextCursor = null,
    IReadOnlyList<NotComparedView>? NotCompared = null, long NotComparedEnvironments = 0,
    string? Vulnerability = null, FoundByView? FoundBy = null);

/// <summary>An environment that a vulnerability affects, with the packages that have it.</summary>
internal sealed record AffectedEnvironment(
    Guid Id, string? Name = null, string? Platform = null, MachineView? Machine = null, UserView? User = null, string? Status = null,
    IReadOnlyList<AffectedPackage>? Packages = null);

internal sealed record AffectedPackage(
    string Manager, string Name, string? Version = null, string? Build = null, JsonElement? FixedIn = null, string? Status = null);

/// <summary>An administrator's verdict on a vulnerability.</summary>
internal sealed record CurationRequest(
    string Status, string? Package, string? Version, string? Build, string? Reason, DateTimeOffset? ExpiresAt);

internal sealed record CurationView(
    string Id, string VulnerabilityId, string? Package = null, string? Version = null, string? Build = null, string? Status = null,
    string? Reason = null, DateTimeOffset? CreatedAt = null, UserView? CreatedBy = null, DateTimeOffset? ExpiresAt = null,
    bool InForce = false, DateTimeOffset? EndedAt = null, string? EndedAs = null)
{
    /// <summary>The scope: the whole vulnerability, a package, a version, a build.</summary>
    public string Scope() =>
        Package is null ? "everywhere" : string.Join(' ', new[] { Package, Version, Build }.Where(part => part is not null));
}

/// <summary>The result of importing a VEX document.</summary>
internal sealed record VexResult(int Statements = 0, int Applied = 0, int Unchanged = 0, IReadOnlyList<SkippedStatement>? Skipped = null);

internal sealed record SkippedStatement(string? Vulnerability = null, string? Product = null, string? Reason = null);
