using System.Globalization;

namespace EnvPlatform.Transparency;

/// <summary>The size and root of a log at a moment (C2SP tlog-checkpoint): the text of the note that the log signs.</summary>
/// <param name="Origin">The log's name; also that of the keys that sign for it.</param>
/// <param name="Size">The number of leaves.</param>
/// <param name="Root">The root hash, 32 bytes.</param>
public sealed record Checkpoint(string Origin, long Size, ReadOnlyMemory<byte> Root)
{
    /// <summary>Null where the text of a note is not a checkpoint. Extension lines are passed over.</summary>
    public static Checkpoint? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var lines = text.Split('\n');
        if (lines is not [{ Length: > 0 } origin, var size, var root, .. var rest] || rest is not [.. var extensions, ""]
            || extensions.Any(line => line.Length == 0)
            || !long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || size != count.ToString(CultureInfo.InvariantCulture))
        {
            return null;
        }

        return StrictBase64.Decode(root) is { Length: MerkleHash.Length } hash ? new(origin, count, hash) : null;
    }

    public string ToText() =>
        string.Create(CultureInfo.InvariantCulture, $"{Origin}\n{Size}\n{Convert.ToBase64String(Root.Span)}\n");
}
