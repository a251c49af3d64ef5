using System.Collections.Frozen;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;

using Npgsql;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>
/// The vulnerabilities that are mitigated, cleared or disputed for an organization in packages, whatever their version, or that the
/// platform holds not to affect them: they need not be cleared, and do not rule out another version. A verdict on one version or build does
/// not apply to the next.
/// </summary>
internal static class AcceptedVulnerabilities
{
    /// <summary>For each of the packages, in their order.</summary>
    /// <param name="packages">Each with its subdir, or else the environment's platform; null where neither is known.</param>
    /// <param name="libraries">The conda packages of the environment that provide libraries.</param>
    public static async Task<IReadOnlySet<string>[]> OfAsync(
        NpgsqlDataSource db, OrganizationId organization,
        IReadOnlyList<(string Manager, string? Subdir, InstalledPackage Package)> packages, IReadOnlyCollection<string> libraries,
        AdvisoryIndex index, CancellationToken ct)
    {
        // Whatever the version and the build: of thousands of builds of one package it is asked once.
        var tables = packages.Select(one => (one.Manager, one.Package.Name, Table: index.TableOf(one.Package))).ToArray();
        var asked = tables.Distinct().SelectMany(key => key.Table is { } table
            ? table.Vulnerabilities.Select(id => (Of: key, Project: table.Identity.Name, Id: id))
            : []).ToArray();
        var statuses = await FindingStatuses.OfFindingsAsync(
            db, organization,
            [.. asked.Select((one, number) =>
                new FindingStatuses.Finding(number, one.Id, one.Of.Manager, one.Of.Name, one.Project, null, null))],
            ct);
        var judged = statuses.ToLookup(pair => asked[pair.Key].Of, pair => (asked[pair.Key].Id, pair.Value.Status));
        return [.. packages.Zip(tables, (one, key) => Of(one.Package, one.Subdir, key.Table, judged[key], libraries, index))];
    }

    private static FrozenSet<string> Of(
        in InstalledPackage package, string? subdir, PackageTable? table, IEnumerable<(string Id, string Status)> judged,
        IReadOnlyCollection<string> libraries, AdvisoryIndex index)
    {
        var own = judged.ToDictionary(one => one.Id, one => one.Status, StringComparer.Ordinal);
        var accepted = own.Where(one => !CurationStatuses.IsOpen(one.Value)).Select(one => one.Key);
        if (table is null || libraries.Count == 0)
        {
            return accepted.ToFrozenSet(StringComparer.Ordinal);
        }

        var rules = BundledLibraries.BuiltIn.Of(package, index.Mapping.Map(package), index.Mapping.ChannelOf(package), subdir);
        var provided = rules.Length == 0 ? [] : Array.FindAll(rules, rule => rule.ProvidedBy.Any(libraries.Contains));
        return provided.Length == 0
            ? accepted.ToFrozenSet(StringComparer.Ordinal)
            : accepted.Concat(table.Hits.GroupBy(hit => hit.Advisory.VulnerabilityId, StringComparer.Ordinal)
                .Where(hits => !own.ContainsKey(hits.Key) && Array.Exists(provided, rule => hits.All(hit => rule.Covers(hit.Advisory.Id))))
                .Select(hits => hits.Key)).ToFrozenSet(StringComparer.Ordinal);
    }
}
