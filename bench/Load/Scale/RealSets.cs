using System.Text.Json;

using EnvPlatform.Contracts.Packages;

namespace EnvPlatform.Bench.Load.Scale;

/// <summary>
/// Package sets drawn from those of real environments: the real ones first, then ones in which a few packages have another version or build
/// that occurs elsewhere among them, as in environments that were created at another time.
/// </summary>
internal sealed class RealSets
{
    private const int MostChanges = 8;
    private readonly PackageKey[][] _real;
    private readonly Dictionary<(string Manager, string Name), PackageKey[]> _known;

    private RealSets(PackageKey[][] real)
    {
        _real = real;
        _known = real.SelectMany(set => set).Distinct().GroupBy(package => (package.Manager, package.Name))
            .ToDictionary(group => group.Key, group => group.ToArray());
    }

    public int Real => _real.Length;

    public static RealSets Read(string data) =>
        new([.. File.ReadLines(Path.Combine(data, "environments", "environments.jsonl")).Select(ReadPackages)
            .DistinctBy(PackageSetDigest.Compute)]);

    public PackageKey[] this[int n]
    {
        get
        {
            var packages = _real[n % _real.Length];
            if (n < _real.Length)
            {
                return packages;
            }

            var random = new Random(n);
            var changed = packages.ToArray();
            for (var change = random.Next(1, MostChanges + 1); change > 0; change--)
            {
                var at = random.Next(changed.Length);
                changed[at] = random.GetItems(_known[(changed[at].Manager, changed[at].Name)], 1)[0];
            }

            return [.. changed.Distinct()];
        }
    }

    private static PackageKey[] ReadPackages(string line)
    {
        using var environment = JsonDocument.Parse(line);
        return
        [
            .. environment.RootElement.GetProperty("packages").EnumerateArray().Where(package => Text(package, "version").Length > 0)
                .Select(package => new PackageKey(
                    Text(package, "manager") == "pip" ? "pypi" : "conda", Text(package, "channel"), Text(package, "subdir"),
                    Text(package, "name"), Text(package, "version"), Text(package, "build")))
                .Distinct(),
        ];
    }

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}
