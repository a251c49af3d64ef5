using EnvPlatform.Contracts.Masking;
using EnvPlatform.Contracts.Packages;

namespace EnvPlatform.Agent.Collectors;

/// <summary>A package of an environment, as the environment log sends it. Unknown fields are null and left out of the JSON.</summary>
/// <param name="Manager"><c>conda</c> or <c>pypi</c>.</param>
/// <param name="Name">conda's name, or the PyPI name normalised as PEP 503 says.</param>
/// <param name="Version">The exact version, as its manager writes it.</param>
/// <param name="Build">conda's build string.</param>
/// <param name="Subdir">conda's platform folder, such as <c>linux-64</c> or <c>noarch</c>.</param>
/// <param name="Channel">The canonical name of the channel, see <see cref="CondaChannel"/>.</param>
/// <param name="Sha256">Of the package's archive, in hexadecimal.</param>
/// <param name="License">As the package declares it.</param>
/// <param name="Requested">True where the user requested the package by name; null otherwise.</param>
internal sealed record Package(
    string Manager,
    string Name,
    string Version,
    string? Build = null,
    string? Subdir = null,
    string? Channel = null,
    string? Sha256 = null,
    string? License = null,
    bool? Requested = null)
{
    public const string Conda = "conda";
    public const string PyPi = "pypi";

    /// <summary>
    /// Whether the platform accepts the package: fields of at most 255 characters without control characters and without the bar, which
    /// separates the fields in the digest.
    /// </summary>
    public bool IsSound() => new[] { Name, Version, Build, Subdir, Channel }.All(
        field => field is null || (field.Length <= 255 && !field.Any(c => c == '|' || char.IsControl(c))));

    /// <summary>The identity of a package in a set: all fields of the digest.</summary>
    public PackageKey Key() => new(Manager, Channel ?? "", Subdir ?? "", Name, Version, Build ?? "");
}

/// <summary>What a reader could not read in full: reported, never guessed and never passed over.</summary>
/// <param name="Manager"><c>conda</c> or <c>pypi</c>.</param>
/// <param name="Spec">The text of the file, secrets masked, or the path of a file below the environment.</param>
/// <param name="Reason">One of the constants here; it reaches the platform.</param>
internal sealed record NotExact(string Manager, string Spec, string Reason = NotExact.NoExactVersion)
{
    /// <summary>A dependency without an exact version: a range, a wildcard, a bare name, a branch, a folder.</summary>
    public const string NoExactVersion = "no_exact_version";

    /// <summary><c>name=3.11</c> written by hand: conda takes it for any 3.11.x.</summary>
    public const string PartialVersion = "partial_version";

    /// <summary>A record of conda that is broken; where its file name tells name, version and build, these are kept.</summary>
    public const string UnreadableRecord = "unreadable_record";

    /// <summary>A record of conda that describes another package than its file name, which conda itself ignores.</summary>
    public const string MisnamedRecord = "misnamed_record";

    /// <summary>A Python distribution that tells neither name nor version.</summary>
    public const string UnreadableDistribution = "unreadable_distribution";

    /// <summary>A folder of the environment that cannot be listed: what is in it is not known.</summary>
    public const string UnreadableFolder = "unreadable_folder";

    /// <summary>A package that the platform does not take, see <see cref="Package.IsSound"/>.</summary>
    public const string InvalidPackage = "invalid_package";

    /// <summary>A line or entry of a file that is none of those that the reader knows.</summary>
    public const string NotUnderstood = "not_understood";

    private const int LongestSent = 500;

    /// <summary>The package that is meant, its version a range such as <c>3.11.*</c>; null where that is not known.</summary>
    public Package? Range { get; init; }

    /// <summary>The text as the platform takes it: on one line, without control characters, bounded.</summary>
    public string ShortSpec()
    {
        var text = Spec.Length > LongestSent ? Spec[..LongestSent] : Spec;
        return string.Concat(text.Select(character => char.IsControl(character) || char.IsSurrogate(character) ? '\uFFFD' : character));
    }
}

/// <summary>An environment as it was found on disk or in a file.</summary>
/// <param name="Prefix">The absolute path of the environment, or of the file (with <c>#platform</c> where it holds several).</param>
/// <param name="Name">What people call it.</param>
/// <param name="Platform">conda's name of the platform; null where neither the packages nor the file name it.</param>
/// <param name="Command">The command that last changed it, secrets masked; null where unknown.</param>
/// <param name="Packages">Each package once, in a stable order.</param>
/// <param name="NotExact">What could not be read in full; empty where everything was.</param>
/// <param name="Warnings">Sentences for the user: what was skipped and why.</param>
/// <param name="Location">The folder that a file names as the environment's own; null where it names none, and for one on disk.</param>
internal sealed record CollectedEnvironment(
    string Prefix,
    string Name,
    string? Platform,
    string? Command,
    IReadOnlyList<Package> Packages,
    IReadOnlyList<NotExact> NotExact,
    IReadOnlyList<string> Warnings,
    string? Location = null)
{
    /// <summary>The packages of which only a range of versions is known, each once.</summary>
    public IEnumerable<Package> Ranges =>
        NotExact.Select(open => open.Range).OfType<Package>().Where(range => range.IsSound()).DistinctBy(range => range.Key());

    /// <summary>Each valid package once, in a stable order; an entry and a warning for each invalid one.</summary>
    public static IReadOnlyList<Package> Tidy(
        IEnumerable<Package> packages, ICollection<NotExact> notExact, ICollection<string> warnings)
    {
        var all = packages.ToLookup(package => package.IsSound());
        foreach (var package in all[false])
        {
            notExact.Add(new NotExact(
                package.Manager, Secrets.Masked($"{package.Name} {package.Version} {package.Build}".TrimEnd()),
                Collectors.NotExact.InvalidPackage));
            warnings.Add($"A {package.Manager} package was skipped: its name, version, build or channel is longer than 255 characters or "
                + "has forbidden ones.");
        }

        return [.. all[true].DistinctBy(package => package.Key())
            .OrderBy(package => package.Name, StringComparer.Ordinal)
            .ThenBy(package => package.Manager, StringComparer.Ordinal)
            .ThenBy(package => package.Version, StringComparer.Ordinal)
            .ThenBy(package => package.Build, StringComparer.Ordinal)];
    }
}
