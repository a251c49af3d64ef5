namespace EnvPlatform.Contracts.Packages;

/// <summary>
/// What makes two packages the same: manager (`conda` or `pypi`), canonical channel name, subdir, name, version and build.
/// A field that does not apply is empty, never null.
/// </summary>
public readonly record struct PackageKey(string Manager, string Channel, string Subdir, string Name, string Version, string Build)
{
    /// <summary>The line that goes into the digest, without its end: `manager|channel|subdir|name|version|build`.</summary>
    public override string ToString() => $"{Manager}|{Channel}|{Subdir}|{Name}|{Version}|{Build}";
}
