using System.Reflection;

using EnvPlatform.Scanner.Advisories.Osv;

namespace EnvPlatform.Scanner.Advisories.Starter;

/// <summary>
/// Advisories of our own that are built in, so that a first start finds well-known vulnerabilities without a network: OpenSSL, curl, zlib
/// and other native libraries under the ecosystem <c>conda</c>, Python distributions under <c>PyPI</c>. Each has its CVE as an alias, so
/// that it becomes one vulnerability with the records of feeds that are imported later.
/// </summary>
public static class StarterSet
{
    private const string Prefix = "ENVP-";

    /// <summary>Whether an advisory is one of these, by its id.</summary>
    public static bool Holds(string advisoryId)
    {
        ArgumentNullException.ThrowIfNull(advisoryId);
        return advisoryId.StartsWith(Prefix, StringComparison.Ordinal);
    }

    /// <summary>Reads the set anew.</summary>
    public static IReadOnlyList<Advisory> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var advisories = new List<Advisory>();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith("starter/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            using var json = assembly.GetManifestResourceStream(name)!;
            advisories.AddRange(OsvArchive.Read(json).Select(entry => entry.Record is OsvRecord.Valid valid
                ? valid.Advisory
                : throw new InvalidOperationException($"The starter set is damaged: {name}: {entry.Record}")));
        }

        return advisories;
    }
}
