using System.Buffers;

using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>Under which names repodata is kept.</summary>
internal static class RepodataChannels
{
    public const string NoArch = "noarch";
    private const string Label = "/label/";
    private static readonly SearchValues<char> OfSubdir = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>The platforms that channels publish most for; a feed for each where none is named.</summary>
    public static IReadOnlyList<string> Usual { get; } = ["linux-64", "linux-aarch64", NoArch, "osx-64", "osx-arm64", "win-64"];

    public static bool IsSubdir(string text) => text.Length is > 0 and <= 64 && !text.AsSpan().ContainsAnyExcept(OfSubdir);

    /// <summary>
    /// The channel's canonical name; a mirror's is that of the channel that it is a mirror of. A label holds other packages than its
    /// channel, and keeps its own name. Null where the log names no channel.
    /// </summary>
    public static string? NameOf(CondaChannels channels, string? channel)
    {
        var name = channel?.Trim().TrimEnd('/');
        if (string.IsNullOrEmpty(name))
        {
            return null;
        }

        var label = name.IndexOf(Label, StringComparison.Ordinal);
        return label < 0 ? channels.Find(name).Name : $"{channels.Find(name[..label]).Name}{name[label..]}";
    }
}
