using System.Collections.Frozen;

using EnvPlatform.Conda;
using EnvPlatform.Scanner.Advisories;
using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Matching;

/// <summary>
/// All advisories by the projects that they affect, compiled for matching. Immutable: built once for each state of the advisories and
/// swapped as a whole, so that a scan never sees half of an import. Matching allocates only for the first hit of a version.
/// </summary>
public sealed class AdvisoryIndex
{
    private const int MaxNameLength = 512;

    private readonly ConventionMapping _mapping;
    private readonly Dictionary<string, Tables> _ecosystems;
    private readonly FrozenSet<string> _complete;
    private readonly bool _isNvdComplete;

    private AdvisoryIndex(ConventionMapping mapping, Dictionary<string, Tables> ecosystems, FrozenSet<string> complete)
    {
        _mapping = mapping;
        _ecosystems = ecosystems;
        _complete = complete;
        _isNvdComplete = complete.Contains(Ecosystems.Nvd);
    }

    /// <summary>How packages are mapped to projects.</summary>
    public ConventionMapping Mapping => _mapping;

    /// <summary>Projects that at least one advisory affects.</summary>
    public int Projects => _ecosystems.Values.Sum(tables => tables.Count);

    /// <summary>Advisories that are not withdrawn, of ecosystems that packages come from.</summary>
    public int Advisories { get; private init; }

    /// <summary>Ranges that are ignored because no version can be read out of one of their events.</summary>
    public int IgnoredRanges { get; private init; }

    /// <summary>Entries of advisories that cannot be compared with any version, by advisory.</summary>
    public NotEvaluable[] NotEvaluable { get; private init; } = [];

    /// <param name="advisories">Of several with one id the last modified counts; withdrawn ones are left out.</param>
    /// <param name="groups">Of the same advisories.</param>
    /// <param name="completeEcosystems">
    /// Ecosystems of which a complete feed was imported: their projects that no advisory names were checked and are clean.
    /// </param>
    public static AdvisoryIndex Build(
        IEnumerable<Advisory> advisories, VulnerabilityGroups groups, ConventionMapping mapping, IEnumerable<string> completeEcosystems)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(mapping);
        var sources = new Dictionary<PackageIdentity, List<AffectedSource>>();
        var count = 0;
        foreach (var advisory in VulnerabilityGroups.Latest(advisories).OrderBy(advisory => advisory.Id, StringComparer.Ordinal))
        {
            if (advisory.Withdrawn is not null || groups.Of(advisory.Id) is not { } vulnerability)
            {
                continue;
            }

            var indexed = new IndexedAdvisory(advisory.Id, vulnerability.Id, vulnerability.Severity, vulnerability.Cvss);
            var isIndexed = false;
            for (var i = 0; i < advisory.Affected.Length; i++)
            {
                var affected = advisory.Affected[i];
                if (affected.Identity is not { } identity)
                {
                    continue;
                }

                if (!sources.TryGetValue(identity, out var list))
                {
                    sources.Add(identity, list = []);
                }

                list.Add(new AffectedSource(indexed, affected, i));
                isIndexed = true;
            }

            if (isIndexed)
            {
                count++;
            }
        }

        var tables = sources.Select(pair => Compile(pair.Key, mapping.SchemeOf(pair.Key.Ecosystem, pair.Key.Name), pair.Value)).ToArray();
        var ecosystems = tables.GroupBy(table => table.Table.Identity.Ecosystem)
            .ToDictionary(group => group.Key, group => new Tables(group.Select(table => table.Table)), StringComparer.Ordinal);
        return new AdvisoryIndex(mapping, ecosystems, completeEcosystems.ToFrozenSet(StringComparer.Ordinal))
        {
            Advisories = count,
            IgnoredRanges = tables.Sum(table => table.Ignored),
            NotEvaluable =
            [
                .. tables.SelectMany(table => table.Table.NotEvaluable).OrderBy(one => one.Advisory.Id, StringComparer.Ordinal)
                    .ThenBy(one => one.AffectedIndex),
            ],
        };
    }

    /// <summary>The same advisories with another mapping, one that compares versions in the same orders.</summary>
    internal AdvisoryIndex With(ConventionMapping mapping) =>
        new(mapping, _ecosystems, _complete) { Advisories = Advisories, IgnoredRanges = IgnoredRanges, NotEvaluable = NotEvaluable };

    /// <summary>What is known of a package: how far it could be checked, and which advisories affect it.</summary>
    public PackageMatch Match(in InstalledPackage package) => Match(package, null);

    /// <summary>As the other one, for all versions that begin with a release; the package's own version does not count then.</summary>
    public PackageMatch Match(in InstalledPackage package, VersionPrefix? versions)
    {
        var mapped = _mapping.Map(package);
        if (mapped.Answer == MappingAnswer.NotApplicable)
        {
            return new PackageMatch(Coverage.NotApplicable, NotCheckedReason.None, mapped, []);
        }

        var table = _ecosystems.TryGetValue(mapped.Ecosystem, out var tables) ? tables.Find(mapped) : null;
        if (table is null)
        {
            return WithoutTable(mapped);
        }

        if (versions is null && string.IsNullOrEmpty(package.Version))
        {
            return new PackageMatch(Coverage.NotChecked, NotCheckedReason.InvalidVersion, mapped, []);
        }

        var ofAll = versions is { } prefix ? table.Match(prefix) : null;
        var isValid = ofAll is not null;
        var hits = ofAll?.Hits ?? (versions is null ? table.Match(package.Version!, out isValid) : []);
        if (!isValid)
        {
            return new PackageMatch(Coverage.NotChecked, NotCheckedReason.InvalidVersion, mapped, hits);
        }

        // Findings are always reported. Their absence means nothing for a package whose channel may use the name for anything, or of which
        // only a sample is known.
        var notEvaluable = hits.Length == 0 || table.NotEvaluableIds.Length == 0
            ? table.NotEvaluableIds
            : Without(table.NotEvaluableIds, hits);
        var reason = hits.Length == 0 && !mapped.IsChannelKnown ? NotCheckedReason.UnknownChannel
            : hits.Length == 0 && table.IsSample && !IsCovered(mapped) ? NotCheckedReason.NoAdvisorySource
            : notEvaluable.Length > 0 ? NotCheckedReason.AdvisoryNotEvaluable
            : NotCheckedReason.None;
        return new PackageMatch(reason == NotCheckedReason.None ? Coverage.Checked : Coverage.NotChecked, reason, mapped, hits)
        {
            NotEvaluable = reason == NotCheckedReason.AdvisoryNotEvaluable ? notEvaluable : [],
            OnlySome = ofAll?.OnlySome ?? [],
        };
    }

    /// <summary>
    /// An advisory with an entry that affects the version and another that cannot be compared has said what there is to say.
    /// </summary>
    private static string[] Without(string[] ids, Hit[] hits) => [.. ids.Where(id => !Array.Exists(hits, hit => hit.Advisory.Id == id))];

    /// <summary>The table of the project that a package holds; null when no advisory is about it.</summary>
    internal PackageTable? TableOf(in InstalledPackage package)
    {
        var mapped = _mapping.Map(package);
        return mapped.Answer != MappingAnswer.NotApplicable && _ecosystems.TryGetValue(mapped.Ecosystem, out var tables)
            ? tables.Find(mapped)
            : null;
    }

    /// <summary>The reason of the rule by which a package was mapped; null where it is the same for all packages.</summary>
    public string? ReasonOf(in InstalledPackage package, in MappedPackage mapped) => _mapping.ReasonOf(package, mapped);

    /// <summary>A complete source was imported; it would have named the project if any version were affected.</summary>
    private bool IsCovered(in MappedPackage mapped) =>
        _complete.Contains(mapped.Ecosystem) || (_isNvdComplete && CpeProducts.BuiltIn.Covers(mapped));

    private PackageMatch WithoutTable(in MappedPackage mapped)
    {
        var reason = mapped.Answer switch
        {
            _ when !mapped.IsChannelKnown => NotCheckedReason.UnknownChannel,
            MappingAnswer.Unknown => NotCheckedReason.NotMapped,
            MappingAnswer.NoSuchProject => NotCheckedReason.NoSuchProject,
            // A name alone, without a build or such as parts have, is a guess that only an advisory could confirm.
            MappingAnswer.Project when mapped.Basis is MappingBasis.NameOnly or MappingBasis.PartName => NotCheckedReason.NotMapped,
            MappingAnswer.Project when IsCovered(mapped) => NotCheckedReason.None,
            _ => NotCheckedReason.NoAdvisorySource,
        };
        return new PackageMatch(reason == NotCheckedReason.None ? Coverage.Checked : Coverage.NotChecked, reason, mapped, []);
    }

    private static (PackageTable Table, int Ignored) Compile(PackageIdentity identity, VersionScheme scheme, List<AffectedSource> sources)
    {
        return scheme switch
        {
            VersionScheme.Pep440 => In<Pep440Version>(),
            VersionScheme.Conda => In<CondaVersion>(),
            VersionScheme.OpenSsl => In<OpenSslVersion>(),
            VersionScheme.Cran => In<CranVersion>(),
            VersionScheme.SemVer => In<SemVersion>(),
            VersionScheme.Generic => In<GenericVersion>(),
            _ => throw new ArgumentOutOfRangeException(nameof(scheme), scheme, null),
        };

        (PackageTable, int) In<T>()
            where T : struct, IVersion<T>
        {
            var table = new OrderedPackageTable<T>(identity, scheme, sources);
            return (table, table.IgnoredRanges);
        }
    }

    /// <summary>The tables of an ecosystem by normalised name, found without allocating a string.</summary>
    private sealed class Tables
    {
        private readonly FrozenDictionary<string, PackageTable>.AlternateLookup<ReadOnlySpan<char>> _byName;

        public Tables(IEnumerable<PackageTable> tables)
        {
            var byName = tables.ToFrozenDictionary(table => table.Identity.Name, StringComparer.Ordinal);
            Count = byName.Count;
            _byName = byName.GetAlternateLookup<ReadOnlySpan<char>>();
        }

        public int Count { get; }

        public PackageTable? Find(in MappedPackage mapped)
        {
            var name = mapped.Name;
            if (name.Length > MaxNameLength)
            {
                return null;
            }

            PackageTable? table;
            if (PackageIdentity.IsNormal(mapped.Ecosystem, name))
            {
                _byName.TryGetValue(name, out table);
                return table;
            }

            Span<char> normal = stackalloc char[MaxNameLength];
            var length = PackageIdentity.Normalize(mapped.Ecosystem, name, normal);
            _byName.TryGetValue(normal[..length], out table);
            return table;
        }
    }
}
