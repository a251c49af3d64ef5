using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Explanations;

namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>A package that has a vulnerability, and why.</summary>
/// <param name="Status">Of the finding in this package; the vulnerability's is the most urgent of them.</param>
/// <param name="FixedIn">Versions that end the ranges it is in, lowest first.</param>
/// <param name="Matches">Why it is affected, by advisory.</param>
/// <param name="Mapping">What it was mapped to.</param>
/// <param name="PlatformCuration">
/// Why the platform holds it not to be affected in this environment; null where it does not. The organization's own verdict takes
/// precedence: see <paramref name="Status"/>.
/// </param>
public sealed record AffectedPackage(
    string Manager, string Name, string Version, string? Build, string? Channel, string Status, IReadOnlyList<string> FixedIn,
    IReadOnlyList<AdvisoryMatch> Matches, MappingView Mapping, PlatformCuration? PlatformCuration)
{
    /// <summary>Packages at most that are shown of one vulnerability in one environment; their number is beside them.</summary>
    internal const int MaxShown = 20;

    /// <summary>The columns of <see cref="Row{T}"/>: of a package <c>p</c>, a finding <c>f</c> and the curation in force.</summary>
    internal const string Columns =
        "p.manager, p.name, p.version, p.build, p.channel, f.advisories, f.fixed_in, f.matches::text as matches, " +
        $"p.ecosystem, p.project, p.basis, p.basis_reason, p.version_order, {CurationInForce.Status} as status, "
        + "curation.library, curation.provided_by";

    /// <summary>The same columns, of a query that selects them and others.</summary>
    internal const string Names =
        "manager, name, version, build, channel, advisories, fixed_in, matches, ecosystem, project, basis, basis_reason, version_order, "
        + "status, library, provided_by";

    /// <param name="Of">By which the rows are put together: the vulnerability, or the package.</param>
    internal sealed record Row<T>(
        T Of, string Manager, string Name, string Version, string Build, string Channel, string[] Advisories, string[] FixedIn,
        string Matches, string Ecosystem, string Project, string Basis, string? BasisReason, string VersionOrder, string Status,
        string? Library, string[]? ProvidedBy)
    {
        public AffectedPackage Package => new(
            Manager, Name, Version, Build.Length == 0 ? null : Build, Channel.Length == 0 ? null : Channel, Status, FixedIn,
            [.. Evidence.Read(Matches).Select(AdvisoryMatch.Of)],
            new PackageMapping(Ecosystem, Project, Basis, BasisReason, VersionOrder).View(Manager, Name, Channel),
            Curations.PlatformCuration.Of(Library, Project, ProvidedBy));
    }
}
