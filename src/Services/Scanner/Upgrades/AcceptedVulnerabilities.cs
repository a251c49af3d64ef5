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
        var asked = packages.Index().SelectMany(one => index.TableOf(one.Item.Package) is { } table
            ? table.Vulnerabilities.Select(
                id => (Of: one.Index, one.Item.Manager, one.Item.Package.Name, Project: table.Identity.Name, Id: id))
            : []).ToArray();
        var statuses = await FindingStatuses.OfFindingsAsync(
            db, organization,
            [.. asked.Select((one, number) => new FindingStatuses.Finding(number, one.Id, one.Manager, one.Name, one.Project, null, null))],
            ct);
        var accepted = statuses.Where(pair => !CurationStatuses.IsOpen(pair.Value.Status))
            .ToLookup(pair => asked[pair.Key].Of, pair => asked[pair.Key].Id);
        return [.. packages.Select((_, i) => accepted[i].ToFrozenSet(StringComparer.Ordinal))];
    }
}
