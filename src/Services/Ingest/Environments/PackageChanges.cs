using EnvPlatform.Contracts.Packages;

namespace EnvPlatform.Ingest.Environments;

/// <summary>A package whose version, build or channel changed.</summary>
internal sealed record ChangedPackage(PackageKey From, PackageKey To);

/// <summary>
/// The difference between two package sets. Removing <see cref="Removed"/> and each <c>From</c> from the one and adding <see cref="Added"/>
/// and each <c>To</c> gives the other.
/// </summary>
internal sealed record PackageChanges(
    IReadOnlyList<PackageKey> Added, IReadOnlyList<PackageKey> Removed, IReadOnlyList<ChangedPackage> Changed)
{
    public int Count => Added.Count + Removed.Count + Changed.Count;

    /// <param name="gone">The packages of the earlier set that the later one lacks.</param>
    /// <param name="come">The packages of the later set that the earlier one lacks.</param>
    public static PackageChanges Between(IEnumerable<PackageKey> gone, IEnumerable<PackageKey> come)
    {
        var added = new List<PackageKey>();
        var changed = new List<ChangedPackage>();
        var left = gone.Order(Order).GroupBy(Name).ToDictionary(same => same.Key, same => new Queue<PackageKey>(same));
        foreach (var package in come.Order(Order))
        {
            if (left.TryGetValue(Name(package), out var earlier) && earlier.TryDequeue(out var from))
            {
                changed.Add(new(from, package));
            }
            else
            {
                added.Add(package);
            }
        }

        return new(added, [.. left.Values.SelectMany(rest => rest).Order(Order)], changed);
    }

    private static (string Manager, string Name) Name(PackageKey package) => (package.Manager, package.Name);

    private static readonly Comparer<PackageKey> Order = Comparer<PackageKey>.Create((a, b) =>
        string.CompareOrdinal(a.Name, b.Name) is not 0 and var byName ? byName
        : string.CompareOrdinal(a.Manager, b.Manager) is not 0 and var byManager ? byManager
        : string.CompareOrdinal(a.Channel, b.Channel) is not 0 and var byChannel ? byChannel
        : string.CompareOrdinal(a.Subdir, b.Subdir) is not 0 and var bySubdir ? bySubdir
        : string.CompareOrdinal(a.Version, b.Version) is not 0 and var byVersion ? byVersion
        : string.CompareOrdinal(a.Build, b.Build));
}
