using System.Collections.Frozen;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Matching;

using Npgsql;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>
/// The vulnerabilities that are mitigated, cleared or disputed for an organization in packages, whatever their version: they need not be
/// cleared, and do not rule out another version. A verdict on one version or build does not apply to the next.
/// </summary>
internal static class AcceptedVulnerabilities
{
    /// <summary>For each of the packages, in their order.</summary>
    public static async Task<IReadOnlySet<string>[]> OfAsync(
        NpgsqlDataSource db, OrganizationId organization, IReadOnlyList<(string Manager, InstalledPackage Package)> packages,
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
        var accepted = statuses.Where(pair => !CurationStatuses.IsOpen(pair.Value.Status))
            .GroupBy(pair => asked[pair.Key].Of, pair => asked[pair.Key].Id)
            .ToDictionary(ids => ids.Key, ids => ids.ToFrozenSet(StringComparer.Ordinal));
        return [.. tables.Select(key => accepted.GetValueOrDefault(key, FrozenSet<string>.Empty))];
    }
}
