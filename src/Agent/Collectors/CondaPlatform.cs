using System.Runtime.InteropServices;

namespace EnvPlatform.Agent.Collectors;

/// <summary>conda's names of platforms.</summary>
internal static class CondaPlatform
{
    /// <summary>The platform of the machine that this process runs on.</summary>
    public static string OfThisMachine() =>
        Of(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : OperatingSystem.IsFreeBSD() ? "freebsd" : "linux",
            RuntimeInformation.OSArchitecture);

    /// <summary>The platform of a system (<c>linux</c>, <c>osx</c>, <c>win</c>) and processor architecture.</summary>
    public static string Of(string system, Architecture architecture) => (system, architecture) switch
    {
        (_, Architecture.X64) => system + "-64",
        (_, Architecture.X86) => system + "-32",
        ("linux", Architecture.Arm64) => "linux-aarch64",
        (_, Architecture.Arm64) => system + "-arm64",
        (_, Architecture.Arm or Architecture.Armv6) => system + (architecture == Architecture.Arm ? "-armv7l" : "-armv6l"),
        _ => $"{system}-{architecture.ToString().ToLowerInvariant()}",
    };

    /// <summary>
    /// The platform that most packages were built for, except <c>noarch</c>; null where all are <c>noarch</c> or unknown.
    /// </summary>
    public static string? OfPackages(IEnumerable<Package> packages) =>
        packages.Where(package => package.Subdir is not (null or "noarch"))
            .CountBy(package => package.Subdir!)
            .OrderByDescending(pair => pair.Value)
            .ThenBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => pair.Key)
            .FirstOrDefault();

    /// <summary>The platform that a file's name mentions (<c>conda-linux-64.lock</c>, <c>py35-osx-conda.yml</c>), or null.</summary>
    public static string? OfFileName(string fileName)
    {
        string[] known =
        [
            "linux-aarch64", "linux-ppc64le", "linux-s390x", "linux-64", "linux-32", "osx-arm64", "osx-64", "win-arm64", "win-64", "win-32"
        ];
        var full = known.FirstOrDefault(platform => HasWord(fileName, platform));
        if (full is not null)
        {
            return full;
        }

        return HasWord(fileName, "linux") ? "linux-64" : HasWord(fileName, "osx") ? "osx-64" : HasWord(fileName, "win") ? "win-64" : null;
    }

    private static bool HasWord(string text, string word)
    {
        for (var at = text.IndexOf(word, StringComparison.OrdinalIgnoreCase); at >= 0;
             at = text.IndexOf(word, at + 1, StringComparison.OrdinalIgnoreCase))
        {
            var end = at + word.Length;
            if ((at == 0 || !char.IsLetterOrDigit(text[at - 1])) && (end == text.Length || !char.IsLetterOrDigit(text[end])))
            {
                return true;
            }
        }

        return false;
    }
}
