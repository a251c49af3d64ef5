using System.Buffers;

using EnvPlatform.Conda;

namespace EnvPlatform.Scanner.Matching.Versions;

/// <summary>
/// A release of OpenSSL: three numbers, then letters that number the fixes (<c>1.0.2z</c> before <c>1.0.2za</c>), then a pre-release of
/// alpha, beta or pre that comes before it (https://www.openssl.org/policies/releasestrat.html). From 3.0 on there are no letters.
/// </summary>
public readonly struct OpenSslVersion : IVersion<OpenSslVersion>
{
    private static readonly SearchValues<char> OfMetadata = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");

    private readonly string? _text;

    // Major, minor and patch of 12 bits, up to two letters of 5 bits, then the stage of 2 bits and its number of 10.
    private readonly ulong _key;

    private OpenSslVersion(string text, ulong key)
    {
        _text = text;
        _key = key;
    }

    public string Text => _text ?? "0.0.0";

    // What follows a plus does not count in any comparison.
    public bool HasLocal => false;

    public OpenSslVersion WithoutLocal => this;

    public static bool TryParse(string? text, out OpenSslVersion version)
    {
        version = default;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var rest = text.AsSpan();
        if (rest.IndexOf('+') is >= 0 and var plus)
        {
            // The build metadata of OpenSSL 3 (3.0.8+quic): it names a rebuild of the release.
            if (plus == rest.Length - 1 || rest[(plus + 1)..].ContainsAnyExcept(OfMetadata))
            {
                return false;
            }

            rest = rest[..plus];
        }

        var key = 0UL;
        for (var i = 0; i < 3; i++)
        {
            if (!TakeNumber(ref rest, 4095, out var number))
            {
                return false;
            }

            key = (key << 12) | number;
            if (i == 2)
            {
                break;
            }

            if (rest.IsEmpty || rest[0] != '.')
            {
                return false;
            }

            rest = rest[1..];
        }

        if (!TakeLetters(ref rest, out var letters) || !TakeStage(rest, out var stage))
        {
            return false;
        }

        version = new OpenSslVersion(text, (key << 22) | ((ulong)letters << 12) | stage);
        return true;
    }

    public int CompareTo(OpenSslVersion other) => _key.CompareTo(other._key);

    public bool Equals(OpenSslVersion other) => _key == other._key;

    public override bool Equals(object? obj) => obj is OpenSslVersion other && Equals(other);

    public override int GetHashCode() => _key.GetHashCode();

    public override string ToString() => Text;

    public static bool operator ==(OpenSslVersion left, OpenSslVersion right) => left.Equals(right);
    public static bool operator !=(OpenSslVersion left, OpenSslVersion right) => !left.Equals(right);
    public static bool operator <(OpenSslVersion left, OpenSslVersion right) => left.CompareTo(right) < 0;
    public static bool operator >(OpenSslVersion left, OpenSslVersion right) => left.CompareTo(right) > 0;
    public static bool operator <=(OpenSslVersion left, OpenSslVersion right) => left.CompareTo(right) <= 0;
    public static bool operator >=(OpenSslVersion left, OpenSslVersion right) => left.CompareTo(right) >= 0;

    private static bool TakeNumber(ref ReadOnlySpan<char> rest, uint limit, out uint number)
    {
        number = 0;
        var length = VersionText.DigitsAt(rest, 0);
        if (length == 0)
        {
            return false;
        }

        foreach (var digit in rest[..length])
        {
            number = (number * 10) + (uint)(digit - '0');
            if (number > limit)
            {
                return false;
            }
        }

        rest = rest[length..];
        return true;
    }

    // After z comes za: the second letter counts on while the first stays z.
    private static bool TakeLetters(ref ReadOnlySpan<char> rest, out uint letters)
    {
        letters = 0;
        var length = 0;
        while (length < rest.Length && char.IsAsciiLetterLower(rest[length]))
        {
            length++;
        }

        if (length == 0)
        {
            return true;
        }

        if (length > 2 || (length == 2 && rest[0] != 'z'))
        {
            return false;
        }

        letters = (uint)(rest[0] - 'a' + 1) << 5;
        if (length == 2)
        {
            letters |= (uint)(rest[1] - 'a' + 1);
        }

        rest = rest[length..];
        return true;
    }

    private static bool TakeStage(ReadOnlySpan<char> rest, out uint stage)
    {
        const uint release = 3u << 10;
        stage = release;
        if (rest.IsEmpty)
        {
            return true;
        }

        if (rest[0] is not ('-' or '_'))
        {
            return false;
        }

        rest = rest[1..];
        var (word, rank) = rest.StartsWith("alpha", StringComparison.Ordinal) ? ("alpha", 0u)
            : rest.StartsWith("beta", StringComparison.Ordinal) ? ("beta", 1u)
            : rest.StartsWith("pre", StringComparison.Ordinal) ? ("pre", 2u)
            : ("", 0u);
        if (word.Length == 0)
        {
            return false;
        }

        rest = rest[word.Length..];
        if (!TakeNumber(ref rest, 1023, out var number) || !rest.IsEmpty)
        {
            return false;
        }

        stage = (rank << 10) | number;
        return true;
    }
}
