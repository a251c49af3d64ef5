using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Packages;
using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Explanations;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Upgrades;
using EnvPlatform.Scanner.Vulnerabilities;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>A caller requests the vulnerabilities of a list of packages (the local audit); nothing is stored.</summary>
internal static class ScanPackages
{
    private const int MaxPackages = 50_000;
    private const int MaxBytes = 16 << 20;

    /// <param name="Manager">conda or pypi.</param>
    /// <param name="VersionRange">
    /// In the place of a version, all that begin with a release: 3.11.*, as conda's python=3.11 means. Nothing is claimed of one of them.
    /// </param>
    public sealed record Package(
        [Required, RegularExpression("conda|pypi", ErrorMessage = "Must be conda or pypi.")] string Manager,
        [Required, StringLength(255, MinimumLength = 1)] string Name,
        [MaxLength(255)] string? Version = null, [MaxLength(255)] string? Build = null, [MaxLength(255)] string? Subdir = null,
        [MaxLength(255)] string? Channel = null,
        [RegularExpression(VersionPrefix.Form, ErrorMessage = "Must be a release of numbers and .*, such as 3.11.*.")]
        string? VersionRange = null)
    {
        internal PackageKey Key => new(Manager, Channel ?? "", Subdir ?? "", Name, Version ?? "", Build ?? "");
    }

    /// <param name="Prefix">Where the packages are, for the commands that upgrade them; it is not stored.</param>
    /// <param name="Platform">As conda names it; determines which shell the commands are for.</param>
    public sealed record Request(
        [Required, MaxLength(MaxPackages)] IReadOnlyList<Package?> Packages, [MaxLength(4_096)] string? Prefix = null,
        [MaxLength(255)] string? Name = null, [MaxLength(64)] string? Platform = null);

    /// <param name="Coverage">checked, not_checked (then <paramref name="Reason"/> says why) or not_applicable.</param>
    /// <param name="Reason">
    /// not_mapped, no_such_project, invalid_version, no_advisory_source, unknown_channel or advisory_not_evaluable.
    /// </param>
    /// <param name="Explanation">How it was checked, or why not, as text.</param>
    /// <param name="Mapping">What it was mapped to; null where nothing is compared.</param>
    /// <param name="NotEvaluable">The advisories that cannot be compared with its version, where that is the reason.</param>
    /// <param name="VersionRange">As requested; null where a version was.</param>
    /// <param name="OnlySomeVersions">
    /// Of the vulnerabilities of a version range, those that affect some of its versions; the others affect all of them.
    /// </param>
    public sealed record Scanned(
        string Manager, string Name, string? Version, string? Build, string? Channel, string Coverage, string? Reason, string Explanation,
        MappingView? Mapping, IReadOnlyList<VulnerabilityView> Vulnerabilities, IReadOnlyList<string> NotEvaluable,
        string? VersionRange, IReadOnlyList<string> OnlySomeVersions);

    /// <summary>Distinct vulnerabilities that are active or reported by severity, and how many packages could not be checked.</summary>
    /// <param name="SomeVersions">
    /// How many more affect packages only in some versions of a version range; they are not in the other numbers.
    /// </param>
    public sealed record Summary(int Total, int Critical, int High, int Medium, int Low, int Unknown, int NotChecked, int SomeVersions);

    /// <param name="Packages">Each once, in the order of the request.</param>
    public sealed record Result(IReadOnlyList<Scanned> Packages, Summary Summary, EnvironmentUpgrades Upgrades);

    public static void MapScanPackages(this IEndpointRouteBuilder organization) =>
        organization.MapPost("/scans", HandleAsync).WithName(nameof(ScanPackages))
            .WithSummary("Scan a list of packages without storing it.").WithMetadata(new RequestSizeLimitAttribute(MaxBytes));

    private static async Task<Results<Ok<Result>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, CurrentIndex current, ScansAtOnce atOnce, IOptions<ScannerOptions> options,
        ScannerMetrics metrics, PlanUpgrades plan, CondaChannels channels, HttpResponse http, CancellationToken ct)
    {
        if (request.Packages.Index().FirstOrDefault(entry => entry.Item is null, (-1, null)) is { Index: >= 0 and var missing })
        {
            return Problems.Invalid($"packages[{missing}]", "Must not be null.");
        }

        if (request.Packages.Index().FirstOrDefault(entry => entry.Item is { Version.Length: > 0, VersionRange: not null }, (-1, null))
            is { Index: >= 0 and var both })
        {
            return Problems.Invalid($"packages[{both}].version_range", "Give a version or a version range, not both.");
        }

        using var turn = atOnce.Begin(caller.OrgId);
        if (!turn.IsAcquired)
        {
            http.Headers.RetryAfter = "1";
            return Problems.Of(
                StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests.",
                $"{options.Value.MaxScansAtOnce} scans of this organization are under way. Try again when one of them has ended.");
        }

        // Packages that differ in nothing are one; a field that is absent is empty.
        Package[] packages = [.. request.Packages.OfType<Package>().DistinctBy(package => (package.Key, package.VersionRange))];
        var installed = packages.Select(package =>
            LoggedPackage.InstalledPackageOf(package.Manager, package.Name, package.Version, package.Build, package.Channel)).ToArray();
        while (true)
        {
            var generation = await db.QuerySingleAsync<long>("select generation from advisory_state", null, ct);
            var index = await current.AtLeastAsync(generation, ct);
            var matches = installed
                .Select((package, i) => index.Index.Match(package, VersionPrefix.TryParse(packages[i].VersionRange))).ToArray();
            var contents = matches.Select((match, i) => Found.Of(match, installed[i], packages[i].Subdir, index.Index)).ToArray();
            var findings = contents.Distinct().ToDictionary(found => found, found => found.Findings());
            var total = contents.Sum(found => (long)findings[found].Length);
            if (total > options.Value.MaxFindings)
            {
                return Problems.Of(
                    StatusCodes.Status413PayloadTooLarge, "too_many_findings", "Too many findings for one answer.",
                    $"{total} findings are in these packages; an answer holds {options.Value.MaxFindings} at most. Scan them in parts.");
            }

            var ids = findings.Values.SelectMany(some => some).Select(finding => finding.VulnerabilityId)
                .Distinct(StringComparer.Ordinal).ToArray();
            var known = await VulnerabilityView.ReadAsync(db, ids, ct);
            if (known.Count != ids.Length)
            {
                // An import has changed the vulnerabilities since the match; the next index has the new ones.
                continue;
            }

            metrics.Matched(matches.Length);
            var views = await ViewsAsync(db, caller, packages, matches, [.. contents.Select(found => findings[found])], known, ct);
            var mappings = installed.Zip(matches, (package, match) => PackageMapping.Of(package, match.Mapped, index.Index)).ToArray();
            var upgrades = await plan.RunAsync(
                caller.OrgId, index.Index, await VulnerableAsync(db, caller, packages, installed, views, index.Index, ct),
                [.. packages.Where(package => package.Manager == LoggedPackage.Conda).Select(package => HeldPackage.Of(
                    channels, package.Name, package.Version, package.Build, package.Channel, package.Subdir))],
                new(request.Prefix, request.Name, request.Platform), ct);
            return TypedResults.Ok(ResultOf(packages, matches, mappings, views, upgrades));
        }
    }

    /// <summary>The vulnerabilities of each package, with the organization's verdicts on them.</summary>
    private static async Task<VulnerabilityView[][]> ViewsAsync(
        NpgsqlDataSource db, Caller caller, Package[] packages, PackageMatch[] matches, Finding[][] findings,
        Dictionary<string, VulnerabilityView> known, CancellationToken ct)
    {
        var asked = packages.Index()
            .SelectMany(package => findings[package.Index].Select(finding => (Of: package.Index, Finding: finding))).ToArray();
        var statuses = await FindingStatuses.OfFindingsAsync(
            db, caller.OrgId,
            [.. asked.Select((one, number) => new FindingStatuses.Finding(
                number, one.Finding.VulnerabilityId, packages[one.Of].Manager, packages[one.Of].Name, matches[one.Of].Mapped.Identity.Name,
                packages[one.Of].Version, packages[one.Of].Build))], ct);
        var libraries = LibrariesOf(packages);
        var shared = findings.Distinct().SelectMany(some => some).ToDictionary(finding => finding, finding =>
            known[finding.VulnerabilityId] with
            {
                Advisories = finding.Advisories,
                FixedIn = finding.FixedIn,
                Matches = [.. finding.Matches.Select(AdvisoryMatch.Of)],
                Description = null,
            });
        var views = asked.Select((one, number) =>
        {
            var view = Judged(shared[one.Finding], one.Finding, matches[one.Of].Mapped.Identity.Name, libraries);
            return (one.Of, View: statuses.TryGetValue(number, out var curated)
                ? view with { Status = curated.Status, CuratedAt = curated.CuratedAt }
                : view);
        }).ToLookup(one => one.Of, one => one.View);
        return [.. packages.Select(
            (_, i) => views[i].OrderByDescending(view => view.Cvss ?? -1).ThenBy(view => view.Id, StringComparer.Ordinal).ToArray())];
    }

    /// <summary>The conda packages among these that provide libraries which wheels carry.</summary>
    private static HashSet<string> LibrariesOf(Package[] packages) =>
    [
        .. packages.Where(package => package.Manager == LoggedPackage.Conda).Select(package => package.Name)
            .Intersect(BundledLibraries.BuiltIn.Providers, StringComparer.Ordinal),
    ];

    /// <summary>With the platform's verdict, where it has one.</summary>
    private static VulnerabilityView Judged(VulnerabilityView view, Finding finding, string project, HashSet<string> libraries)
    {
        string[] providedBy = [.. (finding.ProvidedBy ?? []).Where(libraries.Contains).Order(StringComparer.Ordinal)];
        return providedBy.Length == 0
            ? view
            : view with
            {
                Status = CurationStatuses.NotAffected,
                PlatformCuration = PlatformCuration.Of(finding.Library, project, providedBy),
            };
    }

    /// <summary>
    /// The packages in which something was found that is active or reported. To a range there is no version to upgrade from: whoever wrote
    /// it is to name another.
    /// </summary>
    private static async Task<VulnerablePackage[]> VulnerableAsync(
        NpgsqlDataSource db, Caller caller, Package[] packages, InstalledPackage[] installed, VulnerabilityView[][] views,
        AdvisoryIndex index, CancellationToken ct)
    {
        var found = packages.Index().Where(package =>
            package.Item.VersionRange is null && views[package.Index].Any(view => CurationStatuses.IsOpen(view.Status))).ToArray();
        var accepted = await AcceptedVulnerabilities.OfAsync(
            db, caller.OrgId, [.. found.Select(one => (one.Item.Manager, one.Item.Subdir, installed[one.Index]))], LibrariesOf(packages),
            index, ct);
        return [.. found.Select((one, i) =>
        {
            var open = views[one.Index].Where(view => CurationStatuses.IsOpen(view.Status)).Select(view => view.Id)
                .ToHashSet(StringComparer.Ordinal);
            return new VulnerablePackage(one.Item.Manager, one.Item.Name, installed[one.Index], open, open, accepted[i]);
        })];
    }

    private static Scanned ScannedOf(Package package, in PackageMatch match, PackageMapping mapping, VulnerabilityView[] views)
    {
        var (coverage, reason) = (Texts.Of(match.Coverage), NotCheckedReasons.CodeOf(match.Reason));
        return new(
            package.Manager, package.Name, package.Version, package.Build, package.Channel, coverage, reason,
            CoverageSentence.Of(coverage, reason, package.Manager, package.Name, package.Channel, package.Version ?? package.VersionRange,
                mapping, match.NotEvaluable)
                + (package.VersionRange is { } range && coverage == "checked" ? $" All versions of {range} were considered." : ""),
            match.Coverage == Coverage.NotApplicable ? null : mapping.View(package.Manager, package.Name, package.Channel), views,
            match.NotEvaluable, package.VersionRange,
            [.. views.Select(view => view.Id).Intersect(match.OnlySome, StringComparer.Ordinal)]);
    }

    private static Result ResultOf(
        Package[] packages, PackageMatch[] matches, PackageMapping[] mappings, VulnerabilityView[][] views, EnvironmentUpgrades upgrades)
    {
        var scanned = packages.Select((package, i) => ScannedOf(package, matches[i], mappings[i], views[i])).ToArray();
        var all = views
            .SelectMany((some, i) => some.Where(view => CurationStatuses.IsOpen(view.Status))
                .Select(view => (View: view, IsSure: !scanned[i].OnlySomeVersions.Contains(view.Id))))
            .ToLookup(one => one.IsSure, one => one.View);
        var open = all[true].DistinctBy(view => view.Id).ToArray();
        var bySeverity = open.CountBy(view => view.Severity).ToDictionary();
        int Count(string severity) => bySeverity.GetValueOrDefault(severity);
        return new(scanned, new(
            open.Length, Count("critical"), Count("high"), Count("medium"), Count("low"), Count("unknown"),
            matches.Count(match => match.Coverage == Coverage.NotChecked),
            all[false].Select(view => view.Id).Except(open.Select(view => view.Id), StringComparer.Ordinal).Count()), upgrades);
    }
}
