using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>
/// From a package in an environment to the project that it holds: by conda's conventions, and by a table where they mislead
/// (conda <c>pytorch</c> is PyPI's <c>torch</c>, conda <c>zstd</c> is not PyPI's <c>zstd</c>). It answers what the package is, not what is bundled in it.
/// </summary>
public sealed class ConventionMapping(CondaNames names)
{
    private const string R = "r-";
    private const string Bioconductor = "bioconductor-";

    /// <summary>With the table that is built in.</summary>
    public static ConventionMapping BuiltIn { get; } = new(CondaNames.BuiltIn);

    public MappedPackage Map(in InstalledPackage package)
    {
        var name = package.Name;
        if (package.Manager == PackageManager.PyPI) return Project(MappingBasis.PyPI, Ecosystems.PyPI, name);
        if (IsVirtual(name)) return Native(MappingAnswer.NotApplicable, MappingBasis.None, name);
        if (names.Find(name) is { } exception) return Exceptional(exception);
        if (name.StartsWith(R, StringComparison.Ordinal) && name.Length > R.Length)
            return Project(MappingBasis.RName, Ecosystems.Cran, name, R.Length);
        if (name.StartsWith(Bioconductor, StringComparison.Ordinal) && name.Length > Bioconductor.Length)
            return Project(MappingBasis.RName, Ecosystems.Bioconductor, name, Bioconductor.Length);
        if (string.IsNullOrEmpty(package.Build)) return Project(MappingBasis.NameOnly, Ecosystems.PyPI, name);
        return IsPythonBuild(package.Build)
            ? Project(MappingBasis.PythonBuild, Ecosystems.PyPI, name)
            : Native(MappingAnswer.Unknown, MappingBasis.None, name);
    }

    /// <summary>What the rule that an answer comes from says about this package in particular; null where it says the same about all.</summary>
    public string? ReasonOf(in InstalledPackage package, in MappedPackage mapped) =>
        mapped.Basis == MappingBasis.Table ? names.Find(package.Name)?.Why : null;

    /// <summary>In which order the versions of a project compare.</summary>
    public VersionScheme SchemeOf(string ecosystem, string name) => ecosystem switch
    {
        Ecosystems.PyPI => VersionScheme.Pep440,
        Ecosystems.Cran or Ecosystems.Bioconductor => VersionScheme.Cran,
        Ecosystems.Conda => names.SchemeOf(name),
        _ => VersionScheme.Generic,
    };

    /// <summary>
    /// Whether a build string says Python: <c>py</c> at its start or after an underscore and not as <c>pypy</c>, or <c>py</c> and a digit anywhere
    /// (<c>py312h06a4308_0</c>, <c>pyhd8ed1ab_0</c>, <c>cpu_mkl_py312_h446997d_101</c>, <c>unix_pyh707e725_0</c>).
    /// </summary>
    public static bool IsPythonBuild(ReadOnlySpan<char> build)
    {
        for (var at = 0; ; at += 2)
        {
            var next = build[at..].IndexOf("py");
            if (next < 0) return false;
            at += next;
            var rest = build[(at + 2)..];
            if (!rest.IsEmpty && char.IsAsciiDigit(rest[0])) return true;
            if ((at == 0 || build[at - 1] == '_') && !rest.StartsWith("py")) return true;
        }
    }

    // __glibc, __cuda and the like stand for what the machine has.
    private static bool IsVirtual(string name) => name.StartsWith("__", StringComparison.Ordinal);

    private MappedPackage Exceptional(CondaNames.Entry entry) =>
        entry.Pypi is not null ? Project(MappingBasis.Table, Ecosystems.PyPI, entry.Pypi)
        : entry.Native is not null ? Native(MappingAnswer.Project, MappingBasis.Table, entry.Native)
        : Native(entry.Meta ? MappingAnswer.NotApplicable : MappingAnswer.NoSuchProject, MappingBasis.Table, entry.Conda);

    private MappedPackage Project(MappingBasis basis, string ecosystem, string name, int skip = 0) =>
        new(MappingAnswer.Project, basis, ecosystem, name, skip, SchemeOf(ecosystem, name));

    private MappedPackage Native(MappingAnswer answer, MappingBasis basis, string name) =>
        new(answer, basis, Ecosystems.Conda, name, 0, names.SchemeOf(name));
}
