using System.Text.Json;

using EnvPlatform.Contracts.Packages;

namespace EnvPlatform.Bench.Load;

/// <summary>
/// Package lists of 300 packages each: most of a real environment's packages, as an update would leave them, and one that no other list
/// has, so that every list has something new and no two are equal.
/// </summary>
internal sealed class Fleet
{
    private const int PackagesEach = 300;
    private readonly PackageKey[][] _bases;

    private Fleet(PackageKey[][] bases) => _bases = bases;

    public static Fleet Read()
    {
        var folder =
            Environment.GetEnvironmentVariable("ENVPLATFORM_DATA") is { Length: > 0 } given ? given : Path.Combine("..", "shared", "data");
        var file = Path.Combine(folder, "environments", "environments.jsonl");
        if (!File.Exists(file))
        {
            Console.WriteLine($"No {file}: package lists are made up.");
            return new([.. Enumerable.Range(0, 50).Select(MakeUp)]);
        }

        return new([.. File.ReadLines(file).Select(ReadPackages).Where(packages => packages.Length >= PackagesEach)]);
    }

    /// <summary>The body of a log of the n-th environment, with its packages or with the digest alone.</summary>
    public byte[] Log(Guid machine, int n, bool digestOnly)
    {
        var random = new Random(n);
        var shuffled = _bases[n % _bases.Length].ToArray();
        random.Shuffle(shuffled);
        var packages = shuffled.Take(PackagesEach - 1).Append(new PackageKey("conda", "bench", "noarch", "only-in", $"{n}", "0")).ToArray();
        return LogBody.Of(machine, Prefix(n), $"env-{n}", packages, digestOnly);
    }

    private static PackageKey[] MakeUp(int n) =>
        [
            .. Enumerable.Range(0, PackagesEach + 50)
                .Select(i => new PackageKey("conda", "conda-forge", "linux-64", $"package-{i}", $"1.{n}", "h0_0"))
        ];

    private static PackageKey[] ReadPackages(string line) =>
        [
            .. JsonDocument.Parse(line).RootElement.GetProperty("packages").EnumerateArray()
                .Where(package => Text(package, "manager") == "conda" && Text(package, "version").Length > 0)
                .Select(package => new PackageKey(
                    "conda", Text(package, "channel"), Text(package, "subdir"), Text(package, "name"), Text(package, "version"),
                    Text(package, "build")))
                .Distinct(),
        ];

    public static string Prefix(int n) => $"/opt/envs/env-{n}";

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}
