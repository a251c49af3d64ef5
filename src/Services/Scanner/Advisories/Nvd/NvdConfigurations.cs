using System.Text.Json;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Advisories.Nvd;

/// <summary>
/// Reads which versions of the known projects are vulnerable according to a record's configurations. A configuration that says "this,
/// running on that" counts when that can be in or under a conda environment: other programs, and Windows, Linux and macOS as such; not when
/// it needs hardware, an appliance or a distribution's build of the program. Negated parts say nothing about what is affected.
/// </summary>
internal sealed class NvdConfigurations(RecordReader reader, CpeProducts products, ConventionMapping mapping)
{
    private static readonly HashSet<string> SoftwareEditions = new(StringComparer.Ordinal)
    {
        CpeName.Any, CpeName.NotApplicable, "lts", "esr", "community", "open_source", "standard",
    };

    private static readonly HashSet<string> Targets = new(StringComparer.Ordinal)
    {
        CpeName.Any, CpeName.NotApplicable, "windows", "linux", "linux_kernel", "macos", "mac_os", "mac_os_x", "unix", "x64", "x86",
    };

    private readonly SortedDictionary<string, SaidOf> _affected = new(StringComparer.Ordinal);

    public AffectedPackage[] Read(JsonElement cve)
    {
        reader.Objects(cve, "configurations", Configuration);
        return [.. _affected.Select(
            pair => new AffectedPackage(Ecosystems.Conda, pair.Key, null, [.. pair.Value.Ranges], [.. pair.Value.Versions], [])
            {
                Unread = [.. pair.Value.Unread],
            })];
    }

    private bool Configuration(JsonElement configuration)
    {
        var nodes = reader.Objects(configuration, "nodes", Node);
        if (reader.Problem is not null || IsNegated(configuration))
        {
            return false;
        }

        if (IsAnd(configuration) && !Array.TrueForAll(nodes, node => node.CanHold))
        {
            return false;
        }

        foreach (var node in nodes)
        {
            if (node.IsNegated || !node.CanHold)
            {
                continue;
            }

            foreach (var match in node.Matches)
            {
                if (match.IsVulnerable)
                {
                    Add(match);
                }
            }
        }

        return true;
    }

    private NodeOf Node(JsonElement node)
    {
        var matches = reader.Objects(node, "cpeMatch", Match);
        var isNegated = IsNegated(node);
        var canHold = isNegated || matches.Length == 0
            || (IsAnd(node) ? Array.TrueForAll(matches, match => CanBe(match.Cpe)) : Array.Exists(matches, match => CanBe(match.Cpe)));
        return new NodeOf(matches, isNegated, canHold);
    }

    private MatchOf Match(JsonElement match)
    {
        if (!CpeName.TryParse(reader.Required(match, "criteria"), out var cpe))
        {
            reader.Complain("criteria", "is no name of CPE 2.3");
            return default;
        }

        return new MatchOf(
            cpe, reader.Has(match, "vulnerable", out var vulnerable) && vulnerable.ValueKind == JsonValueKind.True,
            reader.Identifier(match, "versionStartIncluding"), reader.Identifier(match, "versionStartExcluding"),
            reader.Identifier(match, "versionEndIncluding"), reader.Identifier(match, "versionEndExcluding"));
    }

    private void Add(MatchOf match)
    {
        var cpe = match.Cpe;
        // An edition for another language or system, or a commercial one, is another program under the same name.
        if (cpe.Part != "a" || !Targets.Contains(cpe.TargetSoftware) || !SoftwareEditions.Contains(cpe.SoftwareEdition))
        {
            return;
        }

        if (products.Find(cpe.Vendor, cpe.Product) is not { } product)
        {
            return;
        }
        // A package always has a version: "none" is not it.
        if (cpe.Version == CpeName.NotApplicable)
        {
            return;
        }

        var scheme = mapping.SchemeOf(Ecosystems.Conda, product.Native);
        if (!_affected.TryGetValue(product.Native, out var found))
        {
            found = new([], new SortedSet<string>(StringComparer.Ordinal), new SortedSet<string>(StringComparer.Ordinal));
        }

        if (cpe.IsPattern)
        {
            // It stands for versions that only NVD's dictionary knows.
            found.Unread.Add(cpe.Version);
        }
        else if (cpe.Version != CpeName.Any)
        {
            found.Versions.UnionWith(NvdVersions.Exact(cpe.Version, cpe.Update, scheme, product.Versions));
        }
        else if (Range(match, scheme, product.Versions) is { } range)
        {
            found.Ranges.Add(range);
        }

        if (found.Ranges.Count + found.Versions.Count + found.Unread.Count > 0)
        {
            _affected[product.Native] = found;
        }
    }

    private static AffectedRange? Range(MatchOf match, VersionScheme scheme, CpeVersionStyle style)
    {
        var start = (match.StartIncluding ?? match.StartExcluding) is { } from ? NvdVersions.Bound(from, scheme, style) : null;
        var end = (match.EndExcluding ?? match.EndIncluding) is { } to ? NvdVersions.Bound(to, scheme, style) : null;
        var first = start is null ? new RangeEvent(RangeEventKind.Introduced, "0")
            : new RangeEvent(match.StartIncluding is null ? RangeEventKind.IntroducedAfter : RangeEventKind.Introduced, start);
        if (end is null)
        {
            return new AffectedRange(RangeType.Ecosystem, [first]);
        }

        // In the order of events an end before its start would have no effect.
        if (start is not null && VersionOrder.Compare(scheme, start, end) is > 0)
        {
            return null;
        }

        return new AffectedRange(
            RangeType.Ecosystem,
            [first, new RangeEvent(match.EndExcluding is null ? RangeEventKind.LastAffected : RangeEventKind.Fixed, end)]);
    }

    private static bool CanBe(CpeName cpe) => cpe.Part switch
    {
        "a" => true,
        "o" =>
            cpe is { Vendor: "microsoft", Product: ['w', 'i', 'n', 'd', 'o', 'w', 's', ..] } or { Vendor: "linux", Product: "linux_kernel" }
                or { Vendor: "apple", Product: "macos" or "mac_os" or "mac_os_x" },
        _ => false,
    };

    private bool IsAnd(JsonElement parent) =>
        string.Equals(reader.Identifier(parent, "operator"), "AND", StringComparison.OrdinalIgnoreCase);

    private bool IsNegated(JsonElement parent) => reader.Has(parent, "negate", out var negate) && negate.ValueKind == JsonValueKind.True;

    /// <param name="Unread">Versions with a wildcard inside them.</param>
    private sealed record SaidOf(List<AffectedRange> Ranges, SortedSet<string> Versions, SortedSet<string> Unread);

    private readonly record struct MatchOf(
        CpeName Cpe, bool IsVulnerable, string? StartIncluding, string? StartExcluding, string? EndIncluding, string? EndExcluding);

    private readonly record struct NodeOf(MatchOf[] Matches, bool IsNegated, bool CanHold);
}
