using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Scanner.Matching;
using EnvPlatform.Scanner.Matching.Versions;

namespace EnvPlatform.Scanner.Upgrades;

/// <summary>Releases that advisories name as fixes and that the public cannot get.</summary>
internal static class WithheldReleases
{
    private static readonly Release[] All = Read();

    /// <summary>Why nobody can install a version of a native project; null where nothing is known of that.</summary>
    public static string? Why(PackageIdentity project, VersionScheme scheme, string version) =>
        project.Ecosystem != Ecosystems.Conda
            ? null
            : Array.Find(All, release => release.Project == project.Name
                && VersionOrder.Compare(scheme, version, release.After) > 0
                && VersionOrder.Compare(scheme, version, release.Before) < 0)?.Why;

    private static Release[] Read()
    {
        using var json = Assembly.GetExecutingAssembly().GetManifestResourceStream("withheld-releases.json")
            ?? throw new InvalidOperationException("The list of withheld releases is not embedded.");
        return JsonSerializer.Deserialize(json, WithheldJson.Default.Document)!.Releases;
    }

    /// <param name="After">The last version that everybody can get.</param>
    /// <param name="Before">The first version from which on everybody can again.</param>
    internal sealed record Release(string Project, string After, string Before, string Why, string Source);

    internal sealed record Document(Release[] Releases);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(WithheldReleases.Document))]
internal sealed partial class WithheldJson : JsonSerializerContext;
