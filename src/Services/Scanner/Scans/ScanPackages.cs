using System.ComponentModel.DataAnnotations;

using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Vulnerabilities;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Identity;

using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

using Npgsql;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Somebody wants to know the vulnerabilities of a list of packages (the local audit); nothing is stored.</summary>
public static class ScanPackages
{
    private const int MaxPackages = 50_000;
    private const int MaxBytes = 16 << 20;

    /// <param name="Manager">conda or pypi.</param>
    public sealed record Package(
        [Required, RegularExpression("conda|pypi", ErrorMessage = "Must be conda or pypi.")] string Manager, [Required, StringLength(255, MinimumLength = 1)] string Name,
        [MaxLength(255)] string? Version = null, [MaxLength(255)] string? Build = null, [MaxLength(255)] string? Subdir = null,
        [MaxLength(255)] string? Channel = null);

    public sealed record Request([Required, MaxLength(MaxPackages)] IReadOnlyList<Package?> Packages);

    /// <param name="Coverage">checked, not_checked (then <paramref name="Reason"/> says why) or not_applicable.</param>
    public sealed record Scanned(
        string Manager, string Name, string? Version, string? Build, string? Channel, string Coverage, string? Reason, IReadOnlyList<VulnerabilityView> Vulnerabilities);

    /// <summary>Distinct vulnerabilities by severity, and how many packages could not be checked.</summary>
    public sealed record Summary(int Total, int Critical, int High, int Medium, int Low, int Unknown, int NotChecked);

    public sealed record Result(IReadOnlyList<Scanned> Packages, Summary Summary);

    public static void MapScanPackages(this IEndpointRouteBuilder organization) =>
        organization.MapPost("/scans", HandleAsync).WithName(nameof(ScanPackages)).WithSummary("Scan a list of packages without storing it.")
            .WithMetadata(new RequestSizeLimitAttribute(MaxBytes));

    private static async Task<Results<Ok<Result>, ProblemHttpResult>> HandleAsync(
        Request request, Caller caller, NpgsqlDataSource db, CurrentIndex current, ScannerMetrics metrics, CancellationToken ct)
    {
        if (request.Packages.Index().FirstOrDefault(entry => entry.Item is null, (-1, null)) is { Index: >= 0 and var missing })
        {
            return Problems.Invalid($"packages[{missing}]", "Must not be null.");
        }

        Package[] packages = [.. request.Packages.OfType<Package>()];
        while (true)
        {
            var generation = await db.QuerySingleAsync<long>("select generation from advisory_state", null, ct);
            var index = await current.AtLeastAsync(generation, ct);
            var matches = packages.Select(package =>
                index.Index.Match(LoggedPackage.InstalledPackageOf(package.Manager, package.Name, package.Version, package.Build))).ToArray();
            var findings = matches.Select(match => Finding.Of(match)).ToArray();
            var ids = findings.SelectMany(some => some).Select(finding => finding.VulnerabilityId).Distinct(StringComparer.Ordinal).ToArray();
            var known = await VulnerabilityView.ReadAsync(db, ids, ct);
            if (known.Count != ids.Length)
            {
                // An import has changed the vulnerabilities since the match; the next index has the new ones.
                continue;
            }

            metrics.Matched(matches.Length);
            return TypedResults.Ok(ResultOf(packages, matches, findings, known));
        }
    }

    private static Result ResultOf(
        Package[] packages, PackageMatch[] matches, Finding[][] findings, Dictionary<string, VulnerabilityView> known)
    {
        var scanned = packages.Select((package, i) => new Scanned(
            package.Manager, package.Name, package.Version, package.Build, package.Channel, Texts.Of(matches[i].Coverage),
            NotCheckedReasons.CodeOf(matches[i].Reason),
            [.. findings[i].Select(finding => known[finding.VulnerabilityId] with { Advisories = finding.Advisories, FixedIn = finding.FixedIn, Description = null })
                .OrderByDescending(view => view.Cvss ?? -1).ThenBy(view => view.Id, StringComparer.Ordinal)])).ToArray();
        var bySeverity = known.Values.CountBy(view => view.Severity).ToDictionary();
        int Count(string severity) => bySeverity.GetValueOrDefault(severity);
        return new(scanned, new(
            known.Count, Count("critical"), Count("high"), Count("medium"), Count("low"), Count("unknown"),
            matches.Count(match => match.Coverage == Coverage.NotChecked)));
    }
}
