using System.Globalization;

namespace EnvPlatform.Transparency;

/// <summary>Which tile a path names (C2SP tlog-tiles): <c>x001/x234/067.p/12</c> is tile 1,234,067, of which 12 hashes are there.</summary>
/// <param name="Width">256 for a full tile.</param>
public readonly record struct TilePath(long Index, int Width)
{
    /// <summary>Hashes of a full tile; each is the root over so many hashes of the level below.</summary>
    public const int FullWidth = 256;

    /// <summary>Levels of the tree that a tile spans.</summary>
    public const int Height = 8;

    public static TilePath? Parse(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var (number, width) = (path, FullWidth);
        if (path.IndexOf(".p/", StringComparison.Ordinal) is var at and >= 0)
        {
            number = path[..at];
            if (!int.TryParse(path[(at + 3)..], NumberStyles.None, CultureInfo.InvariantCulture, out width) || width is < 1 or >= FullWidth)
            {
                return null;
            }
        }

        long index = 0;
        var parts = number.Split('/');
        for (var i = 0; i < parts.Length; i++)
        {
            var digits = i == parts.Length - 1 ? parts[i] : parts[i].StartsWith('x') ? parts[i][1..] : "";
            if (parts.Length > 5 || digits.Length != 3
                || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var part))
            {
                return null;
            }

            index = index * 1_000 + part;
        }

        var tile = new TilePath(index, width);
        // One tile, one path.
        return tile.ToString() == path ? tile : null;
    }

    public override string ToString()
    {
        var path = (Index % 1_000).ToString("000", CultureInfo.InvariantCulture);
        for (var rest = Index / 1_000; rest > 0; rest /= 1_000)
        {
            path = string.Create(CultureInfo.InvariantCulture, $"x{rest % 1_000:000}/{path}");
        }

        return Width == FullWidth ? path : string.Create(CultureInfo.InvariantCulture, $"{path}.p/{Width}");
    }
}
