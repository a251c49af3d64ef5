using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>
/// From a package in an environment to the project that it holds: by a table where names mislead (conda <c>pytorch</c> is PyPI's
/// <c>torch</c>, conda <c>zstd</c> is not PyPI's <c>zstd</c>), by published mappings, and by conda's conventions. It answers what the
/// package is, not what is bundled in it.
/// </summary>
public sealed class ConventionMapping(CondaNames names, CondaChannels channels, PublishedMapping published)
{
    private const string R = "r-";
    private const string Bioconductor = "bioconductor-";

    /// <summary>With the built-in tables only, without imported mappings.</summary>
    public static ConventionMapping BuiltIn { get; } = new(CondaNames.BuiltIn, CondaChannels.BuiltIn, PublishedMapping.None);

    public MappedPackage Map(in InstalledPackage package)
    {
        if (package.Manager == PackageManager.PyPI)
        {
            return Project(MappingBasis.PyPI, Ecosystems.PyPI, package.Name, 0, true);
        }

        if (IsVirtual(package.Name))
        {
            return Native(MappingAnswer.NotApplicable, MappingBasis.None, package.Name, true);
        }

        var channel = channels.Find(package.Channel);
        return Map(package, channel.IsKnown || published.Covers(channel.Name!) ? channel with { IsKnown = true } : channel);
    }

    /// <summary>The reason that the rule behind an answer gives for this package; null where it is the same for all packages.</summary>
    public string? ReasonOf(in InstalledPackage package, in MappedPackage mapped) => (mapped.Basis, mapped.Answer) switch
    {
        (MappingBasis.Table, _) => names.Find(package.Name, channels.Find(package.Channel).Name)?.Why,
        (_, MappingAnswer.NoSuchProject) => "the published mapping of the channel's packages found no project of PyPI in it",
        (MappingBasis.Parselmouth or MappingBasis.Grayskull, MappingAnswer.Unknown) =>
            "the published mapping names several projects in it, and nothing tells which of them it is",
        (MappingBasis.PartName, _) => "conda gives such names also to parts of a project and to projects that it renames",
        _ => null,
    };

    /// <summary>The canonical name of a package's channel; null where the log names none.</summary>
    internal string? ChannelOf(in InstalledPackage package) => channels.Find(package.Channel).Name;

    /// <summary>In which order the versions of a project are compared.</summary>
    public VersionScheme SchemeOf(string ecosystem, string name) => ecosystem switch
    {
        Ecosystems.PyPI => VersionScheme.Pep440,
        Ecosystems.Cran or Ecosystems.Bioconductor => VersionScheme.Cran,
        Ecosystems.Conda => names.SchemeOf(name),
        _ => VersionScheme.Generic,
    };

    /// <summary>
    /// Whether a build string indicates Python: <c>py</c> at its start or after an underscore and not as <c>pypy</c>, or <c>py</c> and a
    /// digit anywhere (<c>py312h06a4308_0</c>, <c>pyhd8ed1ab_0</c>, <c>cpu_mkl_py312_h446997d_101</c>, <c>unix_pyh707e725_0</c>).
    /// </summary>
    public static bool IsPythonBuild(ReadOnlySpan<char> build)
    {
        for (var at = 0; ; at += 2)
        {
            var next = build[at..].IndexOf("py");
            if (next < 0)
            {
                return false;
            }

            at += next;
            var rest = build[(at + 2)..];
            if (!rest.IsEmpty && char.IsAsciiDigit(rest[0]))
            {
                return true;
            }

            if ((at == 0 || build[at - 1] == '_') && !rest.StartsWith("py"))
            {
                return true;
            }
        }
    }

    private MappedPackage Map(in InstalledPackage package, KnownChannel channel)
    {
        var name = package.Name;
        var hasBuild = !string.IsNullOrEmpty(package.Build);
        var isPython = hasBuild && IsPythonBuild(package.Build);
        if (names.Find(name, channel.Name) is { } exception && (exception.Python is null || exception.Python == isPython))
        {
            return Exceptional(exception, channel.IsKnown);
        }

        var said = published.Find(channel.Name, name);

        // Metadata with another name in a package that was not built for Python belongs to something bundled.
        if (said.Kind == PublishedKind.Project && (isPython || !hasBuild || said.IsOwnName))
        {
            return Project(said.Basis, Ecosystems.PyPI, said.Project, 0, channel.IsKnown);
        }

        if (said.Kind == PublishedKind.Several && (isPython || !hasBuild))
        {
            return Native(MappingAnswer.Unknown, said.Basis, name, channel.IsKnown);
        }

        if (name.StartsWith(R, StringComparison.Ordinal) && name.Length > R.Length)
        {
            return Project(MappingBasis.RName, Ecosystems.Cran, name, R.Length, channel.IsKnown);
        }

        if (name.StartsWith(Bioconductor, StringComparison.Ordinal) && name.Length > Bioconductor.Length)
        {
            return Project(MappingBasis.RName, Ecosystems.Bioconductor, name, Bioconductor.Length, channel.IsKnown);
        }

        // "No metadata was found" is also true of older Python packages whose builds left it out; a build for Python counts for more.
        if (isPython)
        {
            return Project(
                IsPartName(name) ? MappingBasis.PartName : MappingBasis.PythonBuild, Ecosystems.PyPI, name, 0, channel.IsKnown);
        }

        if (said.Kind == PublishedKind.NoProject)
        {
            return Native(MappingAnswer.NoSuchProject, said.Basis, name, channel.IsKnown);
        }

        return hasBuild
            ? Native(MappingAnswer.Unknown, MappingBasis.None, name, channel.IsKnown)
            : Project(MappingBasis.NameOnly, Ecosystems.PyPI, name, 0, channel.IsKnown);
    }

    /// <summary>
    /// Whether a name looks like that of a part of a project (<c>numpy-base</c>, <c>dask-core</c>, <c>flask-with-async</c>), or like one
    /// that conda gives to a project whose own name another package has (<c>python-tzdata</c>, <c>h3-py</c>). On conda-forge half of such
    /// names are no project of PyPI.
    /// </summary>
    public static bool IsPartName(ReadOnlySpan<char> name)
    {
        if (name.StartsWith("python-", StringComparison.Ordinal) || name.StartsWith("python_", StringComparison.Ordinal)
            || name.Contains("-with-", StringComparison.Ordinal))
        {
            return true;
        }

        var last = name[(name.LastIndexOfAny('-', '_') + 1)..];
        return last.Length < name.Length && (last is "base" or "core" or "default" or "impl" or "py" or "python" or "raw");
    }

    // __glibc, __cuda and the like stand for features of the machine.
    private static bool IsVirtual(string name) => name.StartsWith("__", StringComparison.Ordinal);

    private MappedPackage Exceptional(CondaNames.Entry entry, bool isChannelKnown) =>
        entry.Pypi is not null ? Project(MappingBasis.Table, Ecosystems.PyPI, entry.Pypi, 0, isChannelKnown)
        : entry.Native is not null ? Native(MappingAnswer.Project, MappingBasis.Table, entry.Native, isChannelKnown)
        : Native(entry.Meta ? MappingAnswer.NotApplicable : MappingAnswer.NoSuchProject, MappingBasis.Table, entry.Conda, isChannelKnown);

    private MappedPackage Project(MappingBasis basis, string ecosystem, string name, int skip, bool isChannelKnown) =>
        new(MappingAnswer.Project, basis, ecosystem, name, skip, SchemeOf(ecosystem, name), isChannelKnown);

    private MappedPackage Native(MappingAnswer answer, MappingBasis basis, string name, bool isChannelKnown) =>
        new(answer, basis, Ecosystems.Conda, name, 0, names.SchemeOf(name), isChannelKnown);
}
