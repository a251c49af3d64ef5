using System.Text.Json;

using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Agent.Collectors.Files;

/// <summary>
/// Reads what <c>conda list --json</c> (also mamba's and micromamba's) prints: an array of packages, those of pip under the channel
/// <c>pypi</c>.
/// </summary>
internal static class CondaListJson
{
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public static FileContent Read(string text)
    {
        using var document = JsonDocument.Parse(text);
        var packages = new List<Package>();
        var notExact = new List<NotExact>();
        foreach (var entry in document.RootElement.EnumerateArray())
        {
            if (OfEntry(entry) is { } package)
            {
                packages.Add(package);
            }
            else
            {
                notExact.Add(new NotExact(Package.Conda, Secrets.Masked(entry.GetRawText()), NotExact.NotUnderstood));
            }
        }

        return new FileContent(null, CondaPlatform.OfPackages(packages), packages, notExact, []);
    }

    private static Package? OfEntry(JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object || Text(entry, "name") is not { } name || Text(entry, "version") is not { } version)
        {
            return null;
        }

        var channel = Text(entry, "channel");
        if (channel == "pypi")
        {
            return new Package(Package.PyPi, PyPiName.Normalized(name), version);
        }

        var platform = Text(entry, "platform") ?? Text(entry, "subdir");
        return new Package(
            Package.Conda, name, version, Text(entry, "build_string") ?? Text(entry, "build"),
            CondaChannel.IsSubdir(platform) ? platform : CondaChannel.SubdirOf(Text(entry, "url")),
            // Channels of two hosts can have the same short name: the address distinguishes them.
            CondaChannel.CanonicalName(Text(entry, "base_url")) ?? CondaChannel.CanonicalName(channel),
            Text(entry, "sha256"), Text(entry, "license"));
    }

    private static string? Text(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            && value.GetString() is { Length: > 0 } text ? text : null;
}
